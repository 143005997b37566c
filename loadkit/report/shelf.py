"""The runs in a folder: as a table for a terminal, as JSON, and as a page with trends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from loadkit.report import units
from loadkit.report.pages import asset, environment
from loadkit.report.shelf_summary import Summary
from loadkit.report.shelf_trend import Trend, trends

FORMAT = "loadkit-list/1"
# Written into the page, so that no other index.html is ever overwritten.
MARK = '<meta name="generator" content="loadkit reports folder">'
STYLES = ("page.css", "charts.css", "parts.css", "shelf.css", "print.css")


@dataclass(frozen=True, slots=True)
class Entry:
    """A folder on the shelf.

    ``state`` is that of its run, ``running`` while one writes it; ``broken`` for a bundle that
    cannot be read and ``foreign`` for a folder that is none, ``why`` says what is wrong with both.
    ``summary`` is None for those, for a run under way, and where nobody has analysed it yet.
    """

    folder: str
    state: str
    started: str = ""
    name: str = ""
    summary: Summary | None = None
    why: str = ""
    report: bool = False  # whether there is a report.html in it

    @property
    def bundle(self) -> bool:
        """Whether it is a bundle that could be read."""
        return self.state not in ("broken", "foreign")


@dataclass(frozen=True, slots=True)
class Group:
    """The runs of one scenario, newest first, and their trends."""

    name: str
    entries: tuple[Entry, ...]
    trends: tuple[Trend, ...]


def ordered(entries: Iterable[Entry]) -> list[Entry]:
    """Newest first; what is no bundle last, by name."""
    found = list(entries)
    runs = [entry for entry in found if entry.bundle]
    runs.sort(key=lambda entry: (entry.started, entry.folder), reverse=True)
    return runs + sorted((e for e in found if not e.bundle), key=lambda e: e.folder)


_HEADS = ("run", "when (UTC)", "state", "verdict", "p95", "rate", "errors")


def table(entries: Sequence[Entry]) -> str:
    """Lines for a terminal; the folder comes first, whole, so that it can be copied."""
    rows = [_HEADS, *(_cells(entry) for entry in entries if entry.bundle)]
    widths = [max(len(row[n]) for row in rows) for n in range(len(_HEADS))]
    lines = []
    for row in rows if len(rows) > 1 else []:
        left = [f"{cell:<{width}}" for cell, width in zip(row[:4], widths[:4], strict=True)]
        right = [f"{cell:>{width}}" for cell, width in zip(row[4:], widths[4:], strict=True)]
        lines.append("  ".join([*left, *right]).rstrip())
    lines += [f"{entry.folder}: {entry.why}" for entry in entries if not entry.bundle]
    return "\n".join(lines)


def _cells(entry: Entry) -> tuple[str, ...]:
    summary = entry.summary
    if summary is None:
        return entry.folder, when(entry.started), entry.state, *([units.UNKNOWN] * 4)
    return (
        entry.folder,
        when(entry.started),
        entry.state,
        summary.verdict,
        units.duration(summary.p95_s),
        units.rate(summary.rate),
        units.percent(summary.error_ratio),
    )


def when(started: str) -> str:
    """``2026-11-26 12:41``."""
    return started[:16].replace("T", " ") or units.UNKNOWN


def as_json(entries: Sequence[Entry], folder: str) -> str:
    """The list for scripts; null is "not known"."""
    document = {
        "format": FORMAT,
        "reports": folder,
        "runs": [_run(entry) for entry in entries if entry.bundle],
        "others": [
            {"folder": entry.folder, "state": entry.state, "why": entry.why}
            for entry in entries
            if not entry.bundle
        ],
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _run(entry: Entry) -> dict[str, Any]:
    return {
        "folder": entry.folder,
        "name": entry.name,
        "started": entry.started,
        "state": entry.state,
        "summary": None if entry.summary is None else asdict(entry.summary),
    }


def groups(entries: Sequence[Entry]) -> tuple[Group, ...]:
    """By scenario name: numbers of different scenarios are never set against each other."""
    by_name: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.bundle:
            by_name.setdefault(entry.name, []).append(entry)
    return tuple(
        Group(name, tuple(found), trends([(e.folder, e.summary) for e in reversed(found)]))
        for name, found in by_name.items()
    )


def render(entries: Sequence[Entry]) -> str:
    """The page, complete in itself; links are relative to the folder it lies in."""
    context: Mapping[str, Any] = {
        "mark": Markup(MARK),
        "groups": groups(entries),
        "others": [entry for entry in entries if not entry.bundle],
        "count": sum(entry.bundle for entry in entries),
        "style": Markup("\n").join(Markup(asset(name)) for name in STYLES),
        "script": Markup(asset("shelf.js")),
    }
    return _environment().get_template("shelf.html.j2").render(context)


@cache
def _environment() -> Environment:
    made = environment()
    for name in ("duration", "rate", "percent"):
        made.filters[name] = getattr(units, name)
    made.filters["when"] = when
    return made
