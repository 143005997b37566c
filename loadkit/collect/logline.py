"""One line of a log → what a row of ``logs`` needs. Pure.

Understands JSON objects and ``key=value`` lines; anything else is a message.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from loadkit.scrub import scrub

_LEVELS = {
    "trace": "debug", "debug": "debug", "verbose": "debug", "info": "info",
    "information": "info", "informational": "info", "notice": "info", "log": "info",
    "warn": "warning", "warning": "warning", "error": "error", "err": "error", "severe": "error",
    "critical": "critical", "crit": "critical", "fatal": "critical", "panic": "critical",
    "alert": "critical", "emergency": "critical", "emerg": "critical",
}  # fmt: skip
# The numbers of Node's loggers and of Python's: 10 is debug or below in both.
_NUMBERS = ((20, "debug"), (30, "info"), (40, "warning"), (50, "error"), (60, "critical"))

_STAMP = ("timestamp", "@timestamp", "time", "ts", "asctime")
_LEVEL = ("level", "levelname", "log.level", "severity", "lvl")
_MESSAGE = ("message", "msg", "event", "log")
_ACTION = ("action", "event.action")
_ERROR = ("error_type", "error.type", "exception.type", "exc_type")
_TRACE = ("trace_id", "traceId", "trace.id", "traceid", "otelTraceID", "dd.trace_id")
_SPAN = ("span_id", "spanId", "span.id", "spanid", "otelSpanID", "dd.span_id")

_HEX = re.compile(r"(?:0x)?([0-9a-fA-F]+)")
_PAIR = re.compile(r'([A-Za-z_][\w.@-]*)=(?:"((?:[^"\\]|\\.)*)"|(\S*))')
_LOGFMT = re.compile(r'^\s*(?:[A-Za-z_][\w.@-]*=(?:"(?:[^"\\]|\\.)*"|\S*)\s+)+')
_WORD = re.compile(
    r"\b(DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL|PANIC)\b"
    r"|\[(debug|info|notice|warn(?:ing)?|error|crit(?:ical)?|fatal)\]"
    r"|\blevel=(\w+)"
)
_FRACTION = re.compile(r"[.,](\d+)")


@dataclass(frozen=True, slots=True)
class LogLine:
    """Fields of a line; None where it does not have them. Texts are without secrets."""

    wall_ns: int | None
    level: str | None
    action: str | None
    error_type: str | None
    message: str
    trace_id: str | None
    span_id: str | None


def parse(line: str) -> LogLine:
    """The fields of a line without its line break."""
    fields = _fields(line)
    if fields is None:
        return LogLine(None, _guessed(line), None, None, scrub(line), None, None)
    message = _first(fields, _MESSAGE)
    nested = fields.get("error")
    error = _first(fields, _ERROR)
    if error is None and isinstance(nested, Mapping):
        error = nested.get("type")
    return LogLine(
        wall_ns=_wall_ns(_first(fields, _STAMP)),
        level=_level(_first(fields, _LEVEL)),
        action=_text(_first(fields, _ACTION), 200),
        error_type=_text(error, 200),
        message=scrub(line) if message is None else (_text(message) or ""),
        trace_id=_hex(_first(fields, _TRACE), 32),
        span_id=_hex(_first(fields, _SPAN), 16),
    )


def _fields(line: str) -> Mapping[str, Any] | None:
    if line.lstrip().startswith("{"):
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, dict) else None
    if _LOGFMT.match(line) and ("msg=" in line or "level=" in line):
        return {
            key: quoted.replace('\\"', '"') if quoted else plain
            for key, quoted, plain in _PAIR.findall(line)
        }
    return None


def _first(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        value = fields.get(name)
        if value is not None and value != "":
            return value
    return None


def _text(value: Any, longest: int = 4_000) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        value = json.dumps(value, ensure_ascii=False, default=str)
    return scrub(value, longest)


def _level(value: Any) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return next((name for limit, name in _NUMBERS if value <= limit), "critical")
    return _LEVELS.get(str(value).lower())


def _guessed(line: str) -> str | None:
    found = _WORD.search(line[:200])
    if found is None:
        return None
    return _LEVELS.get((found[1] or found[2] or found[3]).lower())


def _hex(value: Any, digits: int) -> str | None:
    found = _HEX.fullmatch(value) if isinstance(value, str) else None
    if found is None or len(found[1]) > digits or not found[1].strip("0"):
        return None
    return found[1].lower().rjust(digits, "0")


def _wall_ns(value: Any) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _epoch_ns(value)
    text = str(value)
    try:
        found = _FRACTION.search(text)
        nanos = int(found[1][:9].ljust(9, "0")) if found else 0
        moment = datetime.fromisoformat(_FRACTION.sub("", text, count=1))
        return round(moment.timestamp()) * 1_000_000_000 + nanos
    except (ValueError, OverflowError, OSError):
        pass
    try:
        return _epoch_ns(float(text))
    except ValueError:
        return None


def _epoch_ns(value: float) -> int | None:
    # Seconds, milliseconds, microseconds or nanoseconds: their magnitudes are far apart.
    if not math.isfinite(value) or value <= 0:
        return None
    for limit, factor in ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000), (9.2e18, 1)):
        if value < limit:
            return round(value * factor)
    return None
