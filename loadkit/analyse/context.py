"""The run as analysis sees it: its stages on the time axis, and how far the load came."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from loadkit.bundle.manifest import Manifest
from loadkit.bundle.reader import RunData

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class StageSpan:
    """A planned stage. Seconds since the start of the load; rates a second, or users."""

    name: str
    start_s: float
    duration_s: float
    warmup: bool
    profile: bool
    kind: Literal["rate", "users"] | None  # rate: of open loads; None: a foreign file's own load
    first: float | None  # rate or users when it begins
    last: float | None
    max_users: int | None
    mean: float | None = None  # of the planned rate, where it is no straight line
    users: tuple[int, int] | None = None  # first and last number of closed users, if any
    text: str = ""  # the load in words, where it is more than a rate or a number of users

    @property
    def end_s(self) -> float:
        """When it ends by plan."""
        return self.start_s + self.duration_s

    @property
    def measured(self) -> bool:
        """Whether verdicts may rest on it."""
        return not (self.warmup or self.profile)

    @property
    def excluded_as(self) -> str:
        """Why not: ``warm-up`` or ``profile``; empty when measured."""
        return "warm-up" if self.warmup else "profile" if self.profile else ""

    @property
    def level(self) -> float:
        """Mean of the planned load, to tell the lowest from the highest."""
        if self.mean is not None:
            return self.mean
        return 0.0 if self.first is None or self.last is None else (self.first + self.last) / 2

    def holds(self, t_s: float) -> bool:
        """Whether a point of time lies in it."""
        return self.start_s <= t_s < self.end_s


def present(value: Any) -> bool:
    """Whether a cell of a frame holds something."""
    return not (value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)))


def text_of(value: Any) -> str:
    """A text cell; empty when null."""
    return str(value) if present(value) else ""


def text_or_none(value: Any) -> str | None:
    """A text cell; None when null or empty."""
    return text_of(value) or None


def seconds_or_none(value: Any) -> float | None:
    """A number cell; None when null."""
    return float(value) if present(value) else None


def _kind(load: dict[str, Any]) -> Literal["rate", "users"] | None:
    """Whether anything arrives by plan; shapes of a later loadkit are taken to."""
    if not load.get("kind"):
        return None
    return "users" if load["kind"] == "users" or load.get("from") is None else "rate"


def _users(load: dict[str, Any]) -> tuple[int, int] | None:
    """First and last number of users of closed loads."""
    ends = (load.get("from"), load.get("to")) if load.get("kind") == "users" else load.get("users")
    if not ends or ends[0] is None:
        return None
    return int(ends[0]), int(ends[0] if ends[1] is None else ends[1])


class Context:
    """A run with what every part of the analysis asks for."""

    def __init__(self, run: RunData, *, live: bool = False) -> None:
        """``live``: somebody is still writing the bundle, if its state says so."""
        self.run = run
        self.running = live and run.manifest.state == "running"

    @property
    def manifest(self) -> Manifest:
        """What the run was about."""
        return self.run.manifest

    @cached_property
    def end_reason(self) -> str | None:
        """``finished``, ``interrupted``, ``aborted``, ``error``; None: the end was never told."""
        end = self.manifest.load_end
        return None if end is None else str(end.get("reason") or "") or None

    @cached_property
    def began(self) -> bool:
        """Whether any load was to be sent."""
        return self.manifest.t0_mono_ns is not None

    @cached_property
    def stages(self) -> tuple[StageSpan, ...]:
        """All planned stages, in order."""
        return tuple(self._stage(stage) for stage in self.manifest.stages)

    def _stage(self, stage: dict[str, Any]) -> StageSpan:
        load = stage.get("load") or {}
        users = _users(load)
        first, last = (seconds_or_none(load.get(key)) for key in ("from", "to"))
        if first is None and users is not None:
            first, last = users
        duration = seconds_or_none(stage.get("duration_s"))
        start = float(stage.get("start_s") or 0.0)
        return StageSpan(
            name=str(stage["name"]),
            start_s=start,
            # A foreign scenario without a duration lasts for as long as it ran.
            duration_s=max(0.0, self._last_sign_s - start) if duration is None else duration,
            warmup=bool(stage.get("warmup")),
            profile=bool(stage.get("profile")),
            kind=_kind(load),
            first=first,
            last=first if last is None else last,
            max_users=load.get("max_users"),
            mean=seconds_or_none(load.get("mean")),
            users=users,
            text=str(load.get("text") or ""),
        )

    @cached_property
    def _last_sign_s(self) -> float:
        """The last thing heard of the load generator."""
        ends = [0.0]
        for frame, column, extra in (
            (self.run.flow, "second", 1.0),
            (self.run.seconds, "second", 1.0),
            (self.run.generator, "t_s", 0.0),
        ):
            values = frame[column].dropna()
            if len(values):
                ends.append(float(values.max()) + extra)
        return max(ends)

    @cached_property
    def plan_end_s(self) -> float:
        """When the last stage ends by plan."""
        return max((stage.end_s for stage in self.stages), default=0.0)

    @cached_property
    def reached_s(self) -> float:
        """How far into the plan load was sent."""
        if not self.began:
            return 0.0
        if self.end_reason == "finished":
            return self.plan_end_s
        return min(self.plan_end_s, self._last_sign_s)

    @cached_property
    def end_s(self) -> float:
        """End of the time axis: of the run where it is known, else the last thing seen."""
        ends = [self.reached_s]
        begin, end = self.manifest.t0_mono_ns, self.manifest.end_mono_ns
        if begin is not None and end is not None:
            ends.append((end - begin) / 1e9)
        elif begin is not None:
            ends.append(self._last_sign_s)
            for frame in (self.run.metrics, self.run.notifications, self.run.host):
                values = frame["t_s"].dropna()
                if len(values):
                    ends.append(float(values.max()))
        return max(ends)

    def whole(self, stage: StageSpan) -> bool:
        """Whether the stage was run to its end."""
        return self.end_reason == "finished" or (
            self.began and self.reached_s >= stage.end_s - 1e-6
        )

    def reached(self, stage: StageSpan) -> float:
        """How many seconds of a stage were run."""
        return max(0.0, min(stage.end_s, self.reached_s) - stage.start_s)

    def stage_at(self, t_s: float) -> StageSpan | None:
        """The stage a point of time lies in."""
        return next((stage for stage in self.stages if stage.holds(t_s)), None)

    @cached_property
    def measured(self) -> tuple[StageSpan, ...]:
        """The stages that verdicts may rest on."""
        return tuple(stage for stage in self.stages if stage.measured)

    @cached_property
    def seconds(self) -> int:
        """Whole seconds on the load's axis, the drain included where something happened in it."""
        return max(math.ceil(self.reached_s - 1e-9), math.ceil(self._last_flow_s - 1e-9), 0)

    @cached_property
    def _last_flow_s(self) -> float:
        values = self.run.flow["second"].dropna()
        return float(values.max()) + 1 if len(values) else 0.0

    @cached_property
    def measured_seconds(self) -> frozenset[int]:
        """Whole seconds that lie in measured stages, as far as load was sent."""
        result: set[int] = set()
        for stage in self.measured:
            end = min(stage.end_s, self.reached_s)
            result.update(range(math.ceil(stage.start_s - 1e-9), math.floor(end + 1e-9)))
        return frozenset(result)

    def within(self, x: Floats, stage: StageSpan) -> npt.NDArray[np.bool_]:
        """Which points of a series lie in the part of a stage that was run."""
        result: npt.NDArray[np.bool_] = (x >= stage.start_s) & (
            x < min(stage.end_s, max(self.reached_s, stage.start_s))
        )
        return result

    @cached_property
    def open_measured(self) -> tuple[StageSpan, ...]:
        """Measured stages with load that got going; the open ones where there are any."""
        begun = [stage for stage in self.measured if self.reached(stage) > 0]
        open_ones = tuple(stage for stage in begun if stage.kind == "rate")
        return open_ones or tuple(begun)

    @cached_property
    def peak(self) -> StageSpan | None:
        """The measured stage with the highest planned load; the first of equals."""
        return max(self.open_measured, key=lambda stage: stage.level, default=None)

    @cached_property
    def base(self) -> StageSpan | None:
        """The measured stage with the lowest planned load; None when that is the peak too."""
        lowest = min(self.open_measured, key=lambda stage: stage.level, default=None)
        if lowest is None or self.peak is None or lowest.level >= self.peak.level:
            return None
        return lowest
