"""The users that loads name, against the classes that the file declares."""

from __future__ import annotations

from collections.abc import Iterable

from loadkit.errors import ScenarioError
from loadkit.model import Load, Scenario, Stage


def check_users(scenario: Scenario, class_names: Iterable[str]) -> None:
    """Every load has users.

    Raises:
        ScenarioError: a load names a class that is not there, or names none where the other loads
            of its stage have taken all of them.
    """
    classes = tuple(class_names)
    for stage in scenario.stages:
        for load in stage.loads:
            if load.user is not None and load.user not in classes:
                raise ScenarioError(
                    f"stage {stage.name!r}: there is no user class {load.user!r}",
                    remedy=f"User classes: {', '.join(classes)}.",
                )
            if not classes_of(stage, load, classes):
                raise ScenarioError(
                    f"stage {stage.name!r}: no user class is left for the load that names none",
                    remedy=f"The others have taken {', '.join(classes)}: name one less, or give "
                    "the file a further class.",
                )


def classes_of(stage: Stage, load: Load, class_names: Iterable[str]) -> tuple[str, ...]:
    """Names of the classes that serve a load of a stage, in the order given."""
    if load.user is not None:
        return tuple(name for name in class_names if name == load.user)
    taken = {other.user for other in stage.loads}
    return tuple(name for name in class_names if name not in taken)
