"""What a service exposes about itself: the text format 0.0.4 and OpenMetrics, parsed.

The parsers are those of prometheus_client. Names are kept as the text has them: its text parser
adds ``_total`` to counters that lack it, which Prometheus does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as text_families

from loadkit.collect.answers import page
from loadkit.errors import AnswerError
from loadkit.model.roles import MetricInfo
from loadkit.scrub import scrub

ACCEPT = "text/plain;version=0.0.4, application/openmetrics-text;version=1.0.0;q=0.8, */*;q=0.1"
MOST_SAMPLES = 20_000
MOST_BYTES = 16_000_000

_COUNTERS = re.compile(r"^# TYPE (\S+) counter\s*$", re.M)
_SAMPLE = re.compile(r"^[a-zA-Z_:]", re.M)
_REMEDY = "Give the address of the metrics themselves, such as http://127.0.0.1:8000/metrics."


@dataclass(frozen=True, slots=True)
class Sample:
    """One value; ``stamp_s`` is Unix time where the exposition has one."""

    name: str
    labels: Mapping[str, str]
    value: float
    stamp_s: float | None = None


@dataclass(frozen=True, slots=True)
class Exposition:
    """Everything that one answer said."""

    infos: tuple[MetricInfo, ...]
    samples: tuple[Sample, ...]

    @property
    def series(self) -> Iterable[tuple[str, Mapping[str, str]]]:
        """Name and labels of each sample, as a guess of roles wants them."""
        return ((sample.name, sample.labels) for sample in self.samples)


def read_exposition(
    text: str, content_type: str = "", where: str = "", most: int = MOST_SAMPLES
) -> Exposition:
    """Parses an answer.

    Args:
        text: the body.
        content_type: the header; OpenMetrics says so in it.
        where: the URL, for messages.
        most: more samples than this are refused.

    Raises:
        AnswerError: it is a web page, something else, cut short, or too long.
    """
    where = scrub(where)
    _refuse_foreign(text, where)
    count = sum(1 for _ in _SAMPLE.finditer(text))
    if count > most:
        raise AnswerError(
            f"has {count:,} samples, more than {most:,}",
            where=where,
            remedy="Let a Prometheus read it that drops what is not needed, and name that one.",
        )
    structured = "openmetrics" in content_type or text.rstrip().endswith("# EOF")
    if not text.endswith("\n"):
        raise AnswerError("is cut short: its last line has no end", where=where, remedy=_REMEDY)
    if "openmetrics" in content_type and not text.rstrip().endswith("# EOF"):
        raise AnswerError("is cut short: there is no # EOF", where=where, remedy=_REMEDY)
    parse = openmetrics.text_string_to_metric_families if structured else text_families
    renamed = set() if structured else _without_total(text)
    try:
        families = list(parse(text))
    except (ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        said = " ".join(scrub(str(error), 120).split())
        raise AnswerError(
            f"answered something that is no exposition: {said}", where=where, remedy=_REMEDY
        ) from None
    samples = tuple(sample for family in families for sample in _samples(family, renamed))
    if not samples:
        raise AnswerError("answered without a single metric", where=where, remedy=_REMEDY)
    return Exposition(tuple(_info(family, renamed) for family in families), samples)


def _refuse_foreign(text: str, where: str) -> None:
    start = text[:300].lstrip().lower()
    if start.startswith(("<!doctype html", "<html", "<head", "<?xml", "<!--")):
        found = page(text, where)
        what = found.what.replace("instead of its JSON API", "instead of metrics")
        raise AnswerError(what, where=where, remedy=_REMEDY)
    if start.startswith(("{", "[")):
        raise AnswerError("answered JSON instead of metrics", where=where, remedy=_REMEDY)


def _without_total(text: str) -> set[str]:
    """Counters that the text declares without ``_total``."""
    return {name for name in _COUNTERS.findall(text) if not name.endswith("_total")}


def _info(family: Metric, renamed: set[str]) -> MetricInfo:
    name = family.name
    if family.type == "counter" and name not in renamed:
        name += "_total"
    help_ = scrub(family.documentation or "", 500)
    return MetricInfo(name, family.type or "unknown", help_, family.unit or "")


def _samples(family: Metric, renamed: set[str]) -> Iterable[Sample]:
    bare = family.type == "counter" and family.name in renamed
    for one in family.samples:
        name = one.name.removesuffix("_total") if bare else one.name
        stamp = None if one.timestamp is None else float(one.timestamp)
        yield Sample(name, one.labels, float(one.value), stamp)
