"""The end of a run for a terminal: the verdict, the measured stages, and where the report is."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from loadkit.analyse.result import AlertResult, Analysis, StageResult
from loadkit.report import books, units

_LABEL = 11
_NARROWEST = 40
_STYLES = {
    "passed": "1;32",
    "failed": "1;31",
    "broken": "1;31",
    "inconclusive": "1;33",
    "invalid": "1;31",
    "interrupted": "1;33",
    "valid": "32",
    "degraded": "33",
    "bad": "31",
    "dim": "2",
}


class _Pen:
    """Paints words, or leaves them alone."""

    def __init__(self, colour: bool) -> None:
        self._colour = colour

    def __call__(self, text: str, style: str) -> str:
        code = _STYLES.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code else text


def summary(analysis: Analysis, width: int = 100, colour: bool = False) -> str:
    """Lines of at most ``width`` columns (not below 40), without a newline at the end.

    ``colour`` allows ANSI colours; whoever calls knows whether it is a terminal and what NO_COLOR
    says. Where the report lies is not known here: the caller adds that line with :func:`entry`.
    """
    width = max(_NARROWEST, width)
    pen = _Pen(colour)
    parts = [_head(analysis, width, pen)]
    stages = [stage for stage in analysis.stages if stage.measured]
    if stages:
        parts += ["", *_table(stages, width, pen)]
    parts += ["", *_facts(analysis, width, pen)]
    return "\n".join(parts)


def entry(label: str, text: str, width: int = 100) -> str:
    """One labelled line of the summary, wrapped below its text."""
    room = max(_NARROWEST, width) - 2 - _LABEL
    lines = textwrap.wrap(text, room, break_on_hyphens=False, break_long_words=False) or [""]
    head = f"  {label:<{_LABEL}}{lines[0]}"
    return "\n".join([head, *(f"{'':{2 + _LABEL}}{line}" for line in lines[1:])])


def _head(analysis: Analysis, width: int, pen: _Pen) -> str:
    word = analysis.verdict.upper()
    text = _plain(analysis.headline)
    lines = textwrap.wrap(text, width - len(word) - 3, break_on_hyphens=False) or [""]
    first = f"{pen(word, analysis.verdict)}   {lines[0]}"
    return "\n".join([first, *(f"{'':{len(word) + 3}}{line}" for line in lines[1:])])


def _plain(text: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def _table(stages: Sequence[StageResult], width: int, pen: _Pen) -> list[str]:
    heads = ["stage", "offered", "achieved", "errors", "p50", "p95", "p99", "max"]
    rows = [_row(stage) for stage in stages]
    if all(stage.offered is None for stage in stages):
        heads, rows = heads[:1] + heads[2:], [row[:1] + row[2:] for row in rows]
    while _wide(heads, rows) > width and len(heads) > 4:  # the least telling column goes first
        drop = next((h for h in ("offered", "p50", "max", "p99") if h in heads), heads[-1])
        n = heads.index(drop)
        heads, rows = _without(heads, n), [_without(row, n) for row in rows]
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    lines = [_line(row, widths) for row in [heads, *rows]]
    return [pen(lines[0], "dim"), *lines[1:]]


def _without(row: list[str], n: int) -> list[str]:
    return row[:n] + row[n + 1 :]


def _wide(heads: list[str], rows: list[list[str]]) -> int:
    columns = range(len(heads))
    return sum(2 + max(len(row[n]) for row in [heads, *rows]) for n in columns)


def _line(row: list[str], widths: list[int]) -> str:
    rest = "".join(f"  {cell:>{size}}" for cell, size in zip(row[1:], widths[1:], strict=True))
    return f"  {row[0]:<{widths[0]}}{rest}"


def _row(stage: StageResult) -> list[str]:
    times = stage.response
    return [
        stage.name,
        units.rate(stage.offered),
        units.rate(stage.achieved),
        units.percent(stage.error_ratio),
        *(units.duration(value) for value in (times.p50, times.p95, times.p99, times.max)),
    ]


def _facts(analysis: Analysis, width: int, pen: _Pen) -> list[str]:
    lines = []
    missed = [slo for slo in analysis.slos if slo.verdict.status.value != "passed"]
    for slo in missed:
        since = f" from {units.clock(slo.first_bad_s)}" if slo.first_bad_s is not None else ""
        text = (
            f"{slo.slo} in {slo.stage}: {slo.verdict.status.value}, {slo.verdict.observed}{since}"
        )
        lines.append(entry("objective", text, width))
    if analysis.alerts:
        lines.append(entry("alerts", _alerts(analysis.alerts), width))
    lines.append(_generator(analysis, width, pen))
    lines += [entry("missing", _plain(text), width) for text in analysis.missing]
    shown = [f for f in analysis.findings if f.severity.value != "info"]
    lines += [entry(f.severity.value, _plain(f.summary), width) for f in shown]
    return lines


def _alerts(alerts: Sequence[AlertResult]) -> str:
    fired = [alert.name for alert in alerts if any(s.firing_at is not None for s in alert.spells)]
    expected = [alert for alert in alerts if alert.role == "expected"]
    parts = [
        f"fired: {', '.join(fired)}" if fired else "none fired",
        f"{len(expected)} expected" if expected else "none expected",
    ]
    text = ", ".join(parts)
    for alert in alerts:
        if alert.verdict and alert.verdict.status.value != "passed":
            said = alert.note or alert.verdict.observed
            text += f" · {alert.name}: {alert.verdict.status.value}, {said}"
    return _plain(text)


def _generator(analysis: Analysis, width: int, pen: _Pen) -> str:
    result = analysis.generator
    parts = [
        result.verdict,
        f"CPU {units.percent(result.cpu_mean)}",
        f"lateness p99 {units.duration(result.lateness_p99_s)}",
    ]
    sent = next(e for e in books.equations(analysis.accounting) if e.total[0] == "sent")
    kept = [part for part in sent.parts if part[1] != "0" or part[0] == "ok"]
    sign = "≠" if sent.holds is False else "="
    parts.append(f"sent {sent.total[1]} {sign} " + " + ".join(" ".join(part) for part in kept))
    parts += [_plain(reason) for reason in result.reasons]
    text = entry("generator", " · ".join(parts), width)
    return text.replace(result.verdict, pen(result.verdict, result.verdict), 1)
