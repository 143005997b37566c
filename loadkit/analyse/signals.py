"""Golden signals, RED and USE: base against peak, the client's side and the service's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from loadkit.analyse import server, text
from loadkit.analyse.accounting import Flow, achieved
from loadkit.analyse.context import Context, Floats, StageSpan
from loadkit.analyse.result import Line, Signal
from loadkit.analyse.saturation import MEMORY, Use
from loadkit.analyse.series import Metrics, Series, increase
from loadkit.analyse.stages import Latencies

CLIENT = "client: the load generator"
MOST_OPERATIONS = 12

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
    ) -> None:
        """``lines``: the client's own, by name: achieved, p95."""
        self.context = context
        self.metrics = metrics
        self.flow = flow
        self.latencies = latencies
        self.uses = uses
        self.lines = lines
        self.server = server.find(metrics)

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
        if self.server.buckets:
            yield self.signal(
                ("golden", "Latency", whole, f"service: {self.server.histogram}"),
                self.server_latency,
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
        if self.server.requests:
            yield self.signal(
                ("golden", "Errors", whole, f"service: {self.server.counter}, status 5xx"),
                lambda stage: _share(self.server.error_ratio(*self.span(stage))),
            )
        for use in self.fullest():
            yield self.signal(
                ("golden", "Saturation", use.name, use.source), self.mean_of(use), use.line()
            )

    def fullest(self) -> list[Use]:
        """The three resources of the service and the machine that are fullest at peak."""
        peak = self.context.peak
        if peak is None:
            return []
        means = [(use.mean(self.context, peak), use) for use in self.uses if not use.own]
        known = [(mean, use) for mean, use in means if mean is not None]
        return [use for _, use in sorted(known, key=lambda pair: -pair[0])[:3]]

    def server_latency(self, stage: StageSpan) -> str | None:
        p50, p95 = (self.server.quantile(q, *self.span(stage)) for q in (0.5, 0.95))
        if p50 is None or p95 is None:
            return None
        return f"p50 about {text.duration(p50)}, p95 about {text.duration(p95)}"

    def server_traffic(self) -> Iterator[Signal]:
        if not self.server.requests:
            return
        x, y = self.server.traffic()
        source = f"service: rate of {self.server.counter}"
        yield self.signal(
            ("golden", "Traffic", "all requests", source),
            lambda stage: _rate(self.mean(x, y, stage)),
            _line("requests by the service", "1/s", x, y, source),
        )

    # -- RED ---------------------------------------------------------------------------------

    def red(self) -> Iterator[Signal]:
        """Rate, Errors, Duration of each operation, busiest first."""
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
        for series in self.waiting():
            source = f"gauge {series.name}"
            unit = "s" if series.name.endswith("_seconds") else "count"
            yield self.signal(
                ("USE", "Saturation", _title(series.name), source),
                lambda stage, s=series: self.level(s, stage),  # type: ignore[misc]
                _line(_title(series.name), unit, series.t, series.v, source),
            )
        for name, members in self.losses().items():
            yield self.signal(
                ("USE", "Errors", _title(name.removesuffix("_total")), f"counter {name}"),
                lambda stage, m=members: self.growth(m, stage),  # type: ignore[misc]
            )

    def waiting(self) -> Iterator[Series]:
        """Gauges of work that waits: queues, pools, the event loop's lag, load average."""
        for name in self.metrics.names:
            if name.endswith(("_waiting", "_depth")) or name in (
                "event_loop_lag_max_seconds",
                "node_load1",
                "http_requests_in_flight",
            ):
                yield from self.metrics.select(name)[:1]

    def losses(self) -> dict[str, list[Series]]:
        """Counters of what was lost or went wrong inside a resource."""
        endings = ("_dropped_total", "_errors_total", "_failed_total", "_errs_total")
        return {
            name: self.metrics.select(name)
            for name in self.metrics.names
            if (name.endswith(endings) or "_dropped_" in name)
            and name.endswith("_total")
            and not name.startswith(("node_", "prometheus_", "net_conntrack", "promhttp_"))
        }

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
