"""Loads and stages for property tests."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import strategies as st

from loadkit.model import Open, Rate, Replay, Sine, Spike, Stage, Steps, Users

tenths = st.integers(0, 3000).map(lambda n: n / 10)
positive = st.integers(1, 3000).map(lambda n: n / 10)
durations = st.integers(1, 200).map(lambda n: n / 10)


def exact(value: float) -> Fraction:
    """The decimal that was written."""
    return Fraction(repr(float(value)))


@st.composite
def even_loads(draw: st.DrawFn, duration: float, user: str | None = None) -> Open:
    """An open load of a shape with a formula, evenly spaced."""
    kind = draw(st.sampled_from(("constant", "ramp", "steps", "spike", "sine")))
    if kind == "constant":
        return Rate(draw(positive), user=user)
    if kind == "ramp":
        return Rate(draw(tenths), to=draw(positive), user=user)
    if kind == "steps":
        levels = draw(st.lists(tenths, min_size=1, max_size=6))
        return Steps([*levels, draw(positive)], user=user)
    if kind == "spike":
        base = draw(tenths)
        begin, length, edge = draw(_spans(duration))
        peak = round(base + draw(positive), 1)
        return Spike(base, peak, begin=begin, length=length, edge=edge, user=user)
    mean = draw(positive)
    amplitude = draw(st.integers(0, round(mean * 10))) / 10
    period, phase = draw(durations), draw(st.integers(-40, 40)) / 20
    return Sine(mean, amplitude, period, phase, user=user)


@st.composite
def _spans(draw: st.DrawFn, duration: float) -> tuple[float, float, float]:
    """(begin, length, edge) of a spike, in hundredths of a second, within the stage."""
    whole = round(duration * 100)
    begin = draw(st.integers(0, whole - 1))
    length = draw(st.integers(1, whole - begin))
    edge = draw(st.integers(0, length // 2))
    return begin / 100, length / 100, edge / 100


@st.composite
def replays(draw: st.DrawFn, user: str | None = None) -> Replay:
    """A recording of up to 30 seconds in thousandths."""
    times = draw(st.lists(st.integers(0, 30_000), min_size=1, max_size=60))
    speed = draw(st.sampled_from((0.5, 1.0, 2.0, 2.5)))
    return Replay([t / 1000 for t in sorted(times)], speed=speed, user=user)


@st.composite
def any_loads(draw: st.DrawFn, duration: float, user: str | None = None) -> Open | Users:
    """A load of any kind."""
    kind = draw(st.integers(0, 7))
    if kind == 0:
        return Users(draw(st.integers(1, 50)), user=user)
    if kind == 1:
        return draw(replays(user))
    load = draw(even_loads(duration, user))
    if kind == 2 and not isinstance(load, Replay):
        return poisson(load)
    return load


def poisson(load: Open) -> Open:
    """The same, with arrivals by chance."""
    from dataclasses import replace

    assert not isinstance(load, Replay)
    return replace(load, arrivals="poisson")


@st.composite
def even_stages(draw: st.DrawFn) -> list[Stage]:
    """Stages with evenly spaced open loads, and some closed ones."""
    stages = []
    for index in range(draw(st.integers(1, 4))):
        duration = draw(durations)
        closed = draw(st.integers(0, 4)) == 0
        load = Users(draw(st.integers(1, 50))) if closed else draw(even_loads(duration))
        stages.append(Stage(f"s{index}", load, duration))
    return stages


@st.composite
def any_stages(draw: st.DrawFn) -> list[Stage]:
    """Stages with one or two loads of any kind: of no user, and of user A."""
    stages = []
    for index in range(draw(st.integers(1, 4))):
        duration = draw(durations)
        users = draw(st.sampled_from(((None,), ("A",), (None, "A"))))
        loads = [draw(any_loads(duration, user)) for user in users]
        stages.append(Stage(f"s{index}", loads if len(loads) > 1 else loads[0], duration))
    return stages
