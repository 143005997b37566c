"""Golden signals, RED and USE: base against peak, the client's side and the service's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from loadkit.analyse import server, text, timing
from loadkit.analyse.accounting import Flow, achieved
from loadkit.analyse.context import Context, Floats, StageSpan
from loadkit.analyse.result import Line, Signal
from loadkit.analyse.roles_saturation import MEMORY
from loadkit.analyse.saturation import Use
from loadkit.analyse.series import Metrics, Series, increase
from loadkit.analyse.server import ServerSide
from loadkit.analyse.stages import Latencies
from loadkit.analyse.taken import Taken
from loadkit.analyse.within import losses, waiting

CLIENT = "client: the load generator"
MOST_OPERATIONS = 12
MOST_ROUTES = 5

Value = Callable[[StageSpan], str | None]


class Signals:
    """Makes the three tables."""

    def __init__(
        self,
        context: Context,
        metrics: Metrics,
        flow: Flow,
        latencies: Latencies,
        uses: tuple[Use, ...],
        lines: dict[str, Line],
        taken: Taken,
    ) -> None:
        """``lines``: the client's own, by name: achieved, p95."""
        self.context = context
        self.metrics = metrics
        self.flow = flow
        self.latencies = latencies
        self.uses = uses
        self.lines = lines
        self.taken = taken
        self.server = server.find(taken)

    def all(self) -> tuple[Signal, ...]:
        """Golden, RED, USE, in this order."""
        return (*self.golden(), *self.red(), *self.use())

    def signal(
        self,
        where: tuple[str, str, str, str],
        value: Value,
        line: Line | None = None,
    ) -> Signal:
        """One row: method, name, resource and source; the value in a stage, in words."""
        base, peak = self.context.base, self.context.peak
        return Signal(
            *where,
            base=None if base is None else value(base),
            peak=None if peak is None else value(peak),
            line=line,
        )

    def span(self, stage: StageSpan) -> tuple[float, float]:
        """The part of a stage that was run."""
        return stage.start_s, stage.start_s + self.context.reached(stage)

    # -- golden ------------------------------------------------------------------------------

    def golden(self) -> Iterator[Signal]:
        """Latency, Traffic, Errors, Saturation."""
        whole = "all requests"
        yield self.signal(
            ("golden", "Latency", whole, f"{CLIENT}, response time"),
            lambda stage: self.latency(stage, None),
            self.lines.get("p95"),
        )
        if self.server.timed:
            yield self.signal(
                ("golden", "Latency", whole, f"service: {self.server.timer}"),
                self.timed(),
                self.course(self.server),
            )
        yield self.signal(
            ("golden", "Traffic", whole, f"{CLIENT}, responses completed"),
            lambda stage: self.traffic(stage, None),
            self.lines.get("achieved"),
        )
        yield from self.server_traffic()
        yield self.signal(
            ("golden", "Errors", whole, f"{CLIENT}, failed, raised or cancelled"),
            lambda stage: self.errors(stage, None),
        )
        if self.server.requests and self.server.failing:
            x, y = self.server.failed()
            source = f"service: {self.server.failing}"
            yield self.signal(
                ("golden", "Errors", whole, source),
                self.failing(),
                _line("failures by the service", "1/s", x, y, source) if len(x) else None,
            )
        for use in self.fullest():
            yield self.signal(
                ("golden", "Saturation", use.name, use.source), self.mean_of(use), use.line()
            )

    def fullest(self) -> list[Use]:
        """The three resources that are fullest at peak, one of the service's own among them."""
        peak = self.context.peak
        if peak is None:
            return []
        means = [(use.mean(self.context, peak), use) for use in self.uses if not use.own]
        known = [(mean, use) for mean, use in means if mean is not None]
        ordered = [use for _, use in sorted(known, key=lambda pair: -pair[0])]
        served = [use for use in ordered if use.service]
        first = ordered[:3]
        if served and not any(use.service for use in first):
            first = [*ordered[:2], served[0]]
        return first

    def timed(self, side: ServerSide | None = None) -> Value:
        """How long the service says that requests took, in words."""
        own = side or self.server
        return lambda stage: timing.words(own, *self.span(stage))

    def course(self, side: ServerSide) -> Line | None:
        """Mean time by the service's own sums and counts, at scrapes."""
        x, y = side.means()
        return _line("mean time", "s", x, y, f"service: {side.timer}") if len(x) else None

    def failing(self, side: ServerSide | None = None) -> Value:
        """The share of requests that failed by the service's own count."""
        own = side or self.server
        return lambda stage: _share(own.error_ratio(*self.span(stage)))

    def coming(self, side: ServerSide | None = None) -> Value:
        """Requests a second by the service's own count."""
        x, y = (side or self.server).traffic()
        return lambda stage: _rate(self.mean(x, y, stage))

    def server_traffic(self) -> Iterator[Signal]:
        if not self.server.requests:
            return
        x, y = self.server.traffic()
        source = f"service: rate of {self.server.counter}"
        yield self.signal(
            ("golden", "Traffic", "all requests", source),
            self.coming(),
            _line("requests by the service", "1/s", x, y, source),
        )

    # -- RED ---------------------------------------------------------------------------------

    def red(self) -> Iterator[Signal]:
        """Rate, Errors, Duration: of each operation, then of each route; busiest first."""
        for operation in self.flow.operations[:MOST_OPERATIONS]:
            yield self.signal(
                ("RED", "Rate", operation, f"{CLIENT}, responses completed"),
                lambda stage, name=operation: self.traffic(stage, name),  # type: ignore[misc]
            )
            yield self.signal(
                ("RED", "Errors", operation, f"{CLIENT}, failed, raised or cancelled"),
                lambda stage, name=operation: self.errors(stage, name),  # type: ignore[misc]
            )
            yield self.signal(
                ("RED", "Duration", operation, f"{CLIENT}, response time"),
                lambda stage, name=operation: self.latency(stage, name),  # type: ignore[misc]
            )

        yield from self.red_of_routes()

    def red_of_routes(self) -> Iterator[Signal]:
        """The same as the service counts it, by the label that tells its routes apart."""
        if not self.server.requests:
            return
        routes = self.server.routes(0.0, self.context.reached_s)
        sides = [("all requests", self.server)] + [
            (value, self.server.only(label, value)) for label, value in routes[:MOST_ROUTES]
        ]
        for name, side in sides if len(routes) != 1 else sides[:1]:
            source = f"service: rate of {side.counter}"
            x, y = side.traffic()
            line = _line(f"requests of {name}", "1/s", x, y, source)
            yield self.signal(("RED", "Rate", name, source), self.coming(side), line)
            if side.failing:
                source = f"service: {side.failing}"
                yield self.signal(("RED", "Errors", name, source), self.failing(side))
            if side.timed:
                source = f"service: {side.timer}"
                where = ("RED", "Duration", name, source)
                yield self.signal(where, self.timed(side), self.course(side))

    def latency(self, stage: StageSpan, operation: str | None) -> str | None:
        """p50, p95, p99 in words."""
        found = self.latencies.percentiles("response", stage.name, operation)
        if not found.count:
            return None
        p50, p95, p99 = (text.duration(v) for v in (found.p50, found.p95, found.p99))
        return f"p50 {p50}, p95 {p95}, p99 {p99}"

    def traffic(self, stage: StageSpan, operation: str | None) -> str | None:
        """Achieved rate in words."""
        return _rate(achieved(self.flow, self.context, stage, operation))

    def errors(self, stage: StageSpan, operation: str | None) -> str | None:
        """Error ratio with the number behind it."""
        ended = self.flow.ended(stage.name, operation)
        if not ended:
            return None
        failures = self.flow.failures(stage.name, operation)
        return f"{text.share(failures / ended)} ({failures:,} of {ended:,})"

    # -- USE ---------------------------------------------------------------------------------

    def use(self) -> Iterator[Signal]:
        """Utilization, Saturation and Errors of each resource."""
        for use in self.uses:
            yield self.signal(
                ("USE", "Utilization", use.name, use.source), self.mean_of(use), use.line()
            )
        for series in waiting(self.metrics, self.taken.subject):
            source = f"gauge {series.name}"
            unit = "s" if series.name.endswith("_seconds") else "count"
            yield self.signal(
                ("USE", "Saturation", _title(series.name), source),
                lambda stage, s=series: self.level(s, stage),  # type: ignore[misc]
                _line(_title(series.name), unit, series.t, series.v, source),
            )
        for name, members in losses(self.metrics, self.taken.subject).items():
            yield self.signal(
                ("USE", "Errors", _title(name.removesuffix("_total")), f"counter {name}"),
                lambda stage, m=members: self.growth(m, stage),  # type: ignore[misc]
            )

    # -- values ------------------------------------------------------------------------------

    def mean(self, x: Floats, y: Floats, stage: StageSpan) -> float | None:
        """Mean of the points in a stage."""
        inside = y[self.context.within(x, stage)]
        return float(np.mean(inside)) if len(inside) else None

    def mean_of(self, use: Use) -> Value:
        """A resource's mean and highest ratio in words."""

        def value(stage: StageSpan) -> str | None:
            inside = use.y[self.context.within(use.x, stage)]
            if not len(inside):
                return None
            word = "mean" if use.kind != MEMORY else "mean used"
            high = text.share(float(inside.max()))
            return f"{word} {text.share(float(inside.mean()))}, highest {high}"

        return value

    def level(self, series: Series, stage: StageSpan) -> str | None:
        """A gauge's mean and highest in words."""
        inside = series.v[self.context.within(series.t, stage)]
        if not len(inside):
            return None
        mean, high = float(inside.mean()), float(inside.max())
        if series.name.endswith("_seconds"):
            return f"mean {text.duration(mean)}, highest {text.duration(high)}"
        return f"mean {mean:.3g}, highest {high:.3g}"

    def growth(self, members: list[Series], stage: StageSpan) -> str | None:
        """How much counters grew in a stage."""
        start, end = self.span(stage)
        if not any(((s.t >= start) & (s.t <= end)).sum() > 1 for s in members):
            return None
        return f"{sum(increase(series, start, end) for series in members):,.0f}"


def _title(name: str) -> str:
    return name.replace("_", " ")


def _share(ratio: float | None) -> str | None:
    return None if ratio is None else text.share(ratio)


def _rate(value: float | None) -> str | None:
    return None if value is None else text.rate(value)


def _line(name: str, unit: str, x: Floats, y: Floats, note: str) -> Line:
    return Line(name, unit, tuple(x.tolist()), tuple(y.tolist()), note)
