"""The reader alone: however the bytes are cut, the answer is the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.load.client.errors import ConnectionClosed, MalformedResponse
from loadkit.load.client.reading import Reader


class Recording(Reader):
    """Keeps what it is told."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []

    def _done(self) -> None:
        self.heard.append((self.status, b"".join(self.body), self.usable))

    def _pause(self) -> None:
        self.heard.append("pause")

    def _fail(self, error: OSError) -> None:
        self.heard.append(type(error))

    def close(self) -> None:
        self.heard.append("closed")

    def read(self, *pieces: bytes, bare: bool = False, streaming: bool = False) -> list[Any]:
        self._expect(bare, streaming)
        for piece in pieces:
            self._take(piece)
        return self.heard


CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n1\r\n!\r\n0\r\nT: u\r\n\r\n"
)
SIZED = b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nhello"
EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (CHUNKED, (200, b"hello!", True)),
        (SIZED, (404, b"hello", True)),
        (EARLY + EARLY + SIZED, (404, b"hello", True)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", (200, b"ok", False)),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", (304, b"", True)),
    ],
)
def test_at_every_cut(answer: bytes, told: tuple[int, bytes, bool]) -> None:
    for at in range(1, len(answer)):
        reader = Recording()
        assert reader.read(answer[:at], answer[at:]) == [told]
        assert reader.head.startswith(b"HTTP/1.") and b"103" not in reader.head
    assert Recording().read(*(bytes([byte]) for byte in answer)) == [told]


@given(st.lists(st.sampled_from([CHUNKED, SIZED, EARLY + SIZED]), min_size=2, max_size=4))
def test_one_after_the_other(answers: list[bytes]) -> None:
    reader = Recording()
    for answer in answers:
        reader.read(answer)
    assert [told[:2] for told in reader.heard] == [
        (200, b"hello!") if answer == CHUNKED else (404, b"hello") for answer in answers
    ]


def test_an_upgrade_ends_it() -> None:
    reader = Recording()
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n\x00\x01"
    assert reader.read(head) == [(101, b"", False)]


def test_an_upgrade_that_is_only_offered_changes_nothing() -> None:
    head = b"HTTP/1.1 200 OK\r\nUpgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\nok"
    assert Recording().read(head) == [(200, b"ok", True)]


def test_the_end_of_the_bytes() -> None:
    for answer, told in [
        (b"HTTP/1.1 200 OK\r\n\r\nopen", (200, b"open", False)),
        (SIZED[:-1], ConnectionClosed),
        (CHUNKED[:-1], ConnectionClosed),
        (b"HTTP/1.1 200 O", ConnectionClosed),
    ]:
        reader = Recording()
        reader.read(answer)
        reader._hung_up()
        assert reader.heard == [told]
    idle = Recording()
    idle._hung_up()
    idle._take(b"late")
    assert idle.heard == ["closed", "closed"] and idle.unsolicited


def test_streaming_says_when_a_piece_is_there() -> None:
    reader = Recording()
    reader.read(CHUNKED[:40], CHUNKED[40:60], CHUNKED[60:], streaming=True)
    assert reader.heard == ["pause", (200, b"hello!", True)]


def test_the_head_of_head_is_all() -> None:
    reader = Recording()
    reader.read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", bare=True)
    reader.read(SIZED)
    assert reader.heard == [(200, b"", True), (404, b"hello", True)]


def test_limits() -> None:
    reader = Recording()
    reader.read(b"HTTP/1.1 200 OK\r\n", *[b"A: " + b"x" * 50_000 + b"\r\n"] * 6)
    assert reader.heard[0] is MalformedResponse
    reader = Recording()
    reader.read(EARLY * 101)
    assert reader.heard == [MalformedResponse]
