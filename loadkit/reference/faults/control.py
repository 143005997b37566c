"""The HTTP server faults are set with: loopback only, a token in `X-Fault-Token`.

GET    /faults        {"active": [...], "history": [...]}
POST   /faults        {"kind", "value", "duration"?, "step"?} → 201 and the fault with its id
DELETE /faults/{id}   the fault with its end
"""

import hmac
import json
from typing import Any

from loadkit.reference.faults import BadFault, Faults, make_fault
from loadkit.reference.sidecar import QuietHandler, Sidecar

LOOPBACK = "127.0.0.1"
LONGEST = 65_536
FIELDS = {"kind", "value", "duration", "step"}


class _Handler(QuietHandler):
    faults: Faults
    token: bytes

    def _json(self, status: int, value: object) -> None:
        self.answer(status, "application/json", json.dumps(value).encode() + b"\n")

    def _problem(self, status: int, title: str, detail: str) -> None:
        problem = {"type": "about:blank", "title": title, "status": status, "detail": detail}
        body = json.dumps(problem).encode() + b"\n"
        self.answer(status, "application/problem+json", body)

    def _allowed(self) -> bool:
        given = self.headers.get("X-Fault-Token", "").encode("latin-1", "replace")
        if hmac.compare_digest(given, self.token):
            return True
        # The body, if any, is not read: the connection can't be used again.
        self.close_connection = True
        self._problem(401, "Unauthorized", "X-Fault-Token is missing or wrong")
        return False

    def do_GET(self) -> None:
        """List."""
        if not self._allowed():
            return
        if self.path == "/faults":
            self._json(200, self.faults.listing())
        else:
            self._problem(404, "Not Found", "there is only /faults")

    def do_POST(self) -> None:
        """Start a fault."""
        if not self._allowed():
            return
        try:
            body = self._read()
            if self.path != "/faults":
                self._problem(404, "Not Found", "there is only /faults")
                return
            fault = make_fault(
                body.get("kind"), body.get("value"), body.get("duration"), body.get("step")
            )
        except BadFault as error:
            self._problem(422, "Unprocessable Content", str(error))
            return
        self._json(201, self.faults.add(fault))

    def do_DELETE(self) -> None:
        """End a fault."""
        if not self._allowed():
            return
        ended = self.faults.remove(self.path.removeprefix("/faults/"))
        if ended is None:
            self._problem(404, "Not Found", "no active fault has this id")
        else:
            self._json(200, ended)

    def _read(self) -> dict[str, Any]:
        length = self.headers.get("Content-Length", "0")
        if not length.isascii() or not length.isdigit() or int(length) > LONGEST:
            self.close_connection = True
            raise BadFault(f"a body with a Content-Length of at most {LONGEST} is needed")
        raw = self.rfile.read(int(length))
        try:
            body = json.loads(raw)
        except (ValueError, RecursionError):
            raise BadFault("the body is not JSON") from None
        if not isinstance(body, dict):
            raise BadFault("the body must be an object with kind and value")
        unknown = sorted(set(body) - FIELDS)
        if unknown:
            raise BadFault(f"unknown field {unknown[0]!r}; there are {', '.join(sorted(FIELDS))}")
        return body


def serve_faults(port: int, faults: Faults, token: str) -> Sidecar:
    """Listen on loopback. Raises SetupError if the port can't be had."""
    handler = type("FaultHandler", (_Handler,), {"faults": faults, "token": token.encode()})
    return Sidecar(LOOPBACK, port, handler, "--fault-port")
