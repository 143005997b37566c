"""What a smoke iteration sends and gets, for a terminal. Frames in (loadkit.load.smoke), text out.

Secrets are out of the frames before they come here; control characters are taken out here.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from loadkit.report import units

NARROWEST = 40
_BODY_LINES = 8
_STYLES = {"bold": "1", "dim": "2", "good": "32", "bad": "1;31", "part": "36"}


class Exchanges:
    """Turns frames into lines, one frame at a time.

    Args:
        width: columns, not below 40.
        colour: whether ANSI colours are allowed.
    """

    def __init__(self, width: int = 100, colour: bool = False) -> None:
        self._width = max(NARROWEST, width)
        self._colour = colour

    def render(self, frame: Mapping[str, Any]) -> str | None:
        """Lines for a frame; None for one that says nothing by itself."""
        match frame["type"]:
            case "user":
                return f"\n{self._pen(self._cut(_plain(frame['user'])), 'bold')}"
            case "task":
                return f"\n  {self._pen(self._cut('▸ ' + _plain(frame['task']), 2), 'part')}"
            case "exchange":
                return "\n".join(self._exchange(frame))
            case "done":
                return self._done(frame)
            case _:
                return None

    def summary(self, tasks: int, requests: int, failures: Sequence[str]) -> str:
        """How it went, and what failed."""
        said = f"{_counted(tasks, 'step')}, {_counted(requests, 'request')}"
        if not failures:
            return f"\nsmoke {self._pen('passed', 'good')}: {said}"
        lines = [f"\nsmoke {self._pen('failed', 'bad')}: {said}, {len(failures)} wrong"]
        for failure in failures:
            lines += self._wrapped("✗", failure, "bad")
        return "\n".join(lines)

    # -- one request ------------------------------------------------------------------------------

    def _exchange(self, frame: Mapping[str, Any]) -> list[str]:
        lines = []
        for hop in frame["hops"]:
            status = f" {hop['status']}" if hop["status"] else ""
            lines.append(self._row("→", f"{frame['method']} {hop['url']}"))
            lines.append(self._row("←", f"{status} redirected".strip()))
        told = frame["url"] or frame["name"]
        lines.append(self._row("→", f"{frame['method']} {told}", "bold"))
        if frame["name"] not in (told, None) and not told.endswith(frame["name"]):
            lines.append(self._row(" ", f"counted as {frame['name']}", "dim"))
        lines += self._headers(frame["request_headers"])
        lines += self._body(frame["request_body"])
        answer = self._status(frame)
        lines.append(self._row("←", answer, "bad" if frame["error"] else "good"))
        lines += self._headers(frame["response_headers"])
        lines += self._body(frame["response_body"])
        if frame["error"]:
            lines += self._wrapped("✗", frame["error"], "bad")
        return lines

    def _status(self, frame: Mapping[str, Any]) -> str:
        status, seconds = frame["status"], frame["seconds"]
        if status is None:
            said = "no answer" if frame["error"] else "done"
        else:
            said = f"{status} {frame['reason'] or _phrase(status)}".rstrip()
        return f"{said} · {units.duration(seconds)}"

    def _headers(self, headers: Sequence[Sequence[str]]) -> list[str]:
        return [self._row(" ", f"{name}: {value}", "dim") for name, value in headers]

    def _body(self, body: Mapping[str, Any] | None) -> list[str]:
        if body is None:
            return []
        size = "" if body["bytes"] is None else f"{units.count(body['bytes'])} bytes"
        if body["text"] is None:
            return [self._row(" ", f"({', '.join(t for t in (size, body['what']) if t)})")]
        given = body["text"].splitlines() or [""]
        room = self._width - 6
        pieces = [line[n : n + room] for line in given for n in range(0, len(line) or 1, room)]
        lines = [self._row(" ", piece) for piece in pieces[:_BODY_LINES]]
        if body["cut"] or len(pieces) > _BODY_LINES:
            lines.append(self._row(" ", f"… {size} in all", "dim"))
        return lines

    def _done(self, frame: Mapping[str, Any]) -> str | None:
        parts = []
        if frame["error"]:
            parts += self._wrapped("✗", f"{frame['task']}: {frame['error']}", "bad")
        if frame["note"]:
            parts.append(self._row(" ", frame["note"], "dim"))
        return "\n".join(parts) or None

    # -- lines ----------------------------------------------------------------------------------

    def _row(self, sign: str, text: str, style: str = "") -> str:
        return f"    {sign} {self._pen(self._cut(_plain(text), 6), style)}".rstrip()

    def _wrapped(self, sign: str, text: str, style: str) -> list[str]:
        lines = textwrap.wrap(_plain(text), self._width - 6, break_on_hyphens=False) or [""]
        return [self._row(sign if n == 0 else " ", line, style) for n, line in enumerate(lines)]

    def _cut(self, text: str, indent: int = 0) -> str:
        room = self._width - indent
        return text if len(text) <= room else text[: room - 1] + "…"

    def _pen(self, text: str, style: str) -> str:
        code = _STYLES.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code else text


def _counted(number: int, noun: str) -> str:
    return f"{units.count(number)} {noun}" + ("" if number == 1 else "s")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def _plain(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)
