"""A receiver for a stack that runs without a load: keeps what Alertmanager sends, a line each.

``python -m loadkit.stack.sink FILE`` listens on a free port of loopback, says which on standard
output as ``{"ready": true, "port": N, "pid": N}``, and ends on SIGTERM.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from threading import Lock
from typing import Any

from loadkit.stack.freeports import LOOPBACK

_LARGEST = 4 << 20


class LoopbackServer(ThreadingHTTPServer):
    """An HTTP server on a free port of loopback that asks no name server for its own name."""

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__((LOOPBACK, 0), handler)

    def server_bind(self) -> None:
        """Without HTTPServer's reverse look-up, which can take seconds and leaves the machine."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, int(self.server_address[1])


def serve(file: Path) -> None:
    """Appends ``{"wall_ns", "path", "body"}`` to the file for each POST; never returns."""
    lock = Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), _LARGEST)
            row = {
                "wall_ns": str(time.time_ns()),
                "path": self.path,
                "body": _decoded(self.rfile.read(length)),
            }
            with lock, file.open("a", encoding="utf-8") as output:
                output.write(json.dumps(row) + "\n")
            # PagerDuty's answer is 202, and everybody else takes it for success as well.
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return None

    server = LoopbackServer(Handler)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    print(json.dumps({"ready": True, "port": server.server_port, "pid": os.getpid()}), flush=True)
    server.serve_forever()


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m loadkit.stack.sink FILE")
    serve(Path(sys.argv[1]))
