"""What is said of profiles beyond a flame graph: threads, and base against peak."""

from __future__ import annotations

from dataclasses import dataclass

from loadkit.analyse.proportions import Estimate

CHANGED, APPEARED, VANISHED = "changed", "appeared", "vanished"


@dataclass(frozen=True, slots=True)
class ThreadUse:
    """What one thread was doing, as shares of the looks that saw it; they add up to 1."""

    thread: str
    looks: int
    gil: Estimate  # running with the interpreter's lock
    running: Estimate  # running, or ready to run, without it
    idle: Estimate  # waiting: for I/O, for a lock (the interpreter's too), for its turn
    cpu_ratio: float | None  # share of one core, as the kernel counts it
    idle_in: str | None  # the function in which it waited most


@dataclass(frozen=True, slots=True)
class FunctionChange:
    """A function's share of samples at base and at peak, of those that held the lock.

    ``itself`` (at the leaf) and ``total`` (anywhere) are peak minus base.
    """

    function: str
    kind: str  # changed; appeared: not one sample at base; vanished: not one at peak
    base_self: float
    peak_self: float
    itself: Estimate
    base_total: float
    peak_total: float
    total: Estimate
    clear: bool  # whether ``itself`` still differs from 0 when all functions are looked at


@dataclass(frozen=True, slots=True)
class DifferenceFrame:
    """A node of the flame graph of both profiles: shares of their samples below this path."""

    name: str
    base: float
    peak: float
    change: Estimate
    children: tuple[DifferenceFrame, ...] = ()


@dataclass(frozen=True, slots=True)
class ProfileDifference:
    """The profile at peak against that at base, of one process."""

    process: str
    base_stage: str
    peak_stage: str
    base_samples: int
    peak_samples: int
    base_slices: int
    peak_slices: int
    compared: int  # functions
    changes: tuple[FunctionChange, ...]  # the strongest evidence first, all kinds together
    flame: DifferenceFrame
    note: str | None  # why there are no intervals

    def of(self, kind: str) -> tuple[FunctionChange, ...]:
        """Those of one kind, in the same order."""
        return tuple(change for change in self.changes if change.kind == kind)
