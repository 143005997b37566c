"""Labels, keys, cursors, redaction, the pool, the answer that counts before it is sent."""

import asyncio
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from loadkit.reference.auth import DEMO_KEYS, check_user, digest_key, key_from_headers
from loadkit.reference.errors import BadRequest, PoolExhausted, SetupError, Unauthenticated
from loadkit.reference.logs import redact, timestamp
from loadkit.reference.middleware import Answer
from loadkit.reference.paths import Labels, method_label
from loadkit.reference.ports import User
from loadkit.reference.schemas import CostIn, cursor_text, parse_cursor, time_text, to_us
from loadkit.reference.settings import parse_settings
from loadkit.reference.storage.pool import Pool

LABELS = Labels(
    [("/costs", re.compile("^/costs$")), ("/costs/{id}", re.compile("^/costs/(?P<id>[^/]+)$"))]
)


@given(st.text())
def test_there_are_no_more_labels_than_routes_and_one(path: str) -> None:
    assert LABELS.of(path) in {"/costs", "/costs/{id}", "unmatched"}
    assert method_label(path) in {
        "GET",
        "HEAD",
        "POST",
        "PUT",
        "PATCH",
        "DELETE",
        "OPTIONS",
        "OTHER",
    }


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("/costs", "/costs"),
        ("/costs/", "unmatched"),
        ("/costs/1", "/costs/{id}"),
        ("/costs/1/2", "unmatched"),
        ("/costs/{id}", "/costs/{id}"),
    ],
)
def test_a_path_is_counted_under_its_template(path: str, label: str) -> None:
    assert LABELS.of(path) == label


def test_a_key_is_taken_from_either_header() -> None:
    assert key_from_headers([(b"x-api-key", b" k1 ")]) == "k1"
    assert key_from_headers([(b"x-api-key", b"k1"), (b"authorization", b"bearer k2")]) == "k2"
    with pytest.raises(Unauthenticated):
        key_from_headers([(b"cookie", b"k1")])


def test_a_digest_belongs_to_key_and_database() -> None:
    digest = digest_key("a key", b"one salt")
    assert digest == digest_key("a key", b"one salt")
    assert digest != digest_key("a key", b"another")
    user = User("u", "free", digest)
    assert check_user(user, digest) is user
    for stranger, given_digest in ((None, digest), (user, digest[:-1] + b"\x00")):
        with pytest.raises(Unauthenticated):
            check_user(stranger, given_digest)


def test_there_are_demonstration_keys_for_every_tier() -> None:
    assert DEMO_KEYS["demo-enterprise-key-2"] == ("demo-enterprise-2", "enterprise")
    assert len(DEMO_KEYS) == 9


@given(st.tuples(st.integers(0, 2**63 - 1), st.integers(0, 2**63 - 1)))
def test_cursors_come_back_as_they_went(after: tuple[int, int]) -> None:
    text = cursor_text(after)
    assert text is not None and re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert parse_cursor(text) == after


@given(st.text(max_size=60))
def test_any_other_text_is_no_cursor(text: str) -> None:
    try:
        after = parse_cursor(text)
    except BadRequest as error:
        assert error.errors[0]["field"] == "cursor"
    else:
        assert all(0 <= part < 2**63 for part in after)


@given(st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)))
def test_times_survive_as_text(moment: datetime) -> None:
    assert datetime.fromisoformat(time_text(to_us(moment))) == moment


def test_the_fingerprint_is_of_what_is_asked_not_how_it_is_written() -> None:
    one = CostIn.model_validate_json(
        '{"provider":"p","model":"m","input_tokens":1,"output_tokens":2}'
    )
    same = CostIn.model_validate_json(
        '{ "model":"m", "output_tokens":2, "input_tokens":1,"provider":"p" }'
    )
    other = one.model_copy(update={"output_tokens": 3})
    assert one.fingerprint() == same.fingerprint()
    assert one.fingerprint() != other.fingerprint()


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer planted",
        "bearer planted",
        "X-API-Key=planted",
        "api_key=planted",
        "X-Fault-Token: planted",
        "Basic planted",
    ],
)
def test_credentials_are_redacted(text: str) -> None:
    assert "planted" not in redact(f"before {text} after")
    assert redact(f"before {text} after").startswith("before ")


def test_timestamps_have_microseconds() -> None:
    assert timestamp(1_700_000_000_000_001_999) == "2023-11-14T22:13:20.000001Z"


def pool(size: int, limit_of: Callable[[int], int], wait_s: float = 0.05) -> Pool:
    made = [sqlite3.connect(":memory:", check_same_thread=False) for _ in range(size)]
    return Pool(made, wait_s=wait_s, limit_of=limit_of)


def test_the_pool_lends_in_order_and_no_more_than_its_limit() -> None:
    async def scenario() -> list[int]:
        slots = pool(2, lambda size: size, wait_s=5)
        order: list[int] = []

        async def use(number: int) -> None:
            async with slots.lend():
                assert slots.in_use <= 2
                order.append(number)
                await asyncio.sleep(0.001)

        await asyncio.gather(*(use(number) for number in range(20)))
        assert (slots.in_use, slots.waiting) == (0, 0)
        assert slots.times.wait_s > 0 and slots.times.busy_s > 0
        slots.close()
        return order

    assert asyncio.run(scenario()) == list(range(20))


def test_waiting_for_the_pool_ends() -> None:
    async def scenario() -> None:
        limits = [0]
        slots = pool(1, lambda _: limits[0])
        with pytest.raises(PoolExhausted, match=r"0\.05 s"):
            async with slots.lend():
                raise AssertionError
        assert slots.waiting == 0
        waiting = asyncio.create_task(slots.lend().__aenter__())
        await asyncio.sleep(0)
        assert slots.waiting == 1
        limits[0] = 1
        slots.wake()
        await waiting
        assert (slots.in_use, slots.waiting) == (1, 0)
        (await waiting).close()
        slots.close()

    asyncio.run(scenario())


def test_who_gives_up_leaves_the_pool_whole() -> None:
    async def scenario() -> None:
        slots = pool(1, lambda size: size, wait_s=5)
        async with slots.lend():
            task = asyncio.create_task(slots.lend().__aenter__())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with slots.lend():
            assert slots.in_use == 1
        assert (slots.in_use, slots.waiting) == (0, 0)
        slots.close()

    asyncio.run(scenario())


def answered(*messages: Message) -> list[str]:
    """The order of counting and of the messages that are sent on."""
    order: list[str] = []

    async def send(message: Message) -> None:
        order.append(message["type"].rpartition(".")[2])

    async def scenario() -> None:
        answer = Answer(send, lambda status: order.append(f"counted {status}"))
        for message in messages:
            await answer(message)

    asyncio.run(scenario())
    return order


def test_an_answer_is_counted_before_its_last_byte_goes_out() -> None:
    start: Message = {"type": "http.response.start", "status": 201}
    more: Message = {"type": "http.response.body", "body": b"a", "more_body": True}
    last: Message = {"type": "http.response.body", "body": b"b"}
    assert answered(start, last) == ["counted 201", "start", "body"]
    assert answered(start, more, last) == ["start", "body", "counted 201", "body"]
    assert answered(start) == []


def test_settings() -> None:
    defaults = parse_settings([], {})
    assert (defaults.port, defaults.metrics_port, defaults.fault_port) == (8080, 9090, None)
    url = "http://127.0.0.1:4318"
    assert parse_settings(["--otlp-endpoint", url], {}).otlp_endpoint == url
    off = parse_settings(["--otlp-endpoint", url, "--tracing", "off"], {})
    assert off.otlp_endpoint is None
    own = parse_settings(["--fault-port", "0", "--fault-token-env", "T"], {"T": "long enough"})
    assert own.fault_token == "long enough"
    for arguments, environment in (
        (["--fault-port", "0"], {}),
        (["--fault-port", "0"], {"LOADKIT_FAULT_TOKEN": "short"}),
        (["--tracing", "on"], {}),
    ):
        with pytest.raises(SetupError):
            parse_settings(arguments, environment)
