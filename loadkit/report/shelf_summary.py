"""A run in a few numbers: what a list of runs needs, kept as ``summary.json`` in each bundle.

History of the format:

- ``loadkit-summary/1``: the first.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from loadkit.analyse.result import Analysis
from loadkit.bundle.manifest import Manifest
from loadkit.report.keynumbers import busiest_stage

FORMAT = "loadkit-summary/1"
NAME = "summary.json"
_TYPES: dict[str, tuple[type, ...]] = {"str": (str,), "float": (int, float), "int": (int,)}


@dataclass(frozen=True, slots=True)
class Summary:
    """Numbers are of the busiest measured stage; None is "not known", never zero."""

    name: str  # of the scenario
    run_id: str
    started: str  # ISO 8601, UTC
    state: str  # complete, interrupted, crashed, …
    verdict: str
    exit_status: int
    headline: str
    generator: str  # valid, degraded or invalid
    loadkit_version: str  # that judged it
    stage: str | None = None
    rate: float | None = None  # responses completed a second
    offered: float | None = None  # arrivals planned a second
    p95_s: float | None = None  # of the response time
    error_ratio: float | None = None
    duration_s: float | None = None  # of the whole run
    stack: str | None = None
    machine: str | None = None
    plan: str | None = None  # digest of the planned stages and the file's name

    @property
    def counted(self) -> bool:
        """Whether its numbers may stand in a line with others: whole, and from a fit generator."""
        whole = self.state == "complete" and self.verdict in ("passed", "failed")
        return whole and self.generator != "invalid"

    @property
    def conditions(self) -> tuple[str | None, ...]:
        """What two runs must share for their numbers to be set beside each other."""
        return self.plan, self.machine, self.stack

    def to_json(self) -> str:
        """The text of ``summary.json``."""
        return json.dumps({"format": FORMAT} | asdict(self), indent=1, ensure_ascii=False) + "\n"


def summarise(analysis: Analysis, manifest: Manifest, version: str) -> Summary:
    """What is to be remembered of a run; ``version`` is that of the loadkit that judged it."""
    stage = busiest_stage(analysis)
    return Summary(
        name=analysis.name,
        run_id=manifest.run_id,
        started=analysis.started,
        state=analysis.state,
        verdict=analysis.verdict,
        exit_status=analysis.exit_status,
        headline=analysis.headline,
        generator=analysis.generator.verdict,
        loadkit_version=version,
        stage=None if stage is None else stage.name,
        rate=None if stage is None else _finite(stage.achieved),
        offered=None if stage is None else _finite(stage.offered),
        p95_s=None if stage is None else _finite(stage.response.p95),
        error_ratio=None if stage is None else _finite(stage.error_ratio),
        duration_s=_finite(analysis.end_s),
        stack=str(manifest.stack.get("kind") or "") or None,
        machine=_machine(manifest.host),
        plan=_digest(manifest),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _machine(host: dict[str, Any]) -> str | None:
    parts = [str(host["os"])] if host.get("os") else []
    if host.get("cpus"):
        parts.append(f"{host['cpus']} CPU")
    if host.get("memory_bytes"):
        parts.append(f"{float(host['memory_bytes']) / 2**30:.1f} GiB")
    return ", ".join(parts) or None


def _digest(manifest: Manifest) -> str:
    """Equal for runs with the same planned load and the same faults."""
    what = [manifest.stages, sorted(manifest.faults)]
    text = json.dumps(what, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def from_json(text: str) -> Summary | None:
    """A summary, or None where it is broken, or of another version: it is then made anew."""
    try:
        values = json.loads(text)
    except ValueError:
        return None
    if not isinstance(values, dict) or values.pop("format", None) != FORMAT:
        return None
    known = {item.name: str(item.type) for item in fields(Summary)}
    if set(values) != set(known):
        return None
    if not all(_fits(values[name], kind) for name, kind in known.items()):
        return None
    return Summary(**values)


def _fits(value: Any, kind: str) -> bool:
    base, _, rest = kind.partition(" | ")
    if value is None:
        return bool(rest)
    return isinstance(value, _TYPES[base]) and not isinstance(value, bool)
