"""A small HTTP server in threads, for what must answer while the event loop is busy."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from loadkit.reference.errors import SetupError


class QuietHandler(BaseHTTPRequestHandler):
    """HTTP/1.1 with kept connections, an answer in one write, and nothing on standard error."""

    protocol_version = "HTTP/1.1"
    server_version = "llm-cost-ops"
    sys_version = ""
    timeout = 75
    wbufsize = -1
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: this server's requests aren't worth a line."""

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        """Send a whole answer."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class Sidecar:
    """Serves a handler class on a port of its own until closed."""

    def __init__(self, host: str, port: int, handler: type[QuietHandler], option: str) -> None:
        kind = type("Server", (_Server,), {"address_family": family_of(host)})
        try:
            self._server = kind((host, port), handler)
        except (OSError, OverflowError) as error:
            raise port_taken(host, port, option, error) from error
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name=f"sidecar{option}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(1)


def port_taken(host: str, port: int, option: str, error: Exception) -> SetupError:
    """What to say when a port can't be had."""
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return SetupError(
        f"cannot listen on {host}:{port}: {reason}; give another {option}, or 0 for a free port"
    )


def family_of(host: str) -> socket.AddressFamily:
    """IPv6 for an address with colons, else IPv4."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def listen(host: str, port: int, option: str) -> socket.socket:
    """A listening socket for the API. Raises SetupError."""
    family = family_of(host)
    # asyncio sets TCP_NODELAY only where the protocol is named; without it answers of two writes
    # wait 40 ms for the client's delayed acknowledgement.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(2048)
    except (OSError, OverflowError) as error:
        sock.close()
        raise port_taken(host, port, option, error) from error
    sock.setblocking(False)
    return sock
