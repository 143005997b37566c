"""The service's own view of its requests: what it counts and times itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from loadkit.analyse import quantiles
from loadkit.analyse.context import Floats
from loadkit.analyse.quantiles import Estimate
from loadkit.analyse.roles_requests import scale
from loadkit.analyse.roles_words import PATH_LABELS
from loadkit.analyse.series import Series, increase, rate
from loadkit.analyse.taken import Taken
from loadkit.model.roles import Choice
from loadkit.model.selector import Selector

WATCHERS = ("health", "ready", "live", "metrics")
"""Last parts of paths that those who watch ask for, not those who use."""


@dataclass(frozen=True, slots=True)
class ServerSide:
    """The series of user requests; lists are empty for what the service does not tell."""

    counter: str = ""
    requests: list[Series] = field(default_factory=list)
    failing: str = ""  # the selector of failures
    failures: list[Series] = field(default_factory=list)
    timer: str = ""
    kind: str = ""  # histogram, summary or mean
    unit_s: float = 1.0
    buckets: list[Series] = field(default_factory=list)
    quantiles: list[Series] = field(default_factory=list)
    sums: list[Series] = field(default_factory=list)
    counts: list[Series] = field(default_factory=list)

    @property
    def timed(self) -> bool:
        """Whether it tells how long requests took."""
        return bool(self.buckets or self.quantiles or self.sums)

    def traffic(self) -> tuple[Floats, Floats]:
        """Requests a second, at scrapes."""
        return total_rate(self.requests)

    def failed(self) -> tuple[Floats, Floats]:
        """Failures a second, at scrapes."""
        return total_rate(self.failures)

    def error_ratio(self, start_s: float, end_s: float) -> float | None:
        """Share of failures in a stretch; None where nothing was counted in it."""
        every = sum(increase(series, start_s, end_s) for series in self.requests)
        failed = sum(increase(series, start_s, end_s) for series in self.failures)
        return failed / every if every else None

    def quantile(self, q: float, start_s: float, end_s: float) -> Estimate | None:
        """A quantile in a stretch with the bounds it surely lies in; seconds."""
        if self.buckets:
            found = quantiles.of_buckets(q, quantiles.growth(self.buckets, start_s, end_s))
        else:
            found = quantiles.of_summaries(q, self.quantiles, start_s, end_s)
        return None if found is None else found.times(self.unit_s)

    def mean(self, start_s: float, end_s: float) -> float | None:
        """Mean time of the requests in a stretch, by sum and count; seconds."""
        count = sum(increase(series, start_s, end_s) for series in self.counts)
        total = sum(increase(series, start_s, end_s) for series in self.sums)
        return self.unit_s * total / count if count else None

    def means(self) -> tuple[Floats, Floats]:
        """Mean time of the requests between two scrapes, where there were any; seconds."""
        x, every = total_rate(self.counts)
        at, spent = total_rate(self.sums)
        if not len(x) or len(at) != len(x):
            return np.empty(0), np.empty(0)
        known = every > 0
        return x[known], self.unit_s * spent[known] / every[known]

    def routes(self, start_s: float, end_s: float) -> list[tuple[str, str]]:
        """(label, value) of each route that was asked for in a stretch, busiest first."""
        label = next((n for n in PATH_LABELS for s in self.requests if n in s.labels), "")
        grown: dict[str, float] = {}
        for series in self.requests if label else ():
            value = series.labels.get(label, "")
            grown[value] = grown.get(value, 0.0) + increase(series, start_s, end_s)
        busiest = sorted((v for v in grown if grown[v] > 0), key=lambda v: (-grown[v], v))
        return [(label, value) for value in busiest]

    def only(self, label: str, value: str) -> ServerSide:
        """The same of one route; times are left out where they do not have the label."""

        def own(series: list[Series]) -> list[Series]:
            return [one for one in series if one.labels.get(label) == value]

        return ServerSide(
            self.counter, own(self.requests), self.failing, own(self.failures), self.timer,
            self.kind, self.unit_s, own(self.buckets), own(self.quantiles), own(self.sums),
            own(self.counts),
        )  # fmt: skip


def find(taken: Taken) -> ServerSide:
    """The series behind what the metrics were taken for."""
    guess = taken.guess
    counter, requests = _series(taken, guess.rate)
    failing, failures = _series(taken, guess.errors)
    timer, kind, unit = "", "", 1.0
    parts: dict[str, list[Series]] = {}
    if guess.duration is not None and isinstance(guess.duration.metric, Selector):
        selector = guess.duration.metric
        timer, kind = str(selector), guess.duration.kind
        unit = scale(taken.family(selector.name) or None)
        for part in ("_bucket", "_sum", "_count", ""):
            own = Selector(selector.name + part, selector.matchers)
            parts[part] = of_users(taken.find(own))
    return ServerSide(
        counter=counter,
        requests=requests,
        failing=failing,
        failures=failures,
        timer=timer,
        kind=kind,
        unit_s=unit,
        buckets=parts.get("_bucket", []),
        quantiles=[s for s in parts.get("", []) if "quantile" in s.labels],
        sums=parts.get("_sum", []),
        counts=parts.get("_count", []),
    )


def _series(taken: Taken, choice: Choice | None) -> tuple[str, list[Series]]:
    if choice is None or not isinstance(choice.metric, Selector):
        return "", []
    return choice.text, of_users(taken.find(choice.metric))


def of_users(series: Iterable[Series]) -> list[Series]:
    """Without what those who watch ask for."""
    return [one for one in series if _asked_by_users(one)]


def _asked_by_users(series: Series) -> bool:
    path = next((series.labels[key] for key in PATH_LABELS if key in series.labels), "")
    return not path.rstrip("/").rsplit("/", 1)[-1].startswith(WATCHERS)


def total_rate(series: list[Series]) -> tuple[Floats, Floats]:
    """Rates of many counters of one scrape added up."""
    parts = [(x, y) for x, y in map(rate, series) if len(x)]
    if not parts:
        return np.empty(0), np.empty(0)
    x = max((x for x, _ in parts), key=len)
    total = np.zeros(len(x))
    for own_x, y in parts:
        total += y if len(own_x) == len(x) else np.interp(x, own_x, y, left=0.0)
    return x, total
