"""Metric families: what was declared, and where nothing was, what the series look like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from loadkit.model.roles import MetricInfo

COUNTER, GAUGE, HISTOGRAM, SUMMARY = "counter", "gauge", "histogram", "summary"
_PARTS = ("_bucket", "_sum", "_count")
_IGNORED = ("_created", "_info")
_MOST_VALUES = 200


@dataclass(frozen=True, slots=True)
class Family:
    """One metric: a counter under the name of its series, a histogram without their endings.

    ``labels`` has the values seen of each label; ``le`` and ``quantile`` are left out.
    """

    name: str
    type: str
    help: str = ""
    unit: str = ""
    labels: Mapping[str, frozenset[str]] = field(default_factory=dict)
    quantiles: bool = False  # a summary with quantiles, not only a count and a sum

    @property
    def words(self) -> tuple[str, ...]:
        """The parts of its name, in small letters."""
        return tuple(word for word in self.name.lower().replace(":", "_").split("_") if word)

    @property
    def counts(self) -> bool:
        """Whether it says how often something happened."""
        return self.type in (COUNTER, HISTOGRAM, SUMMARY)

    @property
    def counter(self) -> str:
        """The name of the series that counts."""
        return self.name if self.type == COUNTER else f"{self.name}_count"


Labelled = tuple[str, Mapping[str, str]]


def catalogue(infos: Iterable[MetricInfo], series: Iterable[Labelled]) -> tuple[Family, ...]:
    """The families of some series (name and labels), by name. Those without series are left out."""
    declared = {info.name: info for info in infos}
    values: dict[str, dict[str, set[str]]] = {}
    for name, labels in series:
        seen = values.setdefault(name, {})
        for label, value in labels.items():
            known = seen.setdefault(label, set())
            if len(known) < _MOST_VALUES:
                known.add(value)
    shapes = _shapes(values, declared)
    families: dict[str, Family] = {}
    for name in sorted(values):
        if name.endswith(_IGNORED):
            continue
        base, kind = _placed(name, shapes, declared)
        own = name if kind in (COUNTER, GAUGE) else base
        if own not in families or name.endswith("_count"):
            families[own] = _family(own, kind, name, values, declared)
    return tuple(families[name] for name in sorted(families))


def _family(
    own: str,
    kind: str,
    name: str,
    values: Mapping[str, Mapping[str, set[str]]],
    declared: Mapping[str, MetricInfo],
) -> Family:
    info = declared.get(own) or declared.get(own.removesuffix("_total")) or MetricInfo(own)
    labels = {
        label: frozenset(known)
        for label, known in values[name].items()
        if label not in ("le", "quantile")
    }
    quantiles = kind == SUMMARY and "quantile" in values.get(own, {})
    return Family(own, kind, info.help, info.unit, labels, quantiles)


def _shapes(
    values: Mapping[str, Mapping[str, set[str]]], declared: Mapping[str, MetricInfo]
) -> dict[str, str]:
    """Base name → histogram or summary, as declared or by the series that are there."""
    shapes = {
        info.name: info.type for info in declared.values() if info.type in (HISTOGRAM, SUMMARY)
    }
    for name, labels in values.items():
        if name.endswith("_bucket") and "le" in labels:
            shapes.setdefault(name.removesuffix("_bucket"), HISTOGRAM)
    for name, labels in values.items():
        base = name.removesuffix("_count")
        if "quantile" in labels or (base != name and f"{base}_sum" in values):
            shapes.setdefault(name if "quantile" in labels else base, SUMMARY)
    return shapes


def _placed(
    name: str, shapes: Mapping[str, str], declared: Mapping[str, MetricInfo]
) -> tuple[str, str]:  # fmt: skip
    """(name of the family, type) of a series."""
    if name in shapes:
        return name, shapes[name]
    for part in _PARTS:
        base = name.removesuffix(part)
        if base != name and base in shapes:
            return base, shapes[base]
    info = declared.get(name) or declared.get(name.removesuffix("_total"))
    if info is not None and info.type in (COUNTER, GAUGE):
        return name, info.type
    return name, COUNTER if name.endswith("_total") else GAUGE
