"""The report as one HTML file: nothing is fetched, and the same analysis gives the same bytes."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from loadkit.analyse.result import Analysis
from loadkit.report import (
    books,
    difference,
    flame,
    leadlag,
    memory,
    profiling,
    roles,
    sections,
    signals,
    spantree,
    tables,
    units,
)
from loadkit.report.charts import build_all, values
from loadkit.report.charts.address import window_link
from loadkit.report.charts.frame import frame, gutter, script_data
from loadkit.report.flame_difference import LEGEND, difference_flame
from loadkit.report.iterations import iterations
from loadkit.report.keynumbers import busiest_stage, key_numbers
from loadkit.report.pages import asset, environment
from loadkit.report.workers import workers

STYLES = ("page.css", "charts.css", "parts.css", "print.css")
SCRIPTS = (
    "numbers.js",
    "histograms.js",
    "address.js",
    "figure.js",
    "gestures.js",
    "window.js",
    "charts.js",
    "flame.js",
    "page.js",
)
_ESCAPES = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def render(analysis: Analysis) -> str:
    """The whole page, complete in itself, readable without scripts and on paper."""
    return _environment().get_template("report.html.j2").render(_context(analysis))


def _context(analysis: Analysis) -> dict[str, Any]:
    shared = frame(analysis)
    charts = build_all(analysis, shared.axis)
    busiest = busiest_stage(analysis)
    return {
        "a": analysis,
        "frame": shared,
        "before": analysis.difference and analysis.difference.before,
        "difference": difference,
        "charts": charts,
        "gutter": gutter(charts),
        "busiest": busiest.name if busiest else "",
        "key_numbers": key_numbers(analysis),
        "sections": sections.present(analysis),
        "absent": sections.absent(analysis),
        "values": values,
        "window_link": window_link,
        "tables": tables,
        "workers": workers,
        "iterations": iterations,
        "books": books,
        "flames": flame.flames(analysis),
        "row": flame.ROW,
        "deepest": flame.DEEPEST,
        "profiling": profiling,
        "difference_flames": tuple(map(difference_flame, analysis.profile_differences)),
        "legend": LEGEND,
        "memory": memory,
        "span_steps": spantree.steps,
        "signals": signals.by_method(analysis, shared.axis),
        "roles": roles,
        "leadlag": leadlag.shown(analysis, shared),
        "data": Markup(script_json(script_data(charts, shared, analysis))),
        "style": Markup("\n").join(Markup(asset(name)) for name in STYLES),
        "script": Markup("\n").join(Markup(asset(name)) for name in SCRIPTS),
    }


def script_json(value: Any) -> str:
    """JSON that may stand inside a script element: no character in it can end one."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, escape in _ESCAPES.items():
        text = text.replace(character, escape)
    return text


@cache
def _environment() -> Environment:
    made = environment()
    for name in ("duration", "rate", "percent", "clock", "number", "span"):
        made.filters[name] = getattr(units, name)
    made.filters["thousands"] = units.count
    made.filters["held"] = units.held
    return made
