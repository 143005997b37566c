"""The difference as text, tables, JSON and lines under the charts."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from report_sample import bare, peak

from loadkit.analyse.difference import difference
from loadkit.analyse.result import Analysis
from loadkit.bundle.manifest import Manifest
from loadkit.report import difference as shown
from loadkit.report import html, markdown, units
from loadkit.report import json as report_json
from loadkit.report.charts import build_all
from loadkit.report.charts.axis import axis

SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"


def _manifest(**values: object) -> Manifest:
    host = {"cpus": 2}
    return Manifest("peak", "r", "2026-11-24T22:10:03Z", "0", host=host, **values)  # type: ignore[arg-type]


def _against(before: Analysis | None = None) -> Analysis:
    now = peak()
    slower = tuple(
        replace(stage, response=replace(stage.response, p95=(stage.response.p95 or 0) * 2))
        for stage in now.stages
    )
    before = before or replace(now, name="<before>", stages=slower, faults=())
    found = difference(now, before, _manifest(), _manifest(faults=["error_rate=1"]))
    return replace(now, difference=found)


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (1.1, 1.0, "+10.0 %"),
        (0.5, 1.0, "−50.0 %"),
        (3.0, 1.0, "×3.00"),
        (1.0, 1.0, "same"),
        (1.0, 0.0, "from none"),
        (0.0, 0.0, "same"),
        (None, 1.0, "—"),
        (1.0, None, "—"),
    ],
)
def test_changes_in_words(now: float | None, before: float | None, text: str) -> None:
    assert shown.change(now, before) == text


def test_ratios_differ_by_points() -> None:
    assert shown.points(0.08, 0.015) == "+6.50 pp"
    assert shown.points(0.0, 0.01) == "−1.00 pp"
    assert shown.points(None, 0.01) == "—"


def test_the_table_has_both_runs_and_the_change() -> None:
    analysis = _against()
    assert analysis.difference is not None
    table = shown.stages(analysis.difference)
    names = [column.name for column in table.columns]
    row = next(cells for cells in table.rows if cells[0].text == "peak")
    at = names.index("p95 then")
    stage = next(stage for stage in analysis.stages if stage.name == "peak")
    p95 = stage.response.p95
    assert p95 is not None
    assert [cell.text for cell in row[at : at + 3]] == [
        units.duration(2 * p95),
        units.duration(p95),
        "−50.0 %",
    ]


def test_a_terminal_gets_a_short_table_and_the_warning() -> None:
    text = shown.summary(_against(), 100)
    assert "against <before>" in text
    assert "only repetitions can tell" in " ".join(text.split())
    assert "Faults: none, baseline error_rate=1." in text
    assert max(map(len, text.splitlines())) <= 100
    assert all(name in text for name in ("warm-up", "ramp", "recovery", "(−50.0 %)"))
    assert shown.summary(peak()) == ""
    assert max(map(len, shown.summary(_against(), 60).splitlines())) <= 60


def test_the_page_says_it_at_the_top_and_draws_both() -> None:
    page = html.render(_against())
    assert page.index('id="difference"') < page.index('id="charts"')
    assert "only repetitions can tell" in page
    assert "&lt;before&gt;" in page and "<before>" not in page
    drawn = sum(len(build.series) for build in build_all(peak(), axis(145)) if build.key != "heat")
    assert page.count('class="line before"') == drawn
    assert 'id="baseline"' in page
    alone = html.render(peak())
    assert 'id="difference"' not in alone and 'class="line before"' not in alone


def test_a_scale_has_room_for_both() -> None:
    now = peak()
    slow = tuple(
        replace(line, y=tuple(None if v is None else v * 100 for v in line.y))
        for line in now.latency_lines
    )
    chart = build_all(_against(replace(now, latency_lines=slow)), axis(145))[1]
    highest = max(v for line in slow for v in line.y if v is not None)
    assert chart.scale is not None and chart.scale.high >= highest
    assert chart.series[0].before is not None
    assert chart.series[0].before.y[83] == slow[0].y[83]


def test_a_comment_has_it_in_one_column_a_number() -> None:
    text = markdown.render(_against())
    part = text.partition("### Beside the baseline\n")[2].partition("<details>")[0]
    (row,) = [line for line in part.splitlines() if line.startswith("| peak |")]
    p95 = row.split(" | ")[4]
    now = units.duration(next(s for s in peak().stages if s.name == "peak").response.p95)
    assert p95.endswith(f"→ {now}, −50.0 %")
    assert shown.CAUTION in part
    assert "baseline" not in markdown.render(peak())


def test_a_baseline_without_anything_is_no_error() -> None:
    page = html.render(_against(bare()))
    assert "No stage has the same name in both" in page


def test_json_has_it_too() -> None:
    document = json.loads(report_json.render(_against()))
    jsonschema.validate(document, json.loads(SCHEMA.read_text(encoding="utf-8")))
    found = document["difference"]
    assert found["baseline"]["name"] == "<before>"
    assert found["aligned_by"] == "stage"
    assert [pair["stage"] for pair in found["stages"]] == [s.name for s in peak().stages]
    assert json.loads(report_json.render(peak()))["difference"] is None
