"""What the live view says is offered."""

from __future__ import annotations

import pytest

from loadkit import Rate, Stage, Users
from loadkit.model import Load, Sine, Spike
from loadkit.run.drive import _offered


@pytest.mark.parametrize(
    ("load", "seconds", "offered"),
    [
        (Rate(10, to=110), 2.5, 35),
        (Rate(10, to=110), -1, 10),
        (Rate(10, to=110), 99, 110),
        (Spike(10, 200, begin=5, length=2), 5.5, 200),
        (Sine(10, 5, 4), 1, 15),
        (Users(5), 3, None),
        ([Rate(10, user="A"), Rate(0, to=100), Users(5, user="B")], 5, 60),
    ],
)
def test_the_planned_rate_at_an_instant(
    load: Load | list[Load], seconds: float, offered: float | None
) -> None:
    found = _offered(Stage("s", load, 10), seconds)
    assert found == (None if offered is None else pytest.approx(offered))
