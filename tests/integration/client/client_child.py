"""Runs requests that arrive as lines of JSON, and says what the client made of them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import warnings
from typing import Any

warnings.simplefilter("ignore")

from gevent.os import tp_read  # noqa: E402
from locust.event import EventHook  # noqa: E402  it patches the process: first

from loadkit.load.client import reporter  # noqa: E402
from loadkit.load.client.session import Session  # noqa: E402

LONG = 1_000_000  # bytes of a body beyond which its digest is told


def raw(value: Any) -> Any:
    """Bytes travel as {"b64": …}, tuples as {"tuple": […]}, long texts as {"times": [text, n]}."""
    if isinstance(value, dict):
        if set(value) == {"b64"}:
            return base64.b64decode(value["b64"])
        if set(value) == {"times"}:
            return value["times"][0] * value["times"][1]
        if set(value) == {"tuple"}:
            return tuple(raw(item) for item in value["tuple"])
        return {key: raw(item) for key, item in value.items()}
    return [raw(item) for item in value] if isinstance(value, list) else value


def shown(content: bytes | None) -> str | None:
    if content is not None and len(content) > LONG:
        content = hashlib.sha256(content).digest()
    return None if content is None else base64.b64encode(content).decode()


def answer(response: Any) -> dict[str, Any]:
    try:
        content, corrupt = shown(response.content), None
    except ConnectionError as error:
        content, corrupt = None, f"{type(error).__name__}: {error}"
    return {
        "status": response.status_code,
        "error": type(response.error).__name__ if response.error is not None else None,
        "text": str(response.error or ""),
        "content": content,
        "corrupt": corrupt,
        "raw": shown(response.raw),
        "reason": response.reason,
        "headers": response.headers.pairs,
        "url": response.url,
        "history": [[r.status_code, r.url] for r in response.history],
        "elapsed": response.elapsed.total_seconds(),
        "cookies": {c.name: c.value for c in response.cookies},
    }


def serve(command: dict[str, Any], sessions: dict[str, Session]) -> Any:
    if "new" in command:
        hook: Any = EventHook
        sessions[command["new"]] = Session(command["base"], hook(), **raw(command["settings"]))
        return "ok"
    session = sessions[command["session"]]
    if "headers" in command:
        session.headers.update(command["headers"])
    found = []
    for call in command.get("calls", []):
        kwargs = raw(call["kwargs"])
        unread = kwargs.pop("drop", False)
        try:
            response = session.request(*call["args"], **kwargs)
            found.append({"status": response.status_code} if unread else answer(response))
            del response
        except Exception as error:
            found.append({"raised": type(error).__name__, "text": str(error)})
    if command.get("drop"):
        del session, sessions[command["session"]]
    return found


def main() -> None:
    sessions: dict[str, Session] = {}
    out = os.fdopen(int(sys.argv[1]), "w", buffering=1)
    while line := tp_read(0, 1 << 20):
        while not line.endswith(b"\n"):
            line += tp_read(0, 1 << 20)
        command = json.loads(line)
        if "counts" in command:
            counted = {
                "retried": reporter.current.retried,
                "unsolicited": reporter.current.unsolicited,
            }
            out.write(json.dumps(counted) + "\n")
            continue
        out.write(json.dumps(serve(command, sessions)) + "\n")


if __name__ == "__main__":
    main()
