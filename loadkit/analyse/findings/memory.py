"""What memory tells: growth with requests, and what attaching cost."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse import text
from loadkit.analyse.facts import Facts
from loadkit.analyse.growth import GROWTH, INCONCLUSIVE
from loadkit.analyse.memory_result import GrowthResult, MemoryRun
from loadkit.model import Finding, Severity

_MOST_NAMED = 3
_STALL_S = 0.1


def memory_growth(facts: Facts) -> Iterator[Finding]:
    """Memory grew with the requests; what was tracked says more than what is resident."""
    tracked = set()
    for run in facts.memory.runs:
        if run.growth is None or run.growth.growth.verdict == INCONCLUSIVE:
            continue
        tracked.add(run.process)
        if run.growth.growth.verdict == GROWTH:
            yield _found(run.growth, _functions(run))
    for resident in facts.memory.resident:
        if resident.process not in tracked and resident.growth.verdict == GROWTH:
            yield _found(resident, {})


def _found(result: GrowthResult, more: dict[str, str]) -> Finding:
    found = result.growth
    slope, low, high = (text.size(value) for value in (found.slope, found.low, found.high))
    where = f"stage {result.stage}" if result.stage else "the run"
    return Finding(
        "memory-growth",
        Severity.WARNING,
        f"{result.what.capitalize()} of {result.process} grew by {slope} a request "
        f"(95 % interval {low} to {high}) over {found.requests:,.0f} requests of {where}.",
        more,
    )


def _functions(run: MemoryRun) -> dict[str, str]:
    """The functions whose share of it is certain, with theirs."""
    growing = [one for one in run.functions if one.growth.verdict == GROWTH]
    return {one.what: f"{text.size(one.growth.slope)} a request" for one in growing[:_MOST_NAMED]}


def memory_open(facts: Facts) -> Iterator[Finding]:
    """Memory was tracked, and still it cannot be said whether it grows."""
    for run in facts.memory.runs:
        result = run.growth
        if result is not None and result.growth.verdict == INCONCLUSIVE:
            yield Finding(
                "memory-growth-open",
                Severity.INFO,
                f"Whether memory of {run.process} grows with requests cannot be told from stage "
                f"{run.stage}: {result.growth.why}.",
            )


def memory_stall(facts: Facts) -> Iterator[Finding]:
    """Attaching held a process up."""
    for run in facts.memory.runs:
        if run.stall_s is None or run.stall_s < _STALL_S:
            continue
        worst = run.worst_response_s
        yield Finding(
            "memory-attach-stall",
            Severity.INFO,
            f"Attaching to {run.process} and detaching again held it for "
            f"{text.duration(run.stall_s)} in stage {run.stage}.",
            {}
            if worst is None
            else {"longest response of requests due then": text.duration(worst)},
        )
