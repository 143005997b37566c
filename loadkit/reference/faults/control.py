"""The HTTP server faults are set with: loopback only, a token in `X-Fault-Token`.

GET    /faults        {"active": [...], "history": [...]}
POST   /faults        {"kind", "value", "duration"?, "step"?} → 201 and the fault with its id
DELETE /faults/{id}   the fault with its end

The same port switches the tracking of the service's memory:

GET    /memory        {"active": {...} or null, "last": {...} or null}
POST   /memory        {"file", "duration"?} → 201 and the tracking with its start
DELETE /memory        the tracking with its end
"""

import hmac
import json
from http import HTTPStatus
from typing import Any

from loadkit.reference.faults import BadFault, Faults, make_fault
from loadkit.reference.memory import BadTracking, MemoryTracking
from loadkit.reference.sidecar import QuietHandler, Sidecar

LOOPBACK = "127.0.0.1"
LONGEST = 65_536
FIELDS = {
    "/faults": {"kind", "value", "duration", "step"},
    "/memory": {"file", "duration"},
}
NOWHERE = "there is only /faults and /memory"


class _Handler(QuietHandler):
    faults: Faults
    memory: MemoryTracking
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
        elif self.path == "/memory":
            self._json(200, self.memory.listing())
        else:
            self._problem(404, "Not Found", NOWHERE)

    def do_POST(self) -> None:
        """Start a fault, or tracking."""
        if not self._allowed():
            return
        try:
            body = self._read()
            if self.path == "/memory":
                self._json(201, self.memory.start(body.get("file"), body.get("duration")))
            elif self.path == "/faults":
                fault = make_fault(
                    body.get("kind"), body.get("value"), body.get("duration"), body.get("step")
                )
                self._json(201, self.faults.add(fault))
            else:
                self._problem(404, "Not Found", NOWHERE)
        except BadFault as error:
            self._problem(422, "Unprocessable Content", str(error))
        except BadTracking as refused:
            self._problem(refused.status, HTTPStatus(refused.status).phrase, str(refused))

    def do_DELETE(self) -> None:
        """End a fault, or tracking."""
        if not self._allowed():
            return
        if self.path == "/memory":
            stopped = self.memory.stop()
            if stopped is None:
                self._problem(404, "Not Found", "memory is not being tracked")
            else:
                self._json(200, stopped)
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
            raise BadFault("the body must be an object")
        known = FIELDS.get(self.path, set(body))
        unknown = sorted(set(body) - known)
        if unknown:
            raise BadFault(f"unknown field {unknown[0]!r}; there are {', '.join(sorted(known))}")
        return body


def serve_faults(port: int, faults: Faults, memory: MemoryTracking, token: str) -> Sidecar:
    """Listen on loopback. Raises SetupError if the port can't be had."""
    members = {"faults": faults, "memory": memory, "token": token.encode()}
    handler = type("FaultHandler", (_Handler,), members)
    return Sidecar(LOOPBACK, port, handler, "--fault-port")
