"""The verdicts of a run as JUnit XML, for a CI server that shows tests.

An objective in a stage, an expected or forbidden alert, and the generator are a test case each.
Missed is a ``failure``; inconclusive is an ``error``, because a check that could not be made is no
pass; a run that was not judged at all is an error of its own case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree

from loadkit.analyse.result import AlertResult, Analysis, SloResult

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


@dataclass(frozen=True, slots=True)
class _Case:
    """``outcome``: passed, failure or error."""

    classname: str
    name: str
    outcome: str
    said: str
    seconds: float = 0.0


def render(analysis: Analysis) -> str:
    """The document; the same analysis gives the same bytes."""
    cases = [
        *(_objective(result, analysis) for result in analysis.slos),
        *(_alert(result) for result in analysis.alerts if result.role != "shown"),
        _generator(analysis),
        _run(analysis),
    ]
    suite = ElementTree.Element("testsuite", _totals(cases) | {"timestamp": analysis.started})
    suite.set("name", _text(analysis.name))
    _properties(suite, analysis)
    for case in cases:
        _add(suite, case)
    root = ElementTree.Element("testsuites", _totals(cases) | {"name": "loadkit"})
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def _objective(result: SloResult, analysis: Analysis) -> _Case:
    verdict = result.verdict
    seconds = next((s.reached_s for s in analysis.stages if s.name == result.stage), None)
    return _Case(
        f"loadkit.objectives.{result.stage}",
        result.slo,
        _outcome(verdict.status.value),
        f"expected {verdict.expected}, observed {verdict.observed}",
        seconds or 0.0,
    )


def _alert(result: AlertResult) -> _Case:
    name = f"{result.name} {'must fire' if result.role == 'expected' else 'must not fire'}"
    verdict = result.verdict
    if verdict is None:
        return _Case("loadkit.alerts", name, "error", result.note or "not judged")
    said = f"expected {verdict.expected}, observed {verdict.observed}"
    said += f"; {result.note}" if result.note else ""
    return _Case("loadkit.alerts", name, _outcome(verdict.status.value), said)


def _generator(analysis: Analysis) -> _Case:
    result = analysis.generator
    outcome = "error" if result.verdict == "invalid" else "passed"
    said = "; ".join([result.verdict, *result.reasons])
    return _Case("loadkit.run", "the load generator was not the bottleneck", outcome, said)


def _run(analysis: Analysis) -> _Case:
    """What no other case says: interrupted, broken, data missing, findings that were to fail."""
    status = analysis.exit_status
    outcome = "passed" if status == 0 else "failure" if status in (3, 4) else "error"
    said = f"exit status {status}: {analysis.headline}"
    return _Case("loadkit.run", "verdict of the run", outcome, said, analysis.load_end_s or 0.0)


def _outcome(status: str) -> str:
    return {"passed": "passed", "failed": "failure"}.get(status, "error")


def _totals(cases: list[_Case]) -> dict[str, str]:
    return {
        "tests": str(len(cases)),
        "failures": str(sum(case.outcome == "failure" for case in cases)),
        "errors": str(sum(case.outcome == "error" for case in cases)),
        "skipped": "0",
        "time": f"{max((case.seconds for case in cases), default=0.0):.3f}",
    }


def _properties(suite: ElementTree.Element, analysis: Analysis) -> None:
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in (
        ("verdict", analysis.verdict),
        ("exit_status", str(analysis.exit_status)),
        ("generator", analysis.generator.verdict),
    ):
        ElementTree.SubElement(properties, "property", name=name, value=value)


def _add(suite: ElementTree.Element, case: _Case) -> None:
    element = ElementTree.SubElement(
        suite,
        "testcase",
        classname=_text(case.classname),
        name=_text(case.name),
        time=f"{case.seconds:.3f}",
    )
    if case.outcome == "passed":
        ElementTree.SubElement(element, "system-out").text = _text(case.said)
    else:
        kind = "objective" if case.outcome == "failure" else "inconclusive"
        ElementTree.SubElement(element, case.outcome, type=kind, message=_text(case.said))


def _text(value: str) -> str:
    return _NOT_XML.sub("\ufffd", value)
