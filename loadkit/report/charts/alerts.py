"""States of alerts, a row an alert."""

from __future__ import annotations

from markupsafe import Markup

from loadkit.analyse.result import AlertResult, AlertSpell, Analysis
from loadkit.report.charts import chart, svg
from loadkit.report.charts.axis import Axis

_ROW = 20.0
_BAR = 12.0
_KEYS = (
    chart.Key("pending", "pending"),
    chart.Key("firing", "firing"),
    chart.Key("resolved, not yet told", "resolved"),
    chart.Key("message delivered", "told"),
)


def build(analysis: Analysis, axis: Axis) -> chart.Chart:
    """Pending, firing and resolved, with the instants at which a message was delivered."""
    rows = [alert for alert in analysis.alerts if alert.spells or alert.role != "shown"]
    height = max(1, len(rows)) * _ROW
    marks = [_row(alert, n * _ROW, axis) for n, alert in enumerate(rows)]
    return chart.Chart(
        key="alerts",
        title="Alert states",
        unit="",
        kind="",
        height=height,
        marks=Markup("").join(marks),
        ticks=tuple(((n + 0.5) * _ROW, alert.name) for n, alert in enumerate(rows)),
        keys=_KEYS,
        empty="" if rows else "No alert was expected or forbidden, and none became active.",
        rows=True,
    )


def _row(alert: AlertResult, top: float, axis: Axis) -> Markup:
    middle = top + _ROW / 2
    line = svg.element("path", class_="grid", d=f"M{axis.start:g} {middle:g}H{axis.end:g}")
    return line + Markup("").join(_spell(spell, top, axis) for spell in alert.spells)


def _spell(spell: AlertSpell, top: float, axis: Axis) -> Markup:
    until = spell.active_until if spell.resolved_at is None else spell.resolved_at
    stretches = [
        ("pending", spell.pending_at, until if spell.firing_at is None else spell.firing_at),
        ("firing", spell.firing_at, until),
        ("resolved", spell.resolved_at, spell.notified_resolved_at),
    ]
    bars = [
        _bar(css, start, end, top, axis)
        for css, start, end in stretches
        if start is not None and end is not None
    ]
    told = [
        svg.element("path", class_="told", d=f"M{at:g} {top + _ROW / 2:g}h0")
        for at in (spell.notified_at, spell.notified_resolved_at)
        if at is not None and axis.start <= at <= axis.end
    ]
    return Markup("").join([*bars, *told])


def _bar(css: str, start: float, end: float, top: float, axis: Axis) -> Markup:
    clipped = axis.clip(start, end)
    if clipped is None:
        return Markup("")
    return svg.element(
        "rect",
        class_=css,
        x=clipped[0],
        y=top + (_ROW - _BAR) / 2,
        width=clipped[1] - clipped[0],
        height=_BAR,
    )
