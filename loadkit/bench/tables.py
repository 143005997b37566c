"""A result as a table: columns for a terminal, or Markdown. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from loadkit.bench.result import FAILED, INCONCLUSIVE, PASSED, Result
from loadkit.report import units
from loadkit.report.text import entry

Row = Mapping[str, Any]
_MARKS = {PASSED: "✓", FAILED: "✗", INCONCLUSIVE: "?"}


class Table:
    """Headings and rows of text; the first column is set left, the others right."""

    def __init__(self, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        self.heads = list(heads)
        self.rows = [list(row) for row in rows]

    def text(self) -> str:
        """Aligned with spaces, two before each column."""
        lines = [self.heads, *self.rows]
        widths = [max(len(line[n]) for line in lines) for n in range(len(self.heads))]
        return "\n".join(_aligned(line, widths) for line in lines)

    def markdown(self) -> str:
        """As a table of Markdown."""
        rule = ["---", *("---:" for _ in self.heads[1:])]
        lines = [self.heads, rule, *self.rows]
        return "\n".join(
            "| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines
        )


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    rest = "".join(f"  {cell:>{size}}" for cell, size in zip(line[1:], widths[1:], strict=True))
    return f"  {line[0]:<{widths[0]}}{rest}".rstrip()


def _escaped(cell: str) -> str:
    return cell.replace("|", "\\|")


def text(result: Result, width: int = 100) -> str:
    """For a terminal: the tables, the limits, the machine; without a newline at the end."""
    parts = [f"loadkit bench {result.bench} · {result.created}", ""]
    for title, table in tables(result):
        parts += [*([title] if title else []), table.text(), ""]
    parts += [
        entry("limit", f"{_MARKS[v.status]} {v.what}: {v.limit} · {v.observed}", width)
        for v in result.verdicts
    ]
    parts += [entry("missing", f"{name}: {why}", width) for name, why in result.missing.items()]
    parts += [entry("unmeasured", f"{name}: {why}", width) for name, why in result.failed.items()]
    parts += [entry("note", note, width) for note in result.notes]
    parts += [entry("measured", settings(result), width)]
    parts += [entry("versions", versions(result), width), entry("machine", machine(result), width)]
    return "\n".join(parts)


def markdown(result: Result) -> str:
    """The same in Markdown, without a newline at the end."""
    parts: list[str] = []
    for title, table in tables(result):
        parts += [*([f"**{title}**", ""] if title else []), table.markdown(), ""]
    said = [f"{v.what}: {v.limit}: {v.status}, {v.observed}" for v in result.verdicts]
    said += [f"Missing: {name}: {why}" for name, why in result.missing.items()]
    said += [f"Not measured: {name}: {why}" for name, why in result.failed.items()]
    said += result.notes
    parts += [f"- {line}" for line in said]
    about = f"{result.created[:10]}, {machine(result)}. {settings(result)}. {versions(result)}."
    return "\n".join([*parts, *([""] if said else []), about])


def tables(result: Result) -> list[tuple[str, Table]]:
    """Titles (may be empty) and tables of a result."""
    return _TABLES[result.bench](result)


def machine(result: Result) -> str:
    """The machine in a line."""
    values = result.machine
    memory = float(values.get("memory_bytes") or 0) / 2**30
    return (
        f"{values.get('cpu')}, {values.get('cores')} cores, {memory:.0f} GiB, {values.get('os')}, "
        f"Python {values.get('python')}, load average {values.get('load_average')} before it"
    )


def settings(result: Result) -> str:
    """How it was measured, in a line."""
    return ", ".join(f"{name.replace('_', ' ')} {_value(v)}" for name, v in result.settings.items())


def versions(result: Result) -> str:
    """Versions in a line."""
    return ", ".join(f"{name} {version}" for name, version in result.versions.items())


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return units.count(value) if isinstance(value, int) else str(value)


def interval(values: Mapping[str, float] | None, shown: Callable[[float], str]) -> str:
    """``5.2 (4.9–5.6)``, or a dash."""
    if not values:
        return units.UNKNOWN
    return f"{shown(values['median'])} ({shown(values['low'])}–{shown(values['high'])})"


def _whole(value: float) -> str:
    return units.count(round(value))


def _generators(result: Result) -> list[tuple[str, Table]]:
    found = []
    for method in dict.fromkeys(row["method"] for row in result.rows):
        heads = [
            "tool",
            "requests/s",
            "loadkit : it",
            "CPU s per million",
            "it : loadkit",
            "server",
        ]
        rows = [_generator(row) for row in result.rows if row["method"] == method]
        found.append((method, Table(heads, rows)))
    return found


def _generator(row: Row) -> list[str]:
    server = units.percent(row["server_busy"])
    return [
        row["title"],
        interval(row["rate"], _whole),
        interval(row.get("ratio_rate"), units.number),
        interval(row["cpu_per_million"], units.number),
        interval(row.get("ratio_cpu"), units.number),
        f"{server} (limit)" if row["server_bound"] else server,
    ]


def _accuracy(result: Result) -> list[tuple[str, Table]]:
    heads = ["", "model", "requests", "p50", "p95", "p99", "max"]
    found = []
    for part in dict.fromkeys(row["part"] for row in result.rows):
        rows = [_answer(row) for row in result.rows if row["part"] == part]
        found.append((str(part), Table(heads, rows)))
    return found


def _answer(row: Row) -> list[str]:
    times = []
    for key in ("p50", "p95", "p99", "max"):
        off = row.get("off", {}).get(key)
        sign = "" if off is None else f" ({off * 100:+.1f} %)".replace("-", "−")
        times.append(units.duration(row.get(key)) + sign)
    return [row["title"], row.get("model") or "", units.count(row.get("requests")), *times]


def _arrivals(result: Result) -> list[tuple[str, Table]]:
    heads = ["planned rate", "sent", "rate error", "late p50", "late p99", "late max", "core used"]
    rows = [
        [
            f"{units.rate(row['rate'])}{' (80 % of capacity)' if row['share'] else ''}",
            f"{row['answered']:,} of {row['planned']:,}",
            units.percent(row["rate_error"]),
            *(units.duration(row[f"late_{key}"]) for key in ("p50", "p99", "max")),
            units.percent(row["busy"]),
        ]
        for row in result.rows
    ]
    return [("", Table(heads, rows))]


def _memory(result: Result) -> list[tuple[str, Table]]:
    heads = ["recorder", "recordings", "resident", "CPU ns a recording"]
    rows = [
        [
            row["title"],
            units.count(row["count"]),
            f"{row['rss_bytes'] / 2**20:.1f} MiB",
            units.count(round(row["ns"])),
        ]
        for row in result.rows
    ]
    return [("", Table(heads, rows))]


def _observing(result: Result) -> list[tuple[str, Table]]:
    heads = ["service", "CPU a request", "p50", "p99"]
    rows = [
        [
            row["title"],
            *(interval(row[key], units.duration) for key in ("cpu_s", "p50_s", "p99_s")),
        ]
        for row in result.rows
        if row["kind"] == "arm"
    ]
    ratios = [
        [row["title"], *(interval(row[key], units.number) for key in ("cpu_s", "p50_s", "p99_s"))]
        for row in result.rows
        if row["kind"] == "ratio"
    ]
    heads_of_ratios = ["ratio within pairs", "CPU a request", "p50", "p99"]
    return [("", Table(heads, rows)), ("", Table(heads_of_ratios, ratios))]


def _soak(result: Result) -> list[tuple[str, Table]]:
    heads = ["measure", "at the start", "at the end", "growth over the run"]
    rows = []
    for row in result.rows:
        shown = _SOAK[row["unit"]]
        grown = interval(row["growth"], shown)
        rows.append([row["title"], shown(row["first"]), shown(row["last"]), grown])
    return [("", Table(heads, rows))]


_SOAK: Mapping[str, Callable[[float], str]] = {
    "bytes": lambda value: f"{value / 2**20:.2f} MiB".replace("-", "−"),
    "files": units.number,
    "s": units.duration,
}
_TABLES: Mapping[str, Callable[[Result], list[tuple[str, Table]]]] = {
    "generators": _generators,
    "accuracy": _accuracy,
    "arrivals": _arrivals,
    "memory": _memory,
    "observing": _observing,
    "soak": _soak,
}
