"""The books: what was planned, sent and ended, and whether it adds up."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.analyse.context import Context, StageSpan, text_of
from loadkit.analyse.result import Accounting

ARRIVALS = ("planned", "started", "late", "never_started", "unknown")
OUTCOMES = ("ok", "failed", "raised", "cancelled")
FAILURES = ("failed", "raised", "cancelled")


class Flow:
    """Sums over the table ``flow``, asked for by event, stage and operation."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    @cached_property
    def _totals(self) -> dict[tuple[str, str | None, str | None], int]:
        """Sums by event, stage and operation, where None stands for all of them."""
        keys = ["event", "stage", "operation"]
        table = self._frame.groupby(keys, dropna=False, as_index=False)["count"].sum()
        names = [table[key].map(text_of) for key in keys]
        totals: dict[tuple[str, str | None, str | None], int] = {}
        for event, stage, operation, count in zip(*names, map(int, table["count"]), strict=True):
            for key in (
                (event, stage, operation),
                (event, stage, None),
                (event, None, operation),
                (event, None, None),
            ):
                totals[key] = totals.get(key, 0) + count
        return totals

    @cached_property
    def events(self) -> frozenset[str]:
        """Events that were recorded at all."""
        return frozenset(event for event, _, _ in self._totals)

    @cached_property
    def operations(self) -> tuple[str, ...]:
        """Operations with a request, most frequent first."""
        counts: dict[str, int] = {}
        for (event, stage, operation), count in self._totals.items():
            if stage is None and operation is not None and event in (*OUTCOMES, "sent"):
                counts[operation] = counts.get(operation, 0) + count
        return tuple(sorted(counts, key=lambda name: (-counts[name], name)))

    def total(self, event: str, stage: str | None = None, operation: str | None = None) -> int:
        """How often something happened to what was due in a stage."""
        return self._totals.get((event, stage, operation), 0)

    def ended(self, stage: str | None = None, operation: str | None = None) -> int:
        """Requests that ended in any way."""
        return sum(self.total(outcome, stage, operation) for outcome in OUTCOMES)

    def failures(self, stage: str | None = None, operation: str | None = None) -> int:
        """Requests that failed, raised or were cancelled."""
        return sum(self.total(outcome, stage, operation) for outcome in FAILURES)

    def unsettled(self, stage: str | None = None, operation: str | None = None) -> int:
        """Requests sent of which no end is known; 0 where sent is not known."""
        if "sent" not in self.events:
            return 0
        return max(0, self.total("sent", stage, operation) - self.ended(stage, operation))

    def by_second(
        self, event: str, seconds: int, operation: str | None = None
    ) -> npt.NDArray[np.float64]:
        """How often in each second in which it happened (planned and late: was due)."""
        frame = self._frame[self._frame["event"] == event]
        if operation is not None:
            frame = frame[frame["operation"] == operation]
        return summed_by_second(frame, seconds)

    def completions(self, seconds: int, operation: str | None = None) -> npt.NDArray[np.float64]:
        """Responses that came, by second."""
        if "completed" in self.events:
            return self.by_second("completed", seconds, operation)
        # User classes that loadkit doesn't know tell only how a request ended.
        ok = self.by_second("ok", seconds, operation)
        return ok + self.by_second("failed", seconds, operation)


def summed_by_second(
    frame: pd.DataFrame, seconds: int, column: str = "count"
) -> npt.NDArray[np.float64]:
    """A column added up in each second of the load's axis; what lies off it is passed over."""
    second = frame["second"].to_numpy(np.int64)
    keep = (second >= 0) & (second < seconds)
    return np.bincount(
        second[keep], weights=frame[column].to_numpy(np.float64)[keep], minlength=seconds
    ).astype(np.float64)[:seconds]


def errors_by_second(frame: pd.DataFrame, seconds: int) -> npt.NDArray[np.float64]:
    """Failures in each second in which the request was due (table ``errors``)."""
    return summed_by_second(frame, seconds)


def mean_rate(counts: npt.NDArray[np.float64], start_s: float, end_s: float) -> float | None:
    """Events a second between two points; a second they cut counts by its part.

    None when nothing lies between them.
    """
    if end_s - start_s <= 1e-9:
        return None
    left = np.arange(len(counts), dtype=np.float64)
    part = np.clip(np.minimum(left + 1, end_s) - np.maximum(left, start_s), 0, 1)
    return float((counts * part).sum() / (end_s - start_s))


def achieved(flow: Flow, context: Context, stage: StageSpan, operation: str | None = None) -> (
    float | None
):  # fmt: skip
    """Responses completed a second while a stage ran, whatever they were due in."""
    counts = flow.completions(context.seconds, operation)
    return mean_rate(counts, stage.start_s, stage.start_s + context.reached(stage))


def account(context: Context, flow: Flow) -> Accounting:
    """The books over all stages."""
    arrivals = {
        event: flow.total(event) if "planned" in flow.events else None for event in ARRIVALS
    }
    outcomes = {outcome: flow.total(outcome) for outcome in OUTCOMES}
    sent = flow.total("sent") if _sent_known(context, flow) else None
    in_flight = None if sent is None else sent - sum(outcomes.values())
    completed: int | None = flow.total("completed")
    if "completed" not in flow.events and sent is None:
        completed = None
    return Accounting(
        planned=arrivals["planned"],
        started=arrivals["started"],
        late=arrivals["late"],
        never_started=arrivals["never_started"],
        sent=sent,
        completed=completed,
        in_flight=None if in_flight is None else max(0, in_flight),
        balanced=_balanced(context, arrivals, in_flight),
        unknown=arrivals["unknown"] or 0,
        **outcomes,
    )


def _sent_known(context: Context, flow: Flow) -> bool:
    if context.manifest.generator.get("user_classes_known") is False:
        return False
    if (context.run.findings["slug"] == "sent-unknown").any():
        return False
    return "sent" in flow.events or not flow.ended()


def _balanced(
    context: Context, arrivals: dict[str, int | None], in_flight: int | None
) -> bool | None:
    """None when it cannot be known: sent is not counted, or the end was not told."""
    if in_flight is None or context.end_reason not in ("finished", "interrupted", "aborted"):
        return False if in_flight is not None and in_flight < 0 else None
    told = (context.manifest.load_end or {}).get("in_flight")
    if in_flight != int(told or 0):
        return False
    planned, started, never = (arrivals[e] for e in ("planned", "started", "never_started"))
    unknown = arrivals["unknown"] or 0
    if planned is None or started is None or never is None:
        return True
    if context.end_reason == "finished":
        return planned == started + never + unknown
    return planned >= started + unknown
