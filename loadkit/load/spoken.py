"""What this process prints, without secrets: line by line, for half a line may hide one."""

from __future__ import annotations

import atexit
import io
import sys
from typing import TextIO

from loadkit.scrub import scrub

_LONGEST = 1 << 20


class _Clean(io.TextIOWrapper):
    """Text on its way out. What has no end of line yet waits for it, or for a flush."""

    _rest = ""

    def write(self, text: str) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        if lines:
            super().write("".join(f"{scrub(line, _LONGEST)}\n" for line in lines))
        return len(text)

    def flush(self) -> None:
        rest, self._rest = self._rest, ""
        if rest:
            super().write(scrub(rest, _LONGEST))
        super().flush()


def clean_streams() -> None:
    """Both standard streams, for good."""
    sys.stdout, sys.stderr = _cleaned(sys.stdout), _cleaned(sys.stderr)


def _cleaned(stream: TextIO) -> TextIO:
    buffer = getattr(stream, "buffer", None)
    if buffer is None:
        return stream
    # sys.__stdout__ and sys.__stderr__ keep the old wrapper, which would close the file else.
    clean = _Clean(buffer, encoding=stream.encoding, errors="backslashreplace", write_through=True)
    atexit.register(clean.flush)
    return clean
