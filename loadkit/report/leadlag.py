"""Lead and lag as aligned strips with change points and their intervals, and in sentences."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from loadkit.analyse.result import Analysis, ChangePoint, Lag, LeadLag, Strip
from loadkit.report import units
from loadkit.report.charts import svg
from loadkit.report.charts.axis import Axis
from loadkit.report.charts.bins import thin
from loadkit.report.charts.frame import Frame

_HEIGHT = 46.0
_TOP = 9.0  # room above the line for whiskers
_POINTS = 300
_CAP = 3.0


@dataclass(frozen=True, slots=True)
class Lane:
    """One strip as drawn."""

    name: str
    css: str
    scale: str  # lowest and highest value
    picture: Markup


@dataclass(frozen=True, slots=True)
class Moved:
    """One change of latency in words, and a sentence for each resource that moved near it."""

    title: str
    detail: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The section."""

    lanes: tuple[Lane, ...]
    moved: tuple[Moved, ...]
    others: tuple[str, ...]  # resources that moved where latency did not
    nothing: str  # instead of all that


def shown(analysis: Analysis, frame: Frame) -> Shown | None:
    """What the section says; None without one."""
    found = analysis.lead_lag
    if found is None:
        return None
    if not any(strip.changes for strip in found.strips):
        return Shown((), (), (), _nothing(found))
    lanes = tuple(_lane(strip, frame) for strip in found.strips)
    moved = tuple(_moved(strip, change, found) for strip, change in _told(found))
    return Shown(lanes, moved, _others(found), "")


def _told(found: LeadLag) -> list[tuple[Strip, ChangePoint]]:
    """Changes of latency in order of time; what service time repeats is told once."""
    told: list[tuple[Strip, ChangePoint]] = []
    for strip in found.strips:
        for change in strip.changes if strip.latency else ():
            if not any(_alike(change, other) for _, other in told):
                told.append((strip, change))
    return sorted(told, key=lambda pair: pair[1].at_s)


def _alike(one: ChangePoint, other: ChangePoint) -> bool:
    together = one.low_s <= other.high_s and other.low_s <= one.high_s
    return together and (one.after > one.before) == (other.after > other.before)


def _nothing(found: LeadLag) -> str:
    return (
        f"Nothing changed its level: in the measured stages {found.watched} series, latency and "
        "the use of resources, stayed where they were."
    )


# -- drawing ------------------------------------------------------------------------------------


def _lane(strip: Strip, frame: Frame) -> Lane:
    axis = frame.axis
    points = thin(strip.line.x, strip.line.y, _POINTS)
    known = [value for value in points.y if value is not None]
    low, high = min(known), max(known)
    span = (high - low) or 1.0

    def height(value: float) -> float:
        return _TOP + (_HEIGHT - _TOP - 3) * (1 - (value - low) / span)

    path = svg.line_path(
        None if value is None else (at, height(value))
        for at, value in zip(points.x, points.y, strict=True)
    )
    borders = [
        svg.element("path", class_="border", d=f"M{band.start_s:g} 0V{_HEIGHT:g}")
        for band in frame.stages
        if band.start_s > axis.start
    ]
    parts = [*borders, svg.element("path", class_="line", d=path)]
    parts += [_mark(change, axis) for change in strip.changes]
    label = f"{strip.name}: {len(strip.changes)} changes of level"
    picture = Markup(
        '<svg viewBox="{} 0 {} {}" preserveAspectRatio="none" role="img" aria-label="{}">{}</svg>'
    ).format(f"{axis.start:g}", f"{axis.length:g}", f"{_HEIGHT:g}", label, Markup("").join(parts))
    css = "latency" if strip.latency else "resource"
    scale = f"{_value(low, strip.unit)} – {_value(high, strip.unit)}"
    return Lane(strip.name, css, scale, picture)


def _mark(change: ChangePoint, axis: Axis) -> Markup:
    """A line at the moment and a whisker over its interval; dashed where the load's plan moves."""
    low, high = max(change.low_s, axis.start), min(change.high_s, axis.end)
    at = min(max(change.at_s, axis.start), axis.end)
    css = " by-plan" if change.planned else ""
    y = 5.0
    whisker = f"M{low:g} {y:g}H{high:g}" + "".join(
        f"M{end:g} {y - _CAP:g}V{y + _CAP:g}" for end in (low, high)
    )
    return Markup("<g><title>{}</title>{}{}</g>").format(
        f"{units.clock(at)} ({_span(change.low_s, change.high_s)})",
        svg.element("path", class_=f"moment{css}", d=f"M{at:g} {y:g}V{_HEIGHT:g}"),
        svg.element("path", class_="whisker", d=whisker),
    )


# -- words --------------------------------------------------------------------------------------


def _moved(strip: Strip, change: ChangePoint, found: LeadLag) -> Moved:
    lags = [g for g in found.lags if g.latency == strip.name and g.at_s == change.at_s]
    sentences = tuple(sentence(lag) for lag in sorted(lags, key=lambda g: (-g.lag_s, g.resource)))
    detail = f"at {change.at_s:.1f} s ({_span(change.low_s, change.high_s)})"
    if change.planned:
        detail += f", at {change.planned}"
    return Moved(
        f"{strip.name} went from {_value(change.before, strip.unit)} to "
        f"{_value(change.after, strip.unit)}",
        detail,
        sentences or ("No resource was seen to move near it.",),
    )


def sentence(lag: Lag) -> str:
    """What a lag says, and no more."""
    if lag.order == "before":
        many = f"{lag.lag_s:.1f} s ({_span(lag.low_s, lag.high_s)}) before"
    elif lag.order == "after":
        many = f"{-lag.lag_s:.1f} s ({_span(-lag.high_s, -lag.low_s)}) after"
    else:
        return (
            f"{lag.resource} moved at {lag.resource_at_s:.1f} s; no order can be told "
            f"(from {max(lag.high_s, 0):.1f} s before to {max(-lag.low_s, 0):.1f} s after)."
        )
    return f"{lag.resource} moved {many} {lag.latency}."


def _others(found: LeadLag) -> tuple[str, ...]:
    near = {(lag.resource, lag.resource_at_s) for lag in found.lags}
    return tuple(
        f"{strip.name} went from {_value(change.before, strip.unit)} to "
        f"{_value(change.after, strip.unit)} at {change.at_s:.1f} s "
        f"({_span(change.low_s, change.high_s)})"
        + (f", at {change.planned}." if change.planned else ".")
        for strip in found.strips
        if not strip.latency
        for change in strip.changes
        if (strip.name, change.at_s) not in near
    )


def _span(low_s: float, high_s: float) -> str:
    return f"{low_s:.1f}–{high_s:.1f} s"


def _value(value: float, unit: str) -> str:
    return units.duration(value) if unit == "s" else units.percent(value)
