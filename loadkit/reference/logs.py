"""JSON logs: one object a line, written by a thread of their own so that no request ever waits.

Every line has `timestamp` (RFC 3339, UTC, microseconds), `level`, `action`, `message`, `trace_id`,
`span_id` (null outside a trace), `error_type` where something failed, then fields of the action.
Keys, tokens and query strings are never given to this module; texts from elsewhere (libraries,
exceptions) are redacted on the way in.
"""

import json
import logging
import os
import re
import threading
import time
from collections import deque
from datetime import UTC, datetime

from loadkit.reference.errors import SetupError

CAPACITY = 20_000
PAUSE_S = 0.05

_SECRETS = re.compile(
    r"(?i)authorization\s*[=:]\s*(?:(?:bearer|basic)\s+)?\S+|\b(?:bearer|basic)\s+\S+"
    r"|(?:api[-_]?key|token)\s*[=:]\s*\S+"
)
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


def redact(text: str) -> str:
    """The text without what looks like a credential."""
    return _SECRETS.sub("[redacted]", text)


def timestamp(wall_ns: int) -> str:
    """RFC 3339 in UTC with microseconds."""
    seconds, rest = divmod(wall_ns, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06d}Z"


class JsonLog:
    """Writes lines to a file descriptor. `dropped` counts lines that found no room."""

    def __init__(self, target: str) -> None:
        """`target` is a path (appended to) or `-` for standard output."""
        self.dropped = 0
        self._fd, self._owned = _open(target)
        self._lines: deque[str] = deque()
        self._wanted = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="log-writer", daemon=True)
        self._thread.start()

    def write(
        self,
        level: str,
        action: str,
        message: str,
        ids: tuple[str | None, str | None] = (None, None),
        **fields: object,
    ) -> None:
        """Queue one line; `ids` are trace and span id in hex."""
        if len(self._lines) >= CAPACITY:
            self.dropped += 1
            return
        line: dict[str, object] = {
            "timestamp": timestamp(time.time_ns()),
            "level": level,
            "action": action,
            "message": message,
            "trace_id": ids[0],
            "span_id": ids[1],
        }
        line.update(fields)
        self._lines.append(_encode(line) + "\n")
        if not self._wanted.is_set():
            self._wanted.set()

    def _run(self) -> None:
        while not self._ended:
            self._wanted.wait()
            self._wanted.clear()
            self._flush()
            if not self._ended:
                # Lines of the next moments go out together.
                time.sleep(PAUSE_S)
        self._flush()

    def _flush(self) -> None:
        while self._lines:
            lines = [self._lines.popleft() for _ in range(min(len(self._lines), 512))]
            data = "".join(lines).encode()
            try:
                while data:
                    data = data[os.write(self._fd, data) :]
            except OSError:
                # The reader of the pipe is gone, or the disk is full: the service goes on.
                self.dropped += len(lines)

    def close(self, timeout: float) -> None:
        """Write what is queued, wait at most `timeout` seconds for it."""
        self._ended = True
        self._wanted.set()
        self._thread.join(timeout)
        if self._owned and not self._thread.is_alive():
            os.close(self._fd)


def _open(target: str) -> tuple[int, bool]:
    if target == "-":
        return 1, False
    try:
        return os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), True
    except OSError as error:
        raise SetupError(f"log file {target}: {error.strerror}; give another --log-file") from error


class BridgeHandler(logging.Handler):
    """Puts what libraries log through `logging` into the same file, redacted."""

    def __init__(self, log: JsonLog) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        """One line; the type of an exception, if there is one, and no traceback."""
        kind = record.exc_info[0] if record.exc_info else None
        self._log.write(
            record.levelname.lower(),
            "library_message",
            redact(record.getMessage()),
            logger=record.name,
            error_type=None if kind is None else kind.__name__,
        )


def bridge(log: JsonLog) -> BridgeHandler:
    """Make the root logger write here; to be removed from it at the end."""
    handler = BridgeHandler(log)
    logging.getLogger().addHandler(handler)
    return handler
