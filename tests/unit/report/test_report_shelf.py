"""Summaries of runs, their trends, and the page of all of them."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest
from report_sample import bare, invalid, peak

from loadkit.analyse.result import Analysis
from loadkit.bundle.manifest import Manifest
from loadkit.report.shelf import Entry, groups, ordered, render, table
from loadkit.report.shelf_summary import Summary, from_json, summarise
from loadkit.report.shelf_trend import HEIGHT, MOST, trends

MANIFEST = Manifest(
    "peak", "r1", "2026-11-24T22:10:03Z", "0.1",
    host={"os": "Linux 6", "cpus": 2, "memory_bytes": 4 << 30}, stack={"kind": "embedded"},
    stages=[{"name": "peak", "duration_s": 45}],
)  # fmt: skip


def _summary(day: int = 1, **values: Any) -> Summary:
    given = {"verdict": "passed", "generator": "valid", "state": "complete"} | values
    base = summarise(peak(), MANIFEST, "0.1")
    return replace(base, started=f"2026-11-{day:02d}T10:00:00Z", **given)


def _entry(day: int, name: str = "peak", **values: Any) -> Entry:
    summary = _summary(day, **values)
    return Entry(f"2026-11-{day:02d}-{name}", summary.state, summary.started, name, summary,
                 report=True)  # fmt: skip


def test_a_summary_has_the_numbers_of_the_busiest_measured_stage() -> None:
    analysis = peak()
    stage = next(s for s in analysis.stages if s.name == "peak")
    summary = summarise(analysis, MANIFEST, "0.2")
    assert (summary.stage, summary.rate, summary.offered) == (
        "peak", stage.achieved, stage.offered,
    )  # fmt: skip
    assert (summary.p95_s, summary.error_ratio) == (stage.response.p95, stage.error_ratio)
    assert (summary.machine, summary.stack) == ("Linux 6, 2 CPU, 4.0 GiB", "embedded")
    assert (summary.verdict, summary.loadkit_version) == (analysis.verdict, "0.2")


def test_a_run_that_measured_nothing_has_no_numbers() -> None:
    summary = summarise(replace(peak(), stages=()), MANIFEST, "0")
    assert [summary.stage, summary.rate, summary.p95_s, summary.error_ratio] == [None] * 4


def test_the_plan_tells_loads_and_faults_apart_and_nothing_else() -> None:
    plan = summarise(peak(), MANIFEST, "0").plan
    other = replace(MANIFEST, stages=[{"name": "peak", "duration_s": 46}])
    broken = replace(MANIFEST, faults=["cpu=0.1@peak"])
    moved = replace(MANIFEST, run_id="r2", created="2026-12-01T00:00:00Z", target="http://x")
    assert plan == summarise(peak(), moved, "0").plan
    assert plan not in (summarise(peak(), one, "0").plan for one in (other, broken))


@pytest.mark.parametrize("analysis", [peak(), bare(), invalid()])
def test_a_summary_survives_its_file(analysis: Analysis) -> None:
    summary = summarise(analysis, MANIFEST, "0")
    assert from_json(summary.to_json()) == summary


@pytest.mark.parametrize(
    "change",
    [
        {"format": "loadkit-summary/2"}, {"rate": "fast"}, {"name": None}, {"exit_status": 1.5},
        {"exit_status": True}, {"more": 1}, {"p95_s": [1]},
    ],
)  # fmt: skip
def test_a_file_that_is_something_else_is_no_summary(change: dict[str, Any]) -> None:
    values = json.loads(_summary().to_json())
    assert from_json(json.dumps(values)) is not None
    assert from_json(json.dumps(values | change)) is None
    values.pop("rate")
    assert from_json(json.dumps(values)) is None


@pytest.mark.parametrize(
    ("values", "counted"),
    [
        ({}, True), ({"verdict": "failed"}, True), ({"generator": "degraded"}, True),
        ({"generator": "invalid"}, False), ({"verdict": "inconclusive"}, False),
        ({"state": "interrupted"}, False), ({"verdict": "broken"}, False),
    ],
)  # fmt: skip
def test_what_counts_in_a_trend(values: dict[str, Any], counted: bool) -> None:
    assert _summary(**values).counted is counted


def _runs(*summaries: Summary | None) -> list[tuple[str, Summary | None]]:
    return [(f"run{n}", summary) for n, summary in enumerate(summaries)]


def test_a_trend_draws_to_scale_and_joins_what_belongs_together() -> None:
    p95, rate, errors = trends(
        _runs(_summary(p95_s=0.1), _summary(p95_s=0.2), _summary(p95_s=0.05))
    )
    assert [trend.title for trend in (p95, rate, errors)] == ["p95 response", "rate", "errors"]
    assert (p95.top, p95.last, p95.broken) == ("200 ms", "50.0 ms", False)
    assert [dot.x for dot in p95.dots] == [4, 50, 96]
    bottom, span = HEIGHT - 6, HEIGHT - 12
    assert [dot.y for dot in p95.dots] == [
        pytest.approx(bottom - span * part) for part in (0.5, 1, 0.25)
    ]
    assert [(line.x1, line.x2) for line in p95.segments] == [(4, 50), (50, 96)]


def test_runs_that_do_not_count_are_hollow_and_on_no_line() -> None:
    p95 = trends(
        _runs(_summary(p95_s=0.1), _summary(p95_s=0.9, generator="invalid"), _summary(p95_s=0.1))
    )[0]
    assert [dot.solid for dot in p95.dots] == [True, False, True]
    assert [(line.x1, line.x2) for line in p95.segments] == [(4, 96)]


@pytest.mark.parametrize("change", [{"machine": "b"}, {"plan": "other"}, {"stack": "none"}])
def test_the_line_breaks_where_the_conditions_changed(change: dict[str, Any]) -> None:
    p95 = trends(_runs(_summary(), _summary(**change), _summary(**change)))[0]
    assert [(line.x1, line.x2) for line in p95.segments] == [(50, 96)]
    assert p95.broken


def test_what_is_not_known_is_not_drawn() -> None:
    p95, _, errors = trends(_runs(_summary(p95_s=0.1), _summary(p95_s=None), None, _summary()))
    assert [dot.folder for dot in p95.dots] == ["run0", "run3"]
    assert [dot.folder for dot in errors.dots] == ["run0", "run1", "run3"]
    assert trends(_runs(_summary())) == ()
    assert trends(_runs(_summary(rate=None, p95_s=None, error_ratio=None)) * 2) == ()


def test_only_the_newest_are_drawn() -> None:
    p95 = trends(_runs(*[_summary()] * (MOST + 3)))[0]
    assert (len(p95.dots), p95.left_out, p95.dots[0].folder) == (MOST, 3, "run3")


def test_scenarios_are_never_in_one_chart() -> None:
    found = ordered([_entry(1), _entry(3, "soak"), _entry(2), Entry("x", "foreign", why="no")])
    assert [(group.name, [e.folder for e in group.entries]) for group in groups(found)] == [
        ("soak", ["2026-11-03-soak"]), ("peak", ["2026-11-02-peak", "2026-11-01-peak"]),
    ]  # fmt: skip
    soak, peak_ = groups(found)
    assert soak.trends == () and len(peak_.trends) == 3
    assert [dot.folder for dot in peak_.trends[0].dots] == ["2026-11-01-peak", "2026-11-02-peak"]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "a":
            self.links.append(values.get("href") or "")
        if values.get("id"):
            self.ids.append(values["id"] or "")
        if values.get("src") or tag == "link":
            self.outside.append(tag)


def test_the_page_links_every_report_and_fetches_nothing() -> None:
    page = render(ordered([
        _entry(1), _entry(2), _entry(3, "a b"), replace(_entry(4), report=False),
        Entry("now", "running", "2026-11-05T10:00:00Z", "peak"),
        Entry("<b>", "broken", why="broken: <script>"),
    ]))  # fmt: skip
    reader = _Links()
    reader.feed(page)
    reports = [link for link in reader.links if link.endswith("report.html")]
    assert reports == [
        "2026-11-02-peak/report.html", "2026-11-01-peak/report.html",
        "2026-11-03-a%20b/report.html",
    ]  # fmt: skip
    assert {link[1:] for link in reader.links if link.startswith("#")} <= set(reader.ids)
    assert reader.outside == [] and "http://" not in page and "https://" not in page
    assert "<script>" not in page.replace("<script>\n", "") and "&lt;script&gt;" in page
    assert "5 runs" in page and page.count("no report in it") == 1


def test_the_page_of_nothing_says_what_to_do() -> None:
    page = render([])
    assert "0 runs" in page and "<code>loadkit run</code>" in page


def test_the_same_entries_give_the_same_bytes() -> None:
    found = [_entry(1), _entry(2)]
    assert render(ordered(found)) == render(ordered(reversed(found)))


def test_a_list_for_the_terminal_has_dashes_for_what_is_not_known() -> None:
    text = table([_entry(2, p95_s=None), Entry("now", "running", "2026-11-05T10:00:00Z", "peak")])
    head, run, now = text.splitlines()
    assert head.split()[0] == "run"
    assert run.split()[5] == "—" and now.split()[3:] == ["running", "—", "—", "—", "—"]
    assert table([]) == ""
