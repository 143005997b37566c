"""The process that serves a live page, started as a run would."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import TracebackType

from loadkit.live.address import listen, parse_address


class LiveProcess:
    """``with LiveProcess(bundle) as live:``; ``live.url`` is where it serves."""

    def __init__(self, bundle: Path) -> None:
        listening, address = listen(parse_address("0", "test"), "test")
        with listening:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "loadkit.live", str(bundle)),
                    *("--listen-fd", str(listening.fileno())),
                ],
                stdin=subprocess.PIPE,
                pass_fds=(listening.fileno(),),
            )
        self.url = address.url
        self.port = address.port

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def final(self, hold_s: float = 0.0) -> None:
        """Tells it that the report is written."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"final {hold_s:g}\n".encode())
        self._process.stdin.flush()

    def wait(self, limit_s: float = 60.0) -> int:
        """Its exit status."""
        return self._process.wait(limit_s)

    def __enter__(self) -> LiveProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
