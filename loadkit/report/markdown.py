"""The run in Markdown, short enough for a comment on a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from loadkit.analyse.result import Analysis
from loadkit.report import difference, tables, units
from loadkit.report.keynumbers import key_numbers

_MARK = {"passed": "✅", "failed": "❌", "inconclusive": "❔"}
_VERDICT = {"passed": "✅", "failed": "❌", "broken": "❌", "invalid": "❌"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#~])")
MOST_FINDINGS = 12


def render(analysis: Analysis, pictures: Sequence[str] = ()) -> str:
    """The text.

    Args:
        pictures: paths of pictures, as the text is to name them; ``figures`` draws them.
    """
    parts = [
        f"## {_VERDICT.get(analysis.verdict, '❔')} {_text(analysis.name)}: {analysis.verdict}",
        _text(analysis.headline),
        _grid(("", "", ""), ((n.label, f"**{n.value}**", n.detail) for n in key_numbers(analysis))),
        *_objectives(analysis),
        *_alerts(analysis),
        *_findings(analysis),
        *_missing(analysis),
        *_difference(analysis),
        *_stages(analysis),
        *(f"![{_text(_alt(path))}]({path})" for path in pictures),
        f"<sub>{_text(_made(analysis))}</sub>",
    ]
    return "\n\n".join(parts) + "\n"


def _objectives(analysis: Analysis) -> Iterator[str]:
    if analysis.slos:
        yield "### Objectives"
        yield _grid(
            ("", "objective", "stage", "observed"),
            (
                (
                    _MARK[r.verdict.status.value],
                    _text(r.slo),
                    _text(r.stage),
                    _text(r.verdict.observed),
                )
                for r in analysis.slos
            ),
        )


def _alerts(analysis: Analysis) -> Iterator[str]:
    judged = [alert for alert in analysis.alerts if alert.verdict and alert.role != "shown"]
    if judged:
        yield "### Alerts"
        yield _grid(
            ("", "alert", "expected", "observed"),
            (
                (
                    _MARK[a.verdict.status.value],
                    _text(a.name),
                    _text(a.verdict.expected),
                    _text(a.verdict.observed),
                )
                for a in judged
                if a.verdict
            ),
        )


def _findings(analysis: Analysis) -> Iterator[str]:
    told = [f for f in analysis.findings if f.severity.value != "info"]
    if told:
        yield "### Findings"
        lines = [f"- **{f.severity.value}** {_text(f.summary)}" for f in told[:MOST_FINDINGS]]
        if len(told) > MOST_FINDINGS:
            lines.append(f"- and {len(told) - MOST_FINDINGS} more in the report")
        yield "\n".join(lines)


def _missing(analysis: Analysis) -> Iterator[str]:
    if analysis.missing:
        yield "### Missing"
        yield "\n".join(f"- {_text(words)}" for words in analysis.missing)


def _difference(analysis: Analysis) -> Iterator[str]:
    if analysis.difference is not None:
        yield "### Beside the baseline"
        yield _table(difference.narrow(analysis.difference))
        yield f"<sub>{difference.CAUTION}</sub>"


def _stages(analysis: Analysis) -> Iterator[str]:
    if analysis.stages:
        yield "<details><summary>Stages</summary>"
        yield _table(tables.stages(analysis))
        yield "</details>"


def _made(analysis: Analysis) -> str:
    generator = analysis.generator
    return (
        f"{analysis.started} · generator {generator.verdict}, lateness p99 "
        f"{units.duration(generator.lateness_p99_s)} · response time from when a request was due"
    )


def _alt(path: str) -> str:
    return path.rpartition("/")[2].partition(".")[0]


def _table(table: tables.Table) -> str:
    rows = ([_text(cell.text) for cell in row] for row in table.rows)
    heads = [column.name for column in table.columns]
    return _grid(heads, rows, [column.css == "num" for column in table.columns])


def _grid(heads: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool] = ()) -> str:
    rule = [
        "---:" if number < len(right) and right[number] else "---" for number in range(len(heads))
    ]
    return "\n".join(_row(cells) for cells in (heads, rule, *rows))


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Text that Markdown shows as it is, on one line; a name cannot become a link or a mention."""
    plain = " ".join(text.split())
    return _SPECIAL.sub(r"\\\1", plain).replace("@", "@\u200b")
