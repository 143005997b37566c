"""What happens at given moments of the load: faults switched on, profiles taken."""

from __future__ import annotations

import time
from typing import Any

import httpx

from loadkit.collect.profiler import Profiler
from loadkit.model import Fault, Finding, Severity
from loadkit.run.context import Run

# py-spy needs a moment to start and to read the process' symbols; its window must end with the
# stage, because what comes after may be measured.
_PROFILE_MARGIN_S = 1.5
_SHORTEST_PROFILE_S = 2.0


class FaultSwitch:
    """The fault port of the cost service."""

    def __init__(self, run: Run, url: str, token: str) -> None:
        self._run = run
        self._client = httpx.AsyncClient(
            base_url=url, headers={"X-Fault-Token": token}, timeout=5.0, trust_env=False
        )
        self._asked: dict[str, Fault] = {}
        self._own: dict[str, dict[str, Any]] = {}

    async def at_its_stage(self, fault: Fault) -> None:
        """Switches a fault on when its stage begins; it ends by itself with the stage."""
        scenario = self._run.plan.scenario
        assert scenario is not None
        if not await self._run.until(scenario.starts()[fault.stage]):
            return
        body = {"kind": fault.kind, "value": fault.value}
        body["duration"] = float(scenario.stage(fault.stage).duration)
        if fault.step:
            body["step"] = fault.step
        started = time.monotonic_ns()
        try:
            answer = await self._client.post("/faults", json=body)
            answer.raise_for_status()
            number = str(answer.json()["id"])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            self._run.note(
                Finding(
                    "fault-not-set",
                    Severity.ERROR,
                    f"Fault {fault} could not be switched on: {type(error).__name__}.",
                )
            )
            return
        self._asked[number] = fault
        self._own[number] = _row(fault, started, None)

    async def record(self) -> None:
        """Writes what the service says of its faults, or what was asked for when it is gone."""
        rows = dict(self._own)
        try:
            answer = await self._client.get("/faults")
            answer.raise_for_status()
            told = answer.json()
            for entry in (*told["active"], *told["history"]):
                fault = self._asked.get(str(entry["id"]))
                if fault is not None:
                    end = entry.get("end_monotonic_ns")
                    rows[str(entry["id"])] = _row(
                        fault, int(entry["start_monotonic_ns"]), None if end is None else int(end)
                    )
        except (httpx.HTTPError, ValueError, KeyError):
            if rows:
                self._run.note(
                    Finding(
                        "fault-end-unknown",
                        Severity.WARNING,
                        "The service could not be asked when its faults ended.",
                    )
                )
        self._run.writer.append("faults", list(rows.values()))
        await self._client.aclose()


def _row(fault: Fault, start_ns: int, end_ns: int | None) -> dict[str, Any]:
    return {
        "kind": fault.kind,
        "step": fault.step,
        "value": fault.value,
        "stage": fault.stage,
        "mono_ns": start_ns,
        "end_mono_ns": end_ns,
    }


async def profile_stages(run: Run, profiler: Profiler, process: str, pid: int) -> None:
    """Takes a profile in each profile stage."""
    for stage, start in run.plan.profile_stages:
        if not await run.until(start):
            return
        duration = max(_SHORTEST_PROFILE_S, stage.duration - _PROFILE_MARGIN_S)
        await profiler.profile(stage.name, process, pid, duration, run.directory)
    if not run.plan.profile_stages:
        await _profile_while_measuring(run, profiler, process, pid)


async def _profile_while_measuring(run: Run, profiler: Profiler, process: str, pid: int) -> None:
    """Without a profile stage a process that was named is sampled, without pausing it."""
    stage = run.plan.stages()[-1]
    if not await run.until(stage["start_s"]):
        return
    run.note(
        Finding(
            "profiled-while-measured",
            Severity.INFO,
            f"{process} was sampled without pausing it in stage {stage['name']}, which verdicts "
            "rest on: the scenario has no profile stage.",
        )
    )
    duration = min(30.0, stage["duration_s"] or 30.0)
    await profiler.profile(stage["name"], process, pid, duration, run.directory, blocking=False)
