"""Watches the abort rules of a run, and says when one was held."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadkit.collect.prometheus_api import PrometheusApi
from loadkit.collect.sources import Given
from loadkit.errors import CollectError
from loadkit.model import AbortRule, Finding, Severity
from loadkit.model.abort import PROMQL
from loadkit.run.breach import Breach, RuleWatch
from loadkit.run.context import Run
from loadkit.run.plan import Plan

_EVERY_S = 1.0
_EARLY_S = 0.1
"""A tick may come a little before the second it closes."""
_SETTLING_S = 1.5
"""Workers tell by clocks of their own."""

Query = Callable[[str], list[dict[str, Any]]]


class AbortWatch:
    """All rules of a run. ``breach`` is set once, with the first rule that was held.

    ``several`` says that workers make the load; ``note`` takes findings.
    """

    def __init__(self, plan: Plan, note: Callable[[Finding], None], *, several: bool) -> None:
        self.breach: Breach | None = None
        self.held = asyncio.Event()
        self._note = note
        self._lag_s = _SETTLING_S if several else -_EARLY_S
        self._rows = [_watch(rule, plan) for rule in plan.abort if rule.kind != PROMQL]
        self._promql = tuple(rule for rule in plan.abort if rule.kind == PROMQL)

    def tick(self, rows: Mapping[str, Any], elapsed_s: float) -> None:
        """What the load child told, so many seconds into the load."""
        closed = math.floor(elapsed_s - self._lag_s)
        for watch in self._rows:
            watch.take(rows)
        for watch in self._rows:
            if self.breach is None and (breach := watch.judge(closed)) is not None:
                self._held(breach)

    def worker_lost(self) -> None:
        """Its requests under way are unknown, not slow."""
        for watch in self._rows:
            watch.forgive()

    def _held(self, breach: Breach) -> None:
        if self.breach is None:
            self.breach = breach
            self.held.set()

    # -- PromQL -----------------------------------------------------------------------------------

    async def ask_prometheus(self, run: Run, given: Given) -> None:
        """Asks about its rules every second of the load, until one is held or it is cancelled."""
        if not self._promql or given.prometheus is None:
            return  # a plan with such rules and no Prometheus is refused
        await run.began.wait()
        api = PrometheusApi(given.prometheus, given.access.get("prometheus"), timeout_s=2)
        try:
            await self._ask(api, run.t0_ns)
        finally:
            api.close()

    async def _ask(self, api: PrometheusApi, t0_ns: int) -> None:
        since: dict[AbortRule, float] = {}
        said: set[AbortRule] = set()
        while self.breach is None:
            began = time.monotonic()
            for rule in self._promql:
                assert rule.expression is not None
                at_s = (time.monotonic_ns() - t0_ns) / 1e9
                try:
                    found = await asyncio.to_thread(api.query, rule.expression)
                except CollectError as error:
                    since.pop(rule, None)  # not known is not breached
                    if rule not in said:
                        said.add(rule)
                        self._unwatched(rule, f"Prometheus {error.what}")
                    continue
                self._answered(rule, found, at_s, since)
            await asyncio.sleep(max(0.0, _EVERY_S - (time.monotonic() - began)))

    def _answered(
        self, rule: AbortRule, found: Sequence[Any], at_s: float, since: dict[AbortRule, float]
    ) -> None:
        if not _holds(found):
            since.pop(rule, None)
            return
        begun = since.setdefault(rule, at_s)
        if at_s - begun >= rule.held_s:
            self._held(Breach(rule, begun, at_s, _seen(found), _series(found)))

    def _unwatched(self, rule: AbortRule, why: str) -> None:
        self._note(
            Finding(
                "abort-unwatched",
                Severity.WARNING,
                f"Abort rule {rule.text!r} could not be watched for a while: {why}. What is not "
                "known is no breach.",
                {"rule": str(rule)},
            )
        )


def finding(breach: Breach) -> Finding:
    """What the report says of it."""
    return Finding(
        "aborted",
        Severity.ERROR,
        f"The load was ended at {breach.at_s:.0f} s by the abort rule {breach.rule.text!r}: "
        f"{breach.observed}; breached since {breach.since_s:.0f} s.",
        {
            "rule": str(breach.rule),
            "breached since": f"{breach.since_s:.1f} s",
            "held at": f"{breach.at_s:.1f} s",
            **breach.evidence,
        },
    )


def for_manifest(plan: Plan, breach: Breach | None) -> dict[str, Any] | None:
    """The rules, and the one that was held."""
    if not plan.abort:
        return None
    held = None
    if breach is not None:
        held = {
            "rule": str(breach.rule),
            "since_s": round(breach.since_s, 3),
            "at_s": round(breach.at_s, 3),
            "observed": breach.observed,
        }
    return {"rules": [str(rule) for rule in plan.abort], "held": held}


def _watch(rule: AbortRule, plan: Plan) -> RuleWatch:
    if rule.slo is None:
        return RuleWatch(rule, None, None)
    spans, names = [], set()
    for stage in plan.stages():
        if stage["warmup"] or stage["profile"] or rule.slo.stage not in (None, stage["name"]):
            continue
        length = stage["duration_s"]
        end = math.inf if length is None else stage["start_s"] + length
        spans.append((float(stage["start_s"]), float(end)))
        names.add(str(stage["name"]))
    return RuleWatch(rule, _joined(spans), frozenset(names))


def _joined(spans: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Spans that touch are one: a second may lie across their border."""
    joined: list[tuple[float, float]] = []
    for start, end in spans:
        if joined and abs(joined[-1][1] - start) < 1e-6:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _holds(found: Sequence[Any]) -> bool:
    """Whether anything was returned. A scalar answers as [time, value]: it holds unless 0."""
    if found and not isinstance(found[0], Mapping):
        return len(found) == 2 and float(found[1]) != 0
    return bool(found)


def _seen(found: Sequence[Any]) -> str:
    if not isinstance(found[0], Mapping):
        return f"it returned {found[1]}"
    number = f"{len(found)} series" if len(found) > 1 else "1 series"
    value = found[0].get("value")
    return f"it returned {number}" + (f", the first {value[1]}" if value else "")


def _series(found: Sequence[Any]) -> dict[str, str]:
    evidence = {}
    for entry in found[:5]:
        if isinstance(entry, Mapping):
            labels = ", ".join(f"{k}={v}" for k, v in sorted(entry.get("metric", {}).items()))
            evidence[labels or "(no labels)"] = str((entry.get("value") or ["", "?"])[1])
    return evidence
