"""Markdown, OpenMetrics, pictures and frames say what the analysis says."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from report_sample import peak as make_analysis

from loadkit.model import Finding, Severity
from loadkit.report import figures, frames, markdown, openmetrics, units


def _samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        for sample in family.samples
    }


def test_openmetrics_holds_the_final_numbers() -> None:
    analysis = make_analysis()
    samples = _samples(openmetrics.render(analysis))
    for stage in analysis.stages:
        at = {("run", analysis.name), ("stage", stage.name)}
        assert samples.get(("loadkit_achieved_rate", frozenset(at))) == stage.achieved
        quantile = frozenset(at | {("quantile", "0.99")})
        assert samples.get(("loadkit_response_seconds", quantile)) == stage.response.p99
    key = ("loadkit_exit_status", frozenset({("run", analysis.name)}))
    assert samples[key] == analysis.exit_status


def test_openmetrics_says_nothing_of_what_is_not_known() -> None:
    analysis = make_analysis()
    unknown = tuple(replace(stage, achieved=None) for stage in analysis.stages)
    text = openmetrics.render(replace(analysis, stages=unknown))
    assert "loadkit_achieved_rate" not in text
    assert text.endswith("# EOF\n")


@settings(deadline=None)
@given(st.text(min_size=1).filter(lambda t: "\r" not in t))
def test_any_name_can_be_a_label(name: str) -> None:
    samples = _samples(openmetrics.render(replace(_ANALYSIS, name=name)))
    assert {dict(labels)["run"] for _, labels in samples} == {name}


_ANALYSIS = make_analysis()


def test_markdown_has_verdict_objectives_and_numbers() -> None:
    analysis = make_analysis()
    text = markdown.render(analysis, ["a/run.png"])
    assert text.startswith(f"## {markdown._VERDICT.get(analysis.verdict, '❔')} {analysis.name}")
    assert text.count("| ✅ |") + text.count("| ❌ |") + text.count("| ❔ |") == len(
        analysis.slos
    ) + sum(a.verdict is not None and a.role != "shown" for a in analysis.alerts)
    assert "![run](a/run.png)" in text
    for stage in analysis.stages:
        assert units.duration(stage.response.p99) in text


def test_names_in_markdown_are_text() -> None:
    summary = "see [x](https://a.example) `code` @team <b> | a\nb"
    finding = Finding("too-many-operations", Severity.WARNING, summary)
    text = markdown.render(replace(make_analysis(), findings=(finding,)))
    line = next(line for line in text.splitlines() if line.startswith("- **warning**"))
    assert not re.search(r"(?<!\\)[\[\]`<>|]", line)
    assert "@team" not in line
    assert line.endswith("a b")


def test_the_picture_is_a_picture_and_the_same_each_time() -> None:
    drawn = figures.figures(make_analysis())
    assert list(drawn) == ["run.png"]
    pixels = np.asarray(imread(io.BytesIO(drawn["run.png"]), format="png"))
    assert pixels.shape[:2] == (720, 900)
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 20  # lines were drawn
    assert figures.figures(make_analysis()) == drawn


def test_nothing_measured_is_no_picture() -> None:
    analysis = replace(make_analysis(), rate_lines=(), latency_lines=(), saturation_lines=())
    assert figures.figures(analysis) == {}


def test_frames_have_a_row_each() -> None:
    analysis = make_analysis()
    stages = frames.stages(analysis)
    assert list(stages["stage"]) == [stage.name for stage in analysis.stages]
    assert list(stages["response_p95_s"]) == pytest.approx(
        [stage.response.p95 for stage in analysis.stages], nan_ok=True
    )
    timeline = frames.timeline(analysis)
    drawn = sum(len(line.x) for line in (*analysis.rate_lines, *analysis.latency_lines))
    assert (timeline["chart"].isin(["load", "latency"])).sum() == drawn
    assert len(frames.operations(analysis)) == len(analysis.operations)
