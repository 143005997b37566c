"""One run in which watching is stopped and let go on: what both ways have in common cancels out.

The speed of a shared machine wanders by more than watching costs, over minutes. So the two ways
are not two runs but slices of one, seconds apart, of the same service under the same load. Watching
is stopped by SIGSTOP to every process that watches; the one that takes the service's spans goes on,
for without it the service would not be traced.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from loadkit.bundle.histogram import COARSE, Histogram
from loadkit.bundle.reader import ENDED, RunData
from loadkit.errors import StackError

SLICE_S = 5
"""Long enough for several scrapes of the embedded stack, short beside the machine's moods."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Seconds ``first`` to ``first + SLICE_S`` of the load, and the service's CPU in them."""

    watched: bool
    first: int
    cpu_s: float


def order(pairs: int) -> list[bool]:
    """Whether each slice is watched: the other way first in every other pair."""
    return [
        watched for pair in range(pairs) for watched in ((True, False), (False, True))[pair % 2]
    ]


def slices(
    watchers: Sequence[int], clock_at: Callable[[int], int], t0_ns: int, first_s: int, pairs: int
) -> list[Slice]:
    """Switches watching at each boundary. Blocks until the last one; watching goes on then.

    Args:
        watchers: process ids of all that watch.
        clock_at: waits for an instant (CLOCK_MONOTONIC, ns); the service's CPU clock then, ns.
        t0_ns: start of the load, on whose whole seconds the boundaries lie.
        first_s: second of the first boundary.
        pairs: of a watched slice and one that is not.
    """
    found = []
    try:
        for number, watched in enumerate(order(pairs)):
            first = first_s + number * SLICE_S
            before = clock_at(t0_ns + first * 1_000_000_000)
            send(watchers, signal.SIGCONT if watched else signal.SIGSTOP)
            after = clock_at(t0_ns + (first + SLICE_S) * 1_000_000_000)
            found.append(Slice(watched, first, (after - before) / 1e9))
    finally:
        send(watchers, signal.SIGCONT)
    return found


def send(pids: Sequence[int], number: signal.Signals) -> None:
    """A signal to each process that is still there."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def told(run: RunData, taken: Sequence[Slice]) -> dict[str, float]:
    """CPU a request, p50 and p99 of response time of slices, all in seconds.

    Raises:
        StackError: requests failed, or none was made.
    """
    seconds = {slice_.first + n for slice_ in taken for n in range(SLICE_S)}
    flow = run.flow[run.flow.second.isin(seconds)]
    counts = flow.groupby("event")["count"].sum()
    done, bad = (int(counts.reindex(list(events), fill_value=0).sum()) for events in _EVENTS)
    rows = run.seconds
    rows = rows[rows.second.isin(seconds) & (rows.measure == "response")]
    total = Histogram(COARSE)
    for row in rows[rows.outcome.isin(ENDED)].to_dict("records"):
        pairs = zip(row["buckets"], row["counts"], strict=True)
        total.merge_row(row["count"], row["sum_ns"], row["min_ns"], row["max_ns"], pairs)
    p50, p99 = total.quantile(0.5), total.quantile(0.99)
    if bad or not done or p50 is None or p99 is None:
        raise StackError(f"{bad} of {done} requests failed")
    cpu_s = sum(slice_.cpu_s for slice_ in taken)
    return {"cpu_s": cpu_s / done, "p50_s": p50 / 1e9, "p99_s": p99 / 1e9}


_EVENTS = (("completed",), ("failed", "raised"))
