"""Small parts of the load child: frames, secrets, targets, turns, kinds, the plan."""

from __future__ import annotations

import io
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.errors import LoadError
from loadkit.load.frames import Decoder, encode, read_frames
from loadkit.load.kinds import kind_of, status_of, text_of
from loadkit.load.messages import LONGEST, message
from loadkit.load.mix import Mix
from loadkit.load.plan import Plan
from loadkit.load.targets import TargetNotAllowed, Targets
from loadkit.model import Rate, Scenario, Stage
from loadkit.scenario.codec import to_dict


@given(st.lists(st.dictionaries(st.text(), st.integers(-(2**62), 2**62))), st.integers(1, 9))
def test_frames_survive_any_cutting(frames: list[dict[str, int]], size: int) -> None:
    data = b"".join(encode(frame) for frame in frames)
    decoder = Decoder()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert [frame for piece in pieces for frame in decoder.feed(piece)] == frames
    assert list(read_frames(io.BytesIO(data + encode({"cut": 1})[:-1]))) == frames


def test_messages_are_short_and_one_line() -> None:
    assert message("a\n  b\tc") == "a b c"
    assert len(message("x" * 100_000)) == LONGEST
    assert "hunter2" not in message("x" * (LONGEST - 12) + " password=hunter2")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1", "LOCALHOST", "Api.Test."]
)
def test_allowed_targets(host: str) -> None:
    Targets(["api.test", "10.0.0.7"]).check(host)


@pytest.mark.parametrize(
    "host", ["10.0.0.8", "128.0.0.1", "0.0.0.0", "::2", "localhost.evil.test", b"other.test"]
)
def test_refused_targets(host: str | bytes) -> None:
    refused: list[str] = []
    with pytest.raises(TargetNotAllowed, match="nothing was sent"):
        Targets(["api.test", "10.0.0.7"], refused.append).check(host)
    assert len(refused) == 1


def test_addresses_of_allowed_names_are_learned_and_no_others() -> None:
    targets = Targets(["api.test"])
    targets.learn("api.test", ["10.1.1.1"])
    targets.learn("evil.test", ["10.1.1.2"])
    assert targets.allows("10.1.1.1")
    assert not targets.allows("10.1.1.2")


@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.integers(1, 300))
def test_turns_follow_the_weights(weights: list[int], turns: int) -> None:
    mix = Mix(dict(enumerate(weights)))
    got = Counter(mix.next() for _ in range(turns))
    for key, weight in enumerate(weights):
        assert abs(got[key] - turns * weight / sum(weights)) < len(weights)


def test_turns_without_weights() -> None:
    assert {Mix({"a": 0, "b": 1}).next() for _ in range(5)} == {"b"}
    even = Mix({"a": 0, "b": 0})
    assert Counter(even.next() for _ in range(10)) == {"a": 5, "b": 5}
    with pytest.raises(ValueError, match="nothing"):
        Mix({})


class HTTPError(Exception):
    """Named like the one of requests."""


class NewConnectionError(Exception):
    """Named like the one of urllib3."""


def _wrapped() -> Exception:
    try:
        try:
            raise ConnectionResetError("gone")
        except ConnectionResetError:
            raise NewConnectionError("wrapper") from None
    except NewConnectionError as error:
        error.__cause__ = ConnectionResetError("gone")
        return error


@pytest.mark.parametrize(
    ("error", "status", "kind", "text"),
    [
        (HTTPError("503 for url"), 503, "HTTP 503", "503 for url"),
        (ValueError("bad"), 200, "ValueError", "bad"),
        (ValueError("bad"), 500, "ValueError", "bad"),
        ("just text", 200, "Error", "just text"),
        (_wrapped(), 0, "ConnectionResetError", "gone"),
    ],
)
def test_kinds(error: Any, status: int, kind: str, text: str) -> None:
    assert (kind_of(error, status), text_of(error, status)) == (kind, text)


def test_a_status_that_cannot_be_read_is_none() -> None:
    class Odd:
        @property
        def status_code(self) -> int:
            raise RuntimeError

    assert [status_of(x) for x in (None, Odd(), object())] == [0, 0, 0]


def test_a_plan_from_json() -> None:
    scenario = Scenario([Stage("a", Rate(1), 1)], name="n")
    plan = Plan.from_json(
        {"file": "f.py", "scenario": to_dict(scenario), "locust_args": ["-T", "x"], "host": None}
    )
    assert (plan.scenario, plan.locust_args, plan.drain) == (scenario, ("-T", "x"), 30.0)
    with pytest.raises(LoadError, match="not understood"):
        Plan.from_json({"file": "f.py", "speed": 1})
