"""The difference of two runs as tables of the page, as lines of a terminal and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from loadkit.analyse.difference import Difference, Numbers, Pair
from loadkit.analyse.result import Analysis
from loadkit.report import units
from loadkit.report.tables import Cell, Column, Table, table

CAUTION = (
    "Two single runs of the same thing differ by chance. These are plain differences; whether "
    "anything became better or worse, only repetitions can tell."
)
_Value = Callable[[Numbers], float | None]
_FIELDS: tuple[tuple[str, _Value, Callable[[float | None], str]], ...] = (
    ("rate", lambda n: n.rate, units.rate),
    ("errors", lambda n: n.error_ratio, units.percent),
    ("p50", lambda n: n.p50, units.duration),
    ("p95", lambda n: n.p95, units.duration),
    ("p99", lambda n: n.p99, units.duration),
)
_IDLE = 0.05
_MOST_NAMES = 6


def change(now: float | None, before: float | None) -> str:
    """How much larger the first is than the second: ``+12.3 %``, ``×3.40``; a dash if unknown."""
    if now is None or before is None:
        return units.UNKNOWN
    if now == before:
        return "same"
    if before == 0:
        return "from none"
    ratio = now / before
    if ratio >= 2:
        return f"×{units.significant(ratio)}"
    return f"{'+' if ratio > 1 else '−'}{units.significant(abs(ratio - 1) * 100)} %"


def points(now: float | None, before: float | None) -> str:
    """A difference of two ratios in percentage points."""
    if now is None or before is None:
        return units.UNKNOWN
    step = (now - before) * 100
    if step == 0:
        return "same"
    return f"{'+' if step > 0 else '−'}{units.significant(abs(step))} pp"


def _changed(name: str, now: float | None, before: float | None) -> str:
    return points(now, before) if name == "errors" else change(now, before)


def _cells(pair: Pair) -> list[Cell]:
    found = []
    for name, value, show in _FIELDS:
        now, before = value(pair.now), value(pair.before)
        found += [Cell(show(before), "dim"), Cell(show(now)), Cell(_changed(name, now, before))]
    return found


def _columns(first: str) -> list[Column]:
    columns = [Column(first, "wide")]
    for name, _, _ in _FIELDS:
        columns += [
            Column(f"{name} then", "num", "baseline"),
            Column("now", "num"),
            Column("", "num"),
        ]
    return columns


def stages(difference: Difference) -> Table:
    """One row a stage of both runs."""
    rows = ([Cell(pair.stage, "key"), *_cells(pair)] for pair in difference.stages)
    return table("Stages, the baseline beside this run", _columns("stage"), rows)


def narrow(difference: Difference) -> Table:
    """The same in one column a number, for a comment: ``41 ms → 45 ms, +9.8 %``."""
    columns = [Column("stage", "wide"), *(Column(name, "num") for name, _, _ in _FIELDS)]
    rows = ([Cell(pair.stage, "key"), *_arrows(pair)] for pair in difference.stages)
    return table("Stages, from the baseline to this run", columns, rows)


def _arrows(pair: Pair) -> Iterator[Cell]:
    for name, value, show in _FIELDS:
        now, before = value(pair.now), value(pair.before)
        yield Cell(f"{show(before)} → {show(now)}, {_changed(name, now, before)}")


def operations(difference: Difference, stage: str) -> Table:
    """One row an operation of one stage that both runs have."""
    pairs = (pair for pair in difference.operations if pair.stage == stage)
    rows = ([Cell(pair.operation or "", "key"), *_cells(pair)] for pair in pairs)
    return table(f"Operations in {stage}", _columns("operation"), rows)


def uses(difference: Difference) -> Table:
    """Mean saturations of measured stages, those that were in use."""
    rows = [
        (
            Cell(use.stage),
            Cell(use.resource, "key"),
            Cell(units.percent(use.before), "dim"),
            Cell(units.percent(use.now)),
            Cell(points(use.now, use.before)),
        )
        for use in difference.uses
        if max(use.now or 0.0, use.before or 0.0) >= _IDLE
    ]
    columns = (
        Column("stage"),
        Column("resource", "wide"),
        Column("baseline", "num"),
        Column("now", "num"),
        Column("", "num"),
    )
    return table("Mean saturation of each measured stage, the baseline beside it", columns, rows)


def alerts(difference: Difference) -> Table:
    """Alerts that fired in either run."""
    rows = [
        (
            Cell(one.name, "key"),
            Cell(_firings(one.before, one.before_s), "dim"),
            Cell(_firings(one.now, one.now_s)),
        )
        for one in difference.alerts
    ]
    columns = (Column("alert", "wide"), Column("baseline"), Column("now"))
    return table("Alerts that fired in either run", columns, rows)


def _firings(count: int | None, first_s: float | None) -> str:
    if count is None:
        return "no such alert"
    if not count:
        return "did not fire"
    often = "" if count == 1 else f", {count} times"
    return f"fired at {units.clock(first_s, 1)}{often}"


def findings(difference: Difference) -> list[tuple[str, str, str]]:
    """Where, severity and summary of findings that only one of the runs has."""
    return [
        ("new" if one.here else "gone", one.severity, one.summary) for one in difference.findings
    ]


def aligned(difference: Difference) -> str:
    """How the baseline lies under the charts."""
    if not difference.places:
        return "Nothing of the baseline can be laid under the charts."
    if not difference.by_stage:
        return "No stage has the same name in both: the charts lay the starts of the load together."
    shifted = [place for place in difference.places if abs(place.shift_s) > 1e-6]
    if not shifted:
        return "The charts lay the baseline under this run, stage by stage."
    return (
        "The charts lay each stage of the baseline under the one of its name, "
        f"{len(shifted)} of them moved in time."
    )


def summary(analysis: Analysis, width: int = 100) -> str:
    """A short table for a terminal, without a newline at the end; empty without a baseline."""
    difference = analysis.difference
    if difference is None:
        return ""
    width = max(60, width)
    rows = [_row(pair) for pair in difference.stages]
    heads = ["stage", *(name for name, _, _ in _FIELDS)]
    while rows and _wide([heads, *rows]) > width and len(heads) > 3:
        drop = heads.index("p50") if "p50" in heads else len(heads) - 1
        heads = heads[:drop] + heads[drop + 1 :]
        rows = [row[:drop] + row[drop + 1 :] for row in rows]
    sizes = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [f"against {difference.before.name}, {difference.before.started}", ""]
    lines += [_line(row, sizes) for row in ([heads, *rows] if rows else [])]
    lines += ["", *_wrapped(CAUTION, width)]
    for text in difference.obstacles:
        lines += _wrapped(f"- {text}", width, "    ")
    for title, names in (("only now", difference.only_now), ("only then", difference.only_before)):
        if names:
            lines += _wrapped(f"- {title}: {_first(names)}", width, "    ")
    return "\n".join(lines)


def _first(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _row(pair: Pair) -> list[str]:
    found = [pair.stage]
    for name, value, show in _FIELDS:
        now, before = value(pair.now), value(pair.before)
        found.append(f"{show(now)} ({_changed(name, now, before)})")
    return found


def _wide(rows: Sequence[Sequence[str]]) -> int:
    return sum(2 + max(map(len, column)) for column in zip(*rows, strict=True))


def _line(row: Sequence[str], sizes: Sequence[int]) -> str:
    rest = "".join(f"  {cell:>{size}}" for cell, size in zip(row[1:], sizes[1:], strict=True))
    return f"  {row[0]:<{sizes[0]}}{rest}"


def _wrapped(text: str, width: int, hang: str = "  ") -> list[str]:
    plain = "".join(c if c.isprintable() else " " for c in text)
    return textwrap.wrap(plain, width, initial_indent="  ", subsequent_indent=hang)


def document(difference: Difference | None) -> dict[str, Any] | None:
    """For the JSON report; None without a baseline."""
    if difference is None:
        return None
    before = difference.before
    return {
        "baseline": {
            "name": before.name,
            "started": before.started,
            "verdict": before.verdict,
            "generator": before.generator.verdict,
        },
        "caution": CAUTION,
        "obstacles": list(difference.obstacles),
        "stages": _pairs(difference.stages),
        "operations": _pairs(difference.operations),
        "saturations": [asdict(use) for use in difference.uses],
        "alerts": [asdict(one) for one in difference.alerts],
        "findings": [asdict(one) for one in difference.findings],
        "only_now": list(difference.only_now),
        "only_before": list(difference.only_before),
        "aligned_by": "stage" if difference.by_stage else "load start",
    }


def _pairs(pairs: Iterable[Pair]) -> list[dict[str, Any]]:
    return [asdict(pair) for pair in pairs]
