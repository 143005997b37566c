"""A stage in which memory is tracked, for scenarios that have none of their own. Pure."""

from __future__ import annotations

from loadkit.errors import UsageError
from loadkit.model import Scenario, Stage
from loadkit.model.shapes import Rate, Users
from loadkit.scenario import codec

NAME = "memory"
DURATION_S = 20.0


def with_memory_stage(scenario: Scenario) -> Scenario:
    """The scenario with a stage ``memory`` at its end, under the load of its first steady stage.

    At the end nothing that is measured can feel it. A scenario that tracks memory already stays.

    Raises:
        UsageError: no measured stage has a constant load, or one is named ``memory``.
    """
    if any(stage.tracks_memory for stage in scenario.stages):
        return scenario
    steady = next((s for s in scenario.stages if s.measured and _constant(s)), None)
    if steady is None:
        raise UsageError(
            "--memory needs a measured stage with a constant load to repeat",
            remedy='Add a stage yourself: Stage("memory", Rate(50), 20, profile="memory").',
        )
    if any(stage.name == NAME for stage in scenario.stages):
        raise UsageError(
            "--memory adds a stage named memory, and there is one of that name",
            remedy='Give that one profile="memory", or another name.',
        )
    added = Stage(NAME, load=steady.load, duration=DURATION_S, profile="memory")
    data = codec.to_dict(scenario)
    tail = codec.to_dict(Scenario([added]))["stages"]
    return codec.from_dict(data | {"stages": [*data["stages"], *tail]})


def _constant(stage: Stage) -> bool:
    return all(isinstance(load, Rate | Users) and load.to is None for load in stage.loads)
