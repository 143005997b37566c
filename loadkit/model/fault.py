"""Faults: something broken on purpose for the length of a stage."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from loadkit.errors import UsageError
from loadkit.model.checks import is_number

_FAULT = re.compile(
    r"\s*(?P<kind>[a-z_]+)(?::(?P<step>[\w]+))?\s*=\s*"
    r"(?P<value>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|%)?\s*@\s*(?P<stage>[\w-]+)\s*"
)
FAULT_KINDS: Mapping[str, str] = {
    "error_rate": "share of requests that fail, 0 to 1",
    "latency": "seconds added at a step (latency:STEP), by default to the whole request",
    "cpu": "seconds of CPU burned in each request",
    "pool_slots": "slots left in the store's pool",
}
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
        if self.kind == "error_rate" and self.value > 1:
            raise UsageError(
                f"fault error_rate: a share lies between 0 and 1, got {self.value:g}",
                remedy="Write 0.08 or 8%.",
            )
        if self.step is not None and self.kind not in ("latency", "cpu"):
            raise UsageError(f"fault {self.kind} has no step", remedy=_FAULT_REMEDY)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """``KIND[:STEP]=VALUE@STAGE``; the value may carry ms, s or %."""
        found = _FAULT.fullmatch(text)
        if found is None:
            raise UsageError(f"fault {text!r} is not understood", remedy=_FAULT_REMEDY)
        scale = {"ms": 1e-3, "%": 1e-2}.get(found["unit"] or "", 1.0)
        return cls(found["kind"], float(found["value"]) * scale, found["stage"], found["step"])

    def __str__(self) -> str:
        step = f":{self.step}" if self.step else ""
        return f"{self.kind}{step}={self.value:g}@{self.stage}"
