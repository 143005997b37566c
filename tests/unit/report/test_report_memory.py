"""The section on memory, as page and as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import pytest
from memory_sample import growth_of, run_of
from report_sample import nothing, peak

from loadkit.analyse.memory_result import (
    GrowthResult,
    MemoryResult,
    MemoryRun,
)
from loadkit.analyse.result import Analysis
from loadkit.analyse.text import size
from loadkit.report import html, memory
from loadkit.report import json as report_json

SCHEMA = Path(__file__).parents[3] / "docs" / "report.schema.json"


def page(*runs: MemoryRun, resident: tuple[GrowthResult, ...] = ()) -> str:
    return html.render(replace(peak(), memory=MemoryResult(runs, resident)))


def section(text: str) -> str:
    found = re.search(r'<section[^>]*id="memory".*?</section>', text, re.S)
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "–"), (0, "0 B"), (-0.3, "0 B"), (812, "812 B"), (1023, "1023 B"), (1024, "1.00 KiB"),
     (10_300, "10.1 KiB"), (-31.4 * 2**20, "-31.4 MiB"), (200 * 2**30, "200 GiB")],
)  # fmt: skip
def test_bytes_are_said_with_their_unit(value: float | None, shown: str) -> None:
    assert size(value) == shown


def test_the_section_has_numbers_verdict_graphs_and_files() -> None:
    text = section(page(run_of()))
    assert "Lasting memory of service grows: 1.00 KiB a request, 95 % interval" in text
    for words in ("440 MiB", "350,938", "1.25 s", "1.40 s", "attaching", "Memory of service kept"):
        assert words in text
    assert "memory/x-memory-service.bin" in text
    assert "memory/x-memory-service.html" in text
    assert "&lt;leak&gt; (app.py:9): 66.7 %, 1.95 KiB" in text
    assert "<leak>" not in text
    assert text.count("<circle") == 24


def test_nothing_is_claimed_without_a_slope() -> None:
    text = section(page(run_of(growth=growth_of(None, "inconclusive"), functions=())))
    assert "cannot be told: the interval holds 128 bytes a request" in text
    assert "<circle" not in text


def test_a_failure_is_shown_with_its_reason() -> None:
    names = "allocations allocated_bytes peak_bytes left_bytes peak kept growth file"
    empty = dict.fromkeys(names.split())
    text = section(
        page(run_of(**empty, by_size=(), by_count=(), functions=(), message="gdb is <not> there"))
    )
    assert "gdb is &lt;not&gt; there" in text
    assert 'class="flame"' not in text


def test_without_anything_there_is_no_section() -> None:
    assert 'id="memory"' not in html.render(replace(peak(), memory=None))
    assert 'id="memory"' not in html.render(replace(peak(), memory=MemoryResult()))


def test_resident_memory_alone_makes_one() -> None:
    resident = replace(growth_of(2048, "growth", "resident memory"), stage=None)
    text = section(page(resident=(resident,)))
    assert "Resident memory of service grows: 2.00 KiB a request" in text
    assert "0:40 to 1:00" in text


def test_the_line_and_its_points_lie_where_they_belong() -> None:
    chart = memory.chart(growth_of(1024, "growth"))
    assert chart is not None
    heights = [y for _, y in chart.blocks]
    assert heights == sorted(heights, reverse=True)  # upwards
    first, last = re.findall(r"[\d.]+ [\d.]+", chart.line)
    assert first == f"{chart.blocks[0][0]:g} {chart.blocks[0][1]:g}"
    assert last == f"{chart.blocks[-1][0]:g} {chart.blocks[-1][1]:g}"
    assert all(memory.LEFT <= x <= memory.WIDTH for x, _ in chart.blocks)
    assert chart.left_out is not None and chart.left_out > 100
    assert chart.points.count("M") == 190


@pytest.mark.parametrize(
    "found", [None, MemoryResult(), MemoryResult((run_of(), run_of(growth=None)), ())]
)
def test_the_json_fits_its_schema(found: MemoryResult | None) -> None:
    analysis: Analysis = replace(nothing(), memory=found)
    document = json.loads(report_json.render(analysis))
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document)
    assert len(document["memory"]["runs"]) == (2 if found and found.runs else 0)
    for run in document["memory"]["runs"][:1]:
        assert run["growth"]["bytes_a_request"] == 1024
        assert run["by_size"] == [{"frame": "<leak> (app.py:9)", "size": 44 * 2**20, "count": None}]
