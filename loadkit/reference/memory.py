"""Tracks the service's own memory with memray while it runs, on demand.

A tracker inside the process costs a few milliseconds to start and to stop; attaching from outside
stops the process for as long as a debugger needs.
"""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LONGEST_S = 3600.0


class BadTracking(ValueError):
    """Tracking that can't be had; the text says why. `status` is the HTTP status for it."""

    def __init__(self, text: str, status: int = 422) -> None:
        super().__init__(text)
        self.status = status


class MemoryTracking:
    """One tracking at a time, from any thread; ends by itself after its duration."""

    def __init__(
        self, changed: Callable[[str, dict[str, Any]], None] = lambda _a, _t: None
    ) -> None:
        """`changed(action, tracking)` is called with memory_tracking_started or _ended."""
        self._changed = changed
        self._lock = threading.Lock()
        self._tracker: Any = None
        self._timer: threading.Timer | None = None
        self._current: dict[str, Any] | None = None
        self._last: dict[str, Any] | None = None

    def start(self, file: object, duration: object) -> dict[str, Any]:
        """Track until told to stop, `duration` seconds at most. Raises BadTracking."""
        path, seconds = _checked(file, duration)
        with self._lock:
            if self._tracker is not None:
                raise BadTracking("memory is being tracked already; DELETE /memory ends it", 409)
            began = time.monotonic_ns()
            tracker = _tracker(path)
            try:
                tracker.__enter__()
            except (OSError, RuntimeError) as error:
                raise BadTracking(f"memray could not start: {error}", 503) from None
            self._tracker = tracker
            self._current = _stamped({"file": str(path), "duration": seconds}, "start", began)
            self._timer = threading.Timer(seconds, self.stop)
            self._timer.daemon = True
            self._timer.start()
            current = dict(self._current)
        self._changed("memory_tracking_started", current)
        return current

    def stop(self) -> dict[str, Any] | None:
        """End it; None if nothing is being tracked."""
        with self._lock:
            tracker, self._tracker = self._tracker, None
            if tracker is None or self._current is None:
                return None
            if self._timer is not None:
                self._timer.cancel()
            began = time.monotonic_ns()
            tracker.__exit__(None, None, None)
            # Its file is complete when the object is gone.
            del tracker
            ended = _stamped(self._current, "end", began)
            self._current, self._last = None, ended
        self._changed("memory_tracking_ended", dict(ended))
        return dict(ended)

    def listing(self) -> dict[str, Any]:
        """What is being tracked, and what was last."""
        with self._lock:
            return {"active": self._current, "last": self._last}


def _stamped(fields: dict[str, Any], edge: str, began_ns: int) -> dict[str, Any]:
    """With the times at which it took effect, and how long the switching took."""
    now = time.monotonic_ns()
    return {
        **fields,
        f"{edge}_monotonic_ns": str(now),
        f"{edge}_wall_ns": str(time.time_ns()),
        f"{edge}_took_s": (now - began_ns) / 1e9,
    }


def _checked(file: object, duration: object) -> tuple[Path, float]:
    if not isinstance(file, str) or not file.startswith(os.sep) or "\0" in file:
        raise BadTracking("file must be an absolute path")
    path = Path(file)
    if not path.parent.is_dir():
        raise BadTracking("the folder of file does not exist")
    if path.exists():
        raise BadTracking("file exists already; nothing is overwritten", 409)
    if duration is None:
        return path, LONGEST_S
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        raise BadTracking("duration must be a number of seconds")
    if not 0 < duration <= LONGEST_S:
        raise BadTracking(f"duration must be more than 0 and at most {LONGEST_S:g} seconds")
    return path, float(duration)


def _tracker(path: Path) -> Any:
    try:
        import memray
    except ImportError:
        raise BadTracking("memray is not installed beside the service", 503) from None
    # Not compressed at the end: that would hold the service up when it stops.
    file = memray.FileDestination(path, compress_on_exit=False)
    return memray.Tracker(destination=file, native_traces=False, follow_fork=False)
