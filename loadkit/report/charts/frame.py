"""What all charts have behind their lines: stages, faults and the instants alerts fired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from loadkit.analyse.difference import Difference
from loadkit.analyse.result import Analysis, FaultResult, StageResult
from loadkit.analyse.steps import Timeline
from loadkit.bundle.histogram import COARSE
from loadkit.report import units
from loadkit.report.charts.axis import Axis, axis
from loadkit.report.charts.bins import Points
from loadkit.report.charts.cells import Heat
from loadkit.report.charts.chart import Chart
from loadkit.report.charts.pack import packed

_TINTS = 5
_CHARACTER = 7.0  # pixels, of the small labels beside a plot
_WIDEST = 168
_NARROWEST = 58


@dataclass(frozen=True, slots=True)
class Band:
    """A labelled stretch: a stage, or a fault in its lane."""

    start_s: float
    end_s: float
    left: float  # percent of the axis
    width: float
    label: str
    title: str
    css: str
    lane: int = 0


@dataclass(frozen=True, slots=True)
class Instant:
    """When an alert began to fire."""

    at_s: float
    title: str
    css: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The shared axis and everything drawn on it in every chart."""

    axis: Axis
    stages: tuple[Band, ...]
    faults: tuple[Band, ...]
    lanes: int
    instants: tuple[Instant, ...]


def frame(analysis: Analysis) -> Frame:
    """Stages, faults and firing alerts of a run."""
    shared = axis(analysis.end_s)
    measured = [stage.name for stage in analysis.stages if stage.measured]
    stages = [_stage(stage, measured, shared) for stage in analysis.stages]
    faults = _lanes([_fault(fault, shared) for fault in analysis.faults])
    return Frame(
        shared,
        tuple(band for band in stages if band),
        faults,
        1 + max((band.lane for band in faults), default=-1),
        _instants(analysis, shared),
    )


def gutter(charts: Sequence[Chart]) -> int:
    """Pixels kept free to the left of all plots, so that their axes line up."""
    longest = max((chart.longest_tick for chart in charts if not chart.empty), default=0)
    return round(min(_WIDEST, max(_NARROWEST, longest * _CHARACTER + 14)))


def _band(shared: Axis, start: float, end: float, label: str, title: str, css: str) -> Band | None:
    held = shared.clip(start, end)
    if held is None:
        return None
    left = shared.share(held[0])
    width = round(shared.share(held[1]) - left, 4)
    return Band(held[0], held[1], left, width, label, title, css)


def _stage(stage: StageResult, measured: Sequence[str], shared: Axis) -> Band | None:
    kind = "warm-up" if stage.warmup else "profile"
    if stage.name in measured:
        kind = f"t{measured.index(stage.name) % _TINTS}"
    said = f", {stage.load}" if stage.load else ""
    said += "" if stage.measured else ", not in any verdict"
    start, end = stage.start_s, stage.start_s + stage.duration_s
    title = f"{stage.name}: {units.clock(start)} to {units.clock(end)}{said}"
    return _band(shared, start, end, stage.name, title, kind)


def fault_label(fault: FaultResult) -> str:
    """A fault as it is written on the command line, without its stage."""
    step = f":{fault.step}" if fault.step else ""
    return f"{fault.kind}{step}={fault.value:g}"


def _fault(fault: FaultResult, shared: Axis) -> Band | None:
    end = shared.end if fault.end_s is None else fault.end_s
    until = "its end was not recorded" if fault.end_s is None else units.clock(end, 1)
    title = f"fault {fault_label(fault)}: {units.clock(fault.start_s, 1)} to {until}"
    return _band(shared, fault.start_s, end, fault_label(fault), title, "fault")


def _lanes(bands: Sequence[Band | None]) -> tuple[Band, ...]:
    """Overlapping bands one above the other."""
    placed: list[Band] = []
    ends: list[float] = []
    for band in sorted((b for b in bands if b), key=lambda b: (b.start_s, b.label)):
        lane = next((n for n, end in enumerate(ends) if end <= band.start_s), len(ends))
        ends[lane : lane + 1] = [band.end_s]
        placed.append(
            Band(
                band.start_s,
                band.end_s,
                band.left,
                band.width,
                band.label,
                band.title,
                band.css,
                lane,
            )
        )
    return tuple(placed)


def _instants(analysis: Analysis, shared: Axis) -> tuple[Instant, ...]:
    return tuple(
        Instant(
            spell.firing_at,
            f"{alert.name} fires at {units.clock(spell.firing_at, 1)}",
            "shown" if alert.role == "shown" else "judged",
        )
        for alert in analysis.alerts
        for spell in alert.spells
        if spell.firing_at is not None and shared.start <= spell.firing_at <= shared.end
    )


def script_data(charts: Sequence[Chart], shared: Frame, analysis: Analysis) -> dict[str, Any]:
    """What the page's script needs: the axis, stages, each chart's series, and histograms."""
    return {
        "timeline": analysis.timeline and _timeline(analysis.timeline),
        "before": analysis.difference and _before(analysis.difference),
        "start": shared.axis.start,
        "end": shared.axis.end,
        "stages": [[band.start_s, band.end_s, band.label] for band in shared.stages],
        "charts": {
            chart.key: {
                "kind": chart.kind,
                "scale": asdict(chart.scale) if chart.scale else None,
                "heat": chart.heat and _heat(chart.heat),
                "series": [
                    {
                        "name": one.name,
                        **_points(one.points),
                        "before": one.before and _points(one.before),
                    }
                    for one in chart.series
                ],
            }
            for chart in charts
            if not chart.empty
        },
    }


def _timeline(timeline: Timeline) -> dict[str, Any]:
    same = timeline.service == timeline.response  # in the closed model
    return {
        "step": timeline.step_s,
        "bits": COARSE,
        "response": packed(timeline.response),
        "service": None if same else packed(timeline.service),
        "due": timeline.due,
        "failed": timeline.failed,
        "completed": timeline.completed,
    }


def _before(against: Difference) -> dict[str, Any]:
    timeline = against.before.timeline
    return {
        "places": [[place.start_s, place.end_s, place.shift_s] for place in against.places],
        "timeline": timeline and _timeline(timeline),
    }


def _points(points: Points) -> dict[str, Any]:
    return {"x": [_short(v) for v in points.x], "y": [_short(v) for v in points.y]}


def _heat(heat: Heat) -> dict[str, Any]:
    return {"column": heat.column_s, "bounds": heat.bounds}


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
