"""The cap on the rate: a plan above it is refused before anything is sent."""

from __future__ import annotations

from collections.abc import Sequence

from loadkit.errors import UsageError
from loadkit.model import Scenario, Stage
from loadkit.model.shapes import OpenLoad

_STEPS = 1_000
_SLACK = 1 + 1e-9


def check_rate(scenario: Scenario | None, most: float | None, where: str) -> None:
    """No stage plans more arrivals a second than ``most``, all its open loads together.

    What closed loads and files without stages send is held back while they run.

    Raises:
        UsageError: one does; the message names the stage and its highest rate.
    """
    if most is None or scenario is None:
        return
    for stage in scenario.stages:
        highest = highest_rate(stage)
        if highest > most * _SLACK:
            raise UsageError(
                f"stage {stage.name!r} plans {highest:g} arrivals a second, above the cap of "
                f"{most:g}",
                where=where,
                remedy=_remedy(stage, most),
            )


def highest_rate(stage: Stage) -> float:
    """The highest planned rate of a stage's open loads together, a second; 0 without any."""
    loads: Sequence[OpenLoad] = stage.open_loads
    if len(loads) < 2:
        return sum(load.highest for load in loads)
    return max(_together(loads, instant, stage.duration) for instant in _instants(loads, stage))


def _together(loads: Sequence[OpenLoad], instant: float, duration: float) -> float:
    return sum(load.rate_at(instant, duration) for load in loads)


def _instants(loads: Sequence[OpenLoad], stage: Stage) -> list[float]:
    """Where a sum may be highest: where pieces begin and end, and closely in between for waves."""
    duration = float(stage.duration)
    found = {duration * step / _STEPS for step in range(_STEPS + 1)}
    for load in loads:
        for piece in load.pieces(stage.duration):
            found.add(float(piece.start))
            found.add(max(0.0, float(piece.start) - 1e-9))
    return sorted(instant for instant in found if instant <= duration)


def _remedy(stage: Stage, most: float) -> str:
    single = len(stage.loads) == 1 and stage.open_loads[0].kind == "rate"
    change = f"--set {stage.name}.rate={most:g}" if single else "a lower rate in the scenario"
    return f"Nothing was sent. Use {change}, or raise --max-rate ([run] max_rate of loadkit.toml)."
