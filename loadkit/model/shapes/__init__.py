"""The shapes a load may have, one a module. Values only."""

from loadkit.model.shapes.open_load import OpenLoad
from loadkit.model.shapes.rate import Rate
from loadkit.model.shapes.replay import Replay
from loadkit.model.shapes.sine import Sine
from loadkit.model.shapes.spike import Spike
from loadkit.model.shapes.steps import Steps
from loadkit.model.shapes.users import Users

__all__ = ["OpenLoad", "Rate", "Replay", "Sine", "Spike", "Steps", "Users"]
