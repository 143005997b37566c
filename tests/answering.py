"""A small HTTP server in threads of a test's own process."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

from loadkit.stack.sink import LoopbackServer


class Answering(BaseHTTPRequestHandler):
    """Answers ``ok`` to everything; a subclass has its own :meth:`answer`."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body together
    disable_nagle_algorithm = True

    def answer(self) -> None:
        self.read()
        self.send(200, "ok")

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_PUT = do_GET

    def read(self) -> bytes:
        """The body of the request, which must be read before the next one."""
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def send(
        self, status: int, text: str, content_type: str = "text/plain", **headers: str
    ) -> None:
        body = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def answering(
    handler: type[BaseHTTPRequestHandler] = Answering,
    made: Callable[[type[BaseHTTPRequestHandler]], LoopbackServer] = LoopbackServer,
) -> Iterator[str]:
    """Serves on a free port for the length of a block; yields the URL without a slash."""
    server = made(handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
