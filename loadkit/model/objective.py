"""Objectives as text."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from loadkit.errors import UsageError

_SLO = re.compile(
    r"""\s*(?:(?P<scope>.*?\S)\s*:\s+)?
        (?:(?P<measure>response|service)\s+)?
        (?P<metric>p\d+(?:\.\d+)?|mean|max|errors|rate)\s*
        (?P<op><=|>=|<|>)\s*
        (?P<value>\d+(?:\.\d+)?)\s*(?P<unit>µs|us|ms|s|min|%|/s)?\s*""",
    re.VERBOSE,
)
_SECONDS = {"µs": 1e-6, "us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0}
_SLO_REMEDY = (
    "Write for example 'p95 < 300 ms', 'errors < 1 %', 'rate > 140 /s' "
    "or 'POST /api/v1/costs@peak: p99 < 1 s'."
)


@dataclass(frozen=True, slots=True)
class Slo:
    """An objective, as text: ``[OPERATION][@STAGE]: [service|response] METRIC < VALUE UNIT``.

    ``metric`` is ``p50``…``p99.9``, ``mean``, ``max`` (threshold in seconds), ``errors``
    (threshold a ratio) or ``rate`` (completions a second). Times are response times unless
    ``service`` is said. Without a stage it holds for every measured stage, each by itself;
    without an operation for all operations together.

    Raises:
        UsageError: the text does not parse, or the unit does not fit the metric.
    """

    text: str
    metric: str = field(init=False)
    comparator: str = field(init=False)
    threshold: float = field(init=False)
    measure: str = field(init=False)
    operation: str | None = field(init=False)
    stage: str | None = field(init=False)

    def __post_init__(self) -> None:
        found = _SLO.fullmatch(self.text) if isinstance(self.text, str) else None
        if found is None:
            raise UsageError(f"objective {self.text!r} is not understood", remedy=_SLO_REMEDY)
        metric, unit = found["metric"], found["unit"]
        operation, stage = _split_scope(found["scope"])
        values = {
            "metric": metric,
            "comparator": found["op"],
            "threshold": _threshold(self.text, metric, float(found["value"]), unit),
            "measure": found["measure"] or "response",
            "operation": operation,
            "stage": stage,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def quantile(self) -> float | None:
        """The quantile asked for, from 0 to 1; None when the metric is not one."""
        return float(self.metric[1:]) / 100 if self.metric.startswith("p") else None


def _split_scope(scope: str | None) -> tuple[str | None, str | None]:
    if not scope:
        return None, None
    operation, at, stage = scope.rpartition("@")
    if not at:
        return scope.strip(), None
    return operation.strip() or None, stage.strip() or None


def _threshold(text: str, metric: str, value: float, unit: str | None) -> float:
    if metric == "errors":
        if unit not in ("%", None):
            raise UsageError(f"objective {text!r}: errors are a share", remedy=_SLO_REMEDY)
        return value / 100 if unit == "%" else value
    if metric == "rate":
        if unit not in ("/s", None):
            raise UsageError(f"objective {text!r}: a rate is in /s", remedy=_SLO_REMEDY)
        return value
    if unit not in _SECONDS:
        raise UsageError(f"objective {text!r} needs a unit of time", remedy=_SLO_REMEDY)
    if metric.startswith("p") and not 0 < float(metric[1:]) < 100:
        raise UsageError(f"objective {text!r}: a percentile lies between 0 and 100")
    return value * _SECONDS[unit]
