"""A failing source is one finding an outage; a failing step ends nothing."""

from __future__ import annotations

import asyncio

from loadkit.collect.periodic import RECOVERED, Outage, Periodic, reason
from loadkit.errors import CollectError
from loadkit.model import Finding


def _outage(tolerate: int = 1) -> tuple[Outage, list[Finding]]:
    findings: list[Finding] = []
    return Outage(findings.append, "x-lost", "X", "its rows", tolerate=tolerate), findings


def test_one_finding_an_outage() -> None:
    outage, findings = _outage()
    outage.failed(CollectError("gone", where="http://u:pw@x"))
    assert findings == []
    for _ in range(5):
        outage.failed(CollectError("gone", where="http://u:pw@x"))
    assert [finding.slug for finding in findings] == ["x-lost"]
    assert findings[0].evidence["error"] == "http://[removed]@x: gone"
    assert findings[0].evidence["last answer, mono_ns"].isdigit()
    assert outage.lasting
    outage.succeeded()
    assert [finding.slug for finding in findings] == ["x-lost", RECOVERED]
    outage.succeeded()
    outage.failed(ValueError("1"))
    outage.failed(ValueError("2"))
    assert [finding.slug for finding in findings] == ["x-lost", RECOVERED, "x-lost"]


def test_a_failure_that_passes_is_no_finding() -> None:
    outage, findings = _outage(tolerate=2)
    for _ in range(3):
        outage.failed(ValueError())
        outage.failed(ValueError())
        outage.succeeded()
    assert findings == []


def test_the_last_failure_is_told_at_once() -> None:
    outage, findings = _outage(tolerate=3)
    outage.failed(ValueError("boom"), final=True)
    assert len(findings) == 1
    assert findings[0].evidence["error"] == reason(ValueError("boom")) == "ValueError: boom"


def test_periodic_goes_on_after_errors_and_stops() -> None:
    async def scenario() -> tuple[int, list[Finding]]:
        outage, findings = _outage()
        calls = 0
        enough = asyncio.Event()

        async def step() -> None:
            nonlocal calls
            calls += 1
            if calls == 6:
                enough.set()
            if calls < 4:
                raise RuntimeError("not yet")

        periodic = Periodic(step, 0.001, outage)
        await periodic.stop()  # before a start
        periodic.start()
        await asyncio.wait_for(enough.wait(), 10)
        await periodic.stop()
        await periodic.stop()
        stopped_at = calls
        await asyncio.sleep(0.01)
        assert calls == stopped_at
        return calls, findings

    calls, findings = asyncio.run(scenario())
    assert calls >= 6
    assert [finding.slug for finding in findings] == ["x-lost", RECOVERED]
