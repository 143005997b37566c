"""What differs between the settings of two runs, so that their numbers are hard to compare."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from loadkit.analyse.result import Analysis
from loadkit.bundle.manifest import Manifest

_AUTHORITY = re.compile(r"[a-z][a-z0-9+.-]*://([^/?#]+)", re.IGNORECASE)
_MEMORY = 0.02  # memory a machine reports differs a little from boot to boot


def obstacles(
    now: Analysis, before: Analysis, now_manifest: Manifest, before_manifest: Manifest
) -> tuple[str, ...]:
    """A sentence for each thing that is not the same; "this run" is the first one."""
    return (
        *_trust(now, before),
        *_machine(now_manifest, before_manifest),
        *_plan(now_manifest, before_manifest),
        *_versions(now_manifest, before_manifest),
        *_stack(now, before, now_manifest, before_manifest),
    )


def digest(scenario: dict[str, Any]) -> str:
    """Twelve hexadecimal digits that are the same for the same scenario."""
    text = json.dumps(scenario, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _trust(now: Analysis, before: Analysis) -> Iterator[str]:
    for run, name in ((now, "this run"), (before, "the baseline")):
        if run.generator.verdict not in ("valid", ""):
            reasons = "; ".join(run.generator.reasons)
            told = f": {reasons}" if reasons else ""
            yield f"The load generator of {name} was {run.generator.verdict}{told}."
        if run.state != "complete":
            yield f"{name[0].upper()}{name[1:]} is {run.state}: its last stages may be missing."


def _machine(now: Manifest, before: Manifest) -> Iterator[str]:
    if not now.host or not before.host:
        yield "On which machine one of them ran is not known."
        return
    for key, name in (("cpus", "CPUs"), ("os", "operating system"), ("python", "Python")):
        here, there = now.host.get(key), before.host.get(key)
        if here != there:
            yield f"Another machine or system: {name} {_said(here)}, baseline {_said(there)}."
    here, there = now.host.get("memory_bytes"), before.host.get("memory_bytes")
    if here and there and abs(here - there) > _MEMORY * max(here, there):
        gib = (f"{value / 2**30:.1f} GiB" for value in (here, there))
        yield "Another machine: memory {}, baseline {}.".format(*gib)


def _said(value: object) -> str:
    return "unknown" if value is None else str(value)


def _plan(now: Manifest, before: Manifest) -> Iterator[str]:
    if now.scenario is None or before.scenario is None:
        if now.scenario is not before.scenario:
            yield "Only one of them declares a scenario: whether the load was alike is not known."
        elif now.file != before.file:
            yield f"Another file: {_said(now.file)}, baseline {_said(before.file)}."
    elif digest(now.scenario) != digest(before.scenario):
        keys = sorted({*now.scenario, *before.scenario})
        changed = [key for key in keys if now.scenario.get(key) != before.scenario.get(key)]
        yield (
            f"Another scenario ({digest(now.scenario)}, baseline {digest(before.scenario)}): "
            f"{', '.join(changed)} differ{'s' if len(changed) == 1 else ''}."
        )
    stages = _changed_stages(now, before)
    if stages:
        yield f"Planned otherwise: {', '.join(stages)}."
    for name, here, there in (
        ("Faults", now.faults, before.faults),
        ("Workers", len(now.workers), len(before.workers)),
    ):
        if here != there:
            yield f"{name}: {_listed(here)}, baseline {_listed(there)}."


def _listed(value: list[str] | int) -> str:
    return str(value) if isinstance(value, int) else ", ".join(value) or "none"


def _changed_stages(now: Manifest, before: Manifest) -> list[str]:
    """Names of stages both have, with another load or length."""
    there = {stage.get("name"): stage for stage in before.stages}
    keys = ("duration_s", "load", "warmup", "profile")
    return [
        str(stage.get("name"))
        for stage in now.stages
        if stage.get("name") in there
        and any(stage.get(key) != there[stage.get("name")].get(key) for key in keys)
    ]


def _versions(now: Manifest, before: Manifest) -> Iterator[str]:
    if now.loadkit_version != before.loadkit_version:
        yield (
            f"Another version of loadkit: {now.loadkit_version}, baseline {before.loadkit_version}."
        )
    names = sorted(({*now.versions} | {*before.versions}) - {"loadkit", "python"})
    changed = [name for name in names if now.versions.get(name) != before.versions.get(name)]
    if changed:
        told = (
            f"{name} {_said(now.versions.get(name))}, baseline {_said(before.versions.get(name))}"
            for name in changed
        )
        yield f"Other versions: {'; '.join(told)}."


def _stack(
    now: Analysis, before: Analysis, now_manifest: Manifest, before_manifest: Manifest
) -> Iterator[str]:
    if now.time_scale != before.time_scale:
        yield (
            f"Another time scale: Prometheus' intervals divided by {now.time_scale}, "
            f"baseline {before.time_scale}; alerts are not comparable."
        )
    here, there = (manifest.stack.get("kind") for manifest in (now_manifest, before_manifest))
    if here != there:
        yield f"Another stack: {_said(here)}, baseline {_said(there)}."
    elif here != "embedded" and _host(now_manifest) != _host(before_manifest):
        yield f"Another target: {_host(now_manifest)}, baseline {_host(before_manifest)}."


def _host(manifest: Manifest) -> str:
    """Host and port of the target, without anything that may be secret."""
    if not manifest.target:
        return "unknown"
    found = _AUTHORITY.match(manifest.target)
    return found[1].rpartition("@")[2] if found else "unknown"
