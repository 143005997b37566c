"""Faults: something broken on purpose for the length of a stage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from loadkit.errors import UsageError
from loadkit.model.checks import is_number

_FAULT = re.compile(
    r"\s*(?P<kind>[a-z_]+)(?::(?P<step>[\w]+))?\s*=\s*"
    r"(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|%|KiB|MiB)?\s*@\s*(?P<stage>[\w-]+)\s*"
)
FAULT_KINDS: Mapping[str, str] = {
    "error_rate": "share of requests that fail, 0 to 1",
    "latency": "seconds added at a step (latency:STEP), by default to the whole request",
    "cpu": "seconds of CPU burned in each request",
    "pool_slots": "slots left in the store's pool",
    "leak": "bytes that each request leaves behind for ever",
    "lock": "seconds that each request holds the one lock in a step (lock:STEP)",
    "pricing_slow": "seconds that each fetch of a price takes longer, the cache passed by",
    "loop_blocked": "seconds that the event loop stands still, about once a second",
    "db_unavailable": "share of calls to the database that are refused, 0 to 1",
    "cache_evicted": "requests after which the pricing cache is emptied, 1: before each",
}
SHARES = frozenset({"error_rate", "db_unavailable"})
WITH_STEP = frozenset({"latency", "cpu", "lock"})
_SCALES = {"ms": 1e-3, "%": 1e-2, "KiB": 1024.0, "MiB": 1024.0**2}
_FAULT_REMEDY = (
    "Write KIND=VALUE@STAGE, for example error_rate=0.08@peak or latency:store_cost=200ms@peak; "
    f"kinds: {', '.join(FAULT_KINDS)}."
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something broken on purpose in the service for the length of one stage.

    Raises:
        UsageError: an unknown kind, or a value out of range for it.
    """

    kind: str
    value: float
    stage: str
    step: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in FAULT_KINDS:
            raise UsageError(f"fault {self.kind!r} is not known", remedy=_FAULT_REMEDY)
        if not (is_number(self.value) and self.value >= 0):
            raise UsageError(f"fault {self.kind}: the value must not be negative")
        if self.kind in SHARES and self.value > 1:
            raise UsageError(
                f"fault {self.kind}: a share lies between 0 and 1, got {self.value:g}",
                remedy="Write 0.08 or 8%.",
            )
        if self.step is not None and self.kind not in WITH_STEP:
            raise UsageError(f"fault {self.kind} has no step", remedy=_FAULT_REMEDY)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """``KIND[:STEP]=VALUE@STAGE``; the value may carry ms, s, %, KiB or MiB."""
        found = _FAULT.fullmatch(text)
        if found is None:
            raise UsageError(f"fault {text!r} is not understood", remedy=_FAULT_REMEDY)
        scale = _SCALES.get(found["unit"] or "", 1.0)
        return cls(found["kind"], float(found["value"]) * scale, found["stage"], found["step"])

    def __str__(self) -> str:
        step = f":{self.step}" if self.step else ""
        return f"{self.kind}{step}={self.value:g}@{self.stage}"
