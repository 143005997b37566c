"""Tables of profiles: what each thread did, and peak against base."""

from __future__ import annotations

from collections.abc import Sequence

from loadkit.analyse.profile_result import (
    APPEARED,
    CHANGED,
    VANISHED,
    FunctionChange,
    ProfileDifference,
    ThreadUse,
)
from loadkit.analyse.proportions import Estimate
from loadkit.analyse.result import ProfileResult
from loadkit.report import units
from loadkit.report.tables import Cell, Column, Table, table

MOST_THREADS = 24
MOST_CHANGES = 12
FEWEST_CHANGES = 5
_HEADS = {
    CHANGED: "Seen in both",
    APPEARED: "Appeared: not one sample at base",
    VANISHED: "Vanished: not one sample at peak",
}


def share(estimate: Estimate | None) -> str:
    """``72 % (57 to 83)``; without what is not known."""
    if estimate is None:
        return units.UNKNOWN
    head = f"{100 * estimate.value:.0f} %"
    if estimate.low is None or estimate.high is None:
        return head
    return f"{head} ({100 * estimate.low:.0f} to {100 * estimate.high:.0f})"


def points(estimate: Estimate) -> str:
    """``+55.4 (+37.1 to +64.0)``, percentage points."""
    head = _signed(estimate.value)
    if estimate.low is None or estimate.high is None:
        return head
    return f"{head} ({_signed(estimate.low)} to {_signed(estimate.high)})"


def _signed(value: float) -> str:
    text = f"{100 * value:+.1f}".replace("-", "−")
    return "0.0" if text in ("+0.0", "−0.0") else text


def threads(profile: ProfileResult) -> Table:
    """What each thread was doing, in shares of the looks at it."""
    rows = [_thread(one) for one in profile.threads[:MOST_THREADS]]
    columns = (
        Column("thread", "wide"),
        Column("with the lock", "num", "running Python: held the interpreter's lock (GIL)"),
        Column("running without", "num", "in C code that gave the lock away, or about to run"),
        Column("idle", "num", "waiting: for I/O, for a lock, the interpreter's too, or for work"),
        Column("CPU", "num", "share of one core while the profile was taken, by the kernel"),
        Column("waits in", "wide", "the function it was idle in most"),
    )
    return table(f"Threads of {profile.process} in {profile.stage}", columns, rows)


def _thread(one: ThreadUse) -> tuple[Cell, ...]:
    looks = f"of {one.looks:,} looks"
    return (
        Cell(one.thread, "key mono"),
        Cell(share(one.gil), title=looks),
        Cell(share(one.running), title=looks),
        Cell(share(one.idle), title=looks),
        Cell(units.percent(one.cpu_ratio)),
        Cell(one.idle_in or units.UNKNOWN, "dim mono"),
    )


def changes(difference: ProfileDifference) -> tuple[Table, ...]:
    """A table a kind that has any: in both, appeared, vanished; the strongest evidence first."""
    return tuple(
        _changes(head, difference, found)
        for kind, head in _HEADS.items()
        if (found := _worth(difference.of(kind)))
    )


def _worth(found: Sequence[FunctionChange]) -> list[FunctionChange]:
    """Those that stand out, and the next few so that one sees how far they do."""
    out = sum(1 for one in found[:MOST_CHANGES] if one.itself.distance > 0)
    return list(found[: max(out, FEWEST_CHANGES)])


def _changes(head: str, difference: ProfileDifference, found: Sequence[FunctionChange]) -> Table:
    columns = (
        Column("function", "wide"),
        Column("base", "num", f"share of samples with it at the leaf, {difference.base_stage}"),
        Column("peak", "num", f"share of samples with it at the leaf, {difference.peak_stage}"),
        Column("change, points", "num", "peak minus base, with its 95 % interval"),
        Column("with callees, points", "num", "the same with the function anywhere in the stack"),
        Column("evidence", "", "how far the change stands out from how slices differ"),
    )
    return table(head, columns, [_change(one) for one in found])


def _change(one: FunctionChange) -> tuple[Cell, ...]:
    return (
        Cell(one.function, "key mono"),
        Cell(units.percent(one.base_self)),
        Cell(units.percent(one.peak_self)),
        Cell(points(one.itself)),
        Cell(points(one.total)),
        _evidence(one),
    )


def _evidence(one: FunctionChange) -> Cell:
    if one.clear:
        return Cell("clear", title="also when all functions are looked at together")
    if one.itself.distance > 0:
        return Cell("weak", "dim", "of twenty that did not change, one looks so by chance")
    return Cell(units.UNKNOWN, "dim", "no more than slices differ by themselves")


def headline(difference: ProfileDifference) -> str:
    """The strongest change in a sentence, or that there is none to speak of."""
    if difference.note is not None:
        return difference.note
    first = difference.changes[0] if difference.changes else None
    if first is None or first.itself.distance == 0:
        return (
            f"Of {difference.compared:,} functions none took a share at peak that differs from "
            "base by more than slices differ by themselves."
        )
    return (
        f"Strongest of {difference.compared:,} functions: {first.function} took "
        f"{units.percent(first.peak_self)} of the samples at peak and "
        f"{units.percent(first.base_self)} at base, {points(first.itself)} percentage points."
    )
