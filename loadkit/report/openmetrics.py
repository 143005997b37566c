"""The final numbers of a run in the OpenMetrics text format, to be pushed or kept beside others.

One value a series and no timestamps; seconds, ratios, requests a second. What is not known has no
sample: a zero would be a claim.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from loadkit.analyse.result import Analysis, Percentiles

_QUANTILES = (("0.5", "p50"), ("0.9", "p90"), ("0.95", "p95"), ("0.99", "p99"), ("0.999", "p999"))
_Sample = tuple[dict[str, str], float | None]


@dataclass(frozen=True, slots=True)
class _Family:
    """A gauge; ``unit`` is the ending that OpenMetrics asks of a name with a unit."""

    name: str
    text: str
    samples: Iterable[_Sample]
    unit: str = ""


def render(analysis: Analysis) -> str:
    """The exposition with its ``# EOF``; the same analysis gives the same bytes."""
    lines = [line for family in _families(analysis) for line in _lines(family, analysis.name)]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _families(a: Analysis) -> Iterator[_Family]:
    stages = [({"stage": s.name}, s) for s in a.stages]
    yield _Family(
        "loadkit_response_seconds",
        "Nearest-rank quantiles of response time, from when a request was due.",
        [x for labels, s in stages for x in _quantiles(labels, s.response)]
        + [
            x
            for o in a.operations
            for x in _quantiles({"stage": o.stage, "operation": o.operation}, o.response)
        ],
        "seconds",
    )
    yield _Family(
        "loadkit_service_seconds",
        "Nearest-rank quantiles of service time, from when a request was sent.",
        [x for labels, s in stages for x in _quantiles(labels, s.service)],
        "seconds",
    )
    yield _Family(
        "loadkit_offered_rate", "Arrivals planned a second.", [(at, s.offered) for at, s in stages]
    )
    yield _Family(
        "loadkit_achieved_rate",
        "Responses completed a second.",
        [(at, s.achieved) for at, s in stages],
    )
    yield _Family(
        "loadkit_error_ratio",
        "Failed requests of those that ended.",
        [(at, s.error_ratio) for at, s in stages],
        "ratio",
    )
    yield _Family(
        "loadkit_requests",
        "Requests due in the stage that ended.",
        [(at, float(s.count)) for at, s in stages],
    )
    yield _Family(
        "loadkit_objective_met",
        "1: met, 0: missed; no sample where it could not be judged.",
        [({"objective": r.slo, "stage": r.stage}, _met(r.verdict.status.value)) for r in a.slos],
    )
    yield _Family("loadkit_exit_status", "Exit status of the run.", [({}, float(a.exit_status))])
    yield _Family(
        "loadkit_generator_valid",
        "1: valid, 0: degraded or invalid.",
        [({"verdict": a.generator.verdict}, float(a.generator.verdict == "valid"))],
    )


def _quantiles(labels: dict[str, str], times: Percentiles) -> list[_Sample]:
    return [(labels | {"quantile": q}, getattr(times, name)) for q, name in _QUANTILES]


def _met(status: str) -> float | None:
    return {"passed": 1.0, "failed": 0.0}.get(status)


def _lines(family: _Family, run: str) -> Iterator[str]:
    known = [(at, v) for at, v in family.samples if v is not None and math.isfinite(v)]
    if not known:
        return
    yield f"# TYPE {family.name} gauge"
    if family.unit:
        yield f"# UNIT {family.name} {family.unit}"
    yield f"# HELP {family.name} {family.text}"
    for labels, value in known:
        pairs = ",".join(
            f'{key}="{_escaped(text)}"' for key, text in {"run": run, **labels}.items()
        )
        yield f"{family.name}{{{pairs}}} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
