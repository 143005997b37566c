"""Verdicts as JUnit: what a CI server counts is what the run says."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from report_sample import peak as make_analysis

from loadkit.analyse.result import AlertResult, SloResult
from loadkit.model import Status, Verdict
from loadkit.report.junit import render


def _slo(status: Status, stage: str = "peak") -> SloResult:
    return SloResult(
        "p95 < 300 ms", stage, Verdict("p95 < 300 ms", "p95 310 ms", status), 0.3, 0.31, None
    )


def _case(text: str, name: str) -> ElementTree.Element:
    found = ElementTree.fromstring(text).findall(f".//testcase[@name='{name}']")
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("status", "tag"),
    [(Status.PASSED, "system-out"), (Status.FAILED, "failure"), (Status.INCONCLUSIVE, "error")],
)
def test_an_objective_is_a_case(status: Status, tag: str) -> None:
    text = render(replace(make_analysis(), slos=(_slo(status),), alerts=()))
    case = _case(text, "p95 < 300 ms")
    assert case.get("classname") == "loadkit.objectives.peak"
    assert [child.tag for child in case] == [tag]
    told = case[0].text if tag == "system-out" else case[0].get("message")
    assert told == "expected p95 < 300 ms, observed p95 310 ms"


def test_the_totals_are_those_of_the_cases() -> None:
    slos = tuple(_slo(status, status.value) for status in Status)
    root = ElementTree.fromstring(render(replace(make_analysis(), slos=slos)))
    suite = root[0]
    cases = suite.findall("testcase")
    for element in (root, suite):
        assert element.get("tests") == str(len(cases))
        assert element.get("failures") == str(len(suite.findall("testcase/failure")))
        assert element.get("errors") == str(len(suite.findall("testcase/error")))


def test_an_invalid_generator_is_an_error_whatever_the_objectives_say() -> None:
    analysis = make_analysis()
    bad = replace(analysis.generator, verdict="invalid", reasons=("its CPU was at 100 %",))
    text = render(replace(analysis, generator=bad, slos=(_slo(Status.PASSED),)))
    case = _case(text, "the load generator was not the bottleneck")
    assert case.find("error") is not None
    assert "its CPU was at 100 %" in case[0].get("message", "")


def test_an_alert_without_a_source_is_an_error() -> None:
    verdict = Verdict("fires", "no source", Status.INCONCLUSIVE)
    alert = AlertResult("PostgresDown", "expected", None, verdict, (), "no source")
    text = render(replace(make_analysis(), alerts=(alert, replace(alert, role="shown"))))
    case = _case(text, "PostgresDown must fire")
    assert case.find("error") is not None


@pytest.mark.parametrize(
    ("status", "tag"),
    [(0, "system-out"), (3, "failure"), (4, "failure"), (5, "error"), (1, "error"), (130, "error")],
)
def test_the_run_itself_is_a_case(status: int, tag: str) -> None:
    case = _case(render(replace(make_analysis(), exit_status=status)), "verdict of the run")
    assert [child.tag for child in case] == [tag]


def test_names_cannot_break_the_document() -> None:
    slo = replace(_slo(Status.FAILED), slo='a"<b>&\x00\x1b]]>')
    case = ElementTree.fromstring(render(replace(make_analysis(), slos=(slo,)))).find(".//testcase")
    assert case is not None
    assert case.get("name") == 'a"<b>&\ufffd\ufffd]]>'
