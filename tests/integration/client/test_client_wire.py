"""Generated answers: valid ones are read as h11 reads them, broken ones never hang the client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h11
import pytest
from client_harness import Client, Odd, Step, always, odd, plain
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.integration

_KNOWN = {"MalformedResponse", "ConnectionClosed", "ConnectionResetError", None}

_name = st.text("abcXYZ09-_", min_size=1, max_size=8).map(lambda name: f"X-{name}")
_value = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip)
_extension = st.sampled_from([b"", b";a", b";a=b", b' ; q="x y"'][:3])


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """A valid answer to GET, from the status line to its last byte."""
    interim = draw(st.lists(st.sampled_from([100, 102, 103]), max_size=2))
    status = draw(st.sampled_from([200, 201, 206, 299, 400, 404, 500, 503, 204, 304]))
    reason = draw(st.sampled_from(["OK", "", "Not Found", "No, really: no"]))
    headers = draw(st.lists(st.tuples(_name, _value), max_size=4))
    body = draw(st.binary(max_size=200))
    framing = draw(st.sampled_from(["length", "chunked", "close"]))
    out = b"".join(b"HTTP/1.1 %d Wait\r\nX-I: j\r\n\r\n" % code for code in interim)
    lines = [f"HTTP/1.1 {status} {reason}", *(f"{name}: {value}" for name, value in headers)]
    if status in (204, 304):
        return out + "\r\n".join([*lines, "", ""]).encode()
    if framing == "length":
        return out + "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body
    if framing == "close":
        return out + "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body
    out += "\r\n".join([*lines, "Transfer-Encoding: chunked", "", ""]).encode()
    while body:
        size = draw(st.integers(1, len(body)))
        out += b"%x%b\r\n%b\r\n" % (size, draw(_extension), body[:size])
        body = body[size:]
    trailers = draw(st.lists(st.tuples(_name, _value), max_size=2))
    out += b"0\r\n" + b"".join(f"{n}: {v}\r\n".encode() for n, v in trailers) + b"\r\n"
    return out


def read_by_h11(data: bytes) -> tuple[int, str, list[tuple[str, str]], bytes]:
    peer = h11.Connection(h11.CLIENT)
    peer.send(h11.Request(method="GET", target="/", headers=[("Host", "x")]))
    peer.send(h11.EndOfMessage())
    peer.receive_data(data)
    status, reason, headers, body = 0, "", [], b""
    ended = False
    while True:
        event: Any = peer.next_event()
        if event is h11.NEED_DATA:
            assert not ended
            peer.receive_data(b"")
            ended = True
        elif isinstance(event, h11.Response):
            status, reason = event.status_code, event.reason.decode()
            headers = [(n.decode(), v.decode()) for n, v in event.headers]
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return status, reason, headers, body


@pytest.fixture(scope="module")
def server() -> Iterator[Odd]:
    with odd(always(plain())) as found:
        yield found


def cut(data: bytes, places: list[int]) -> list[Step]:
    steps: list[Step] = []
    marks = sorted({place % (len(data) + 1) for place in places})
    for start, end in zip([0, *marks], [*marks, len(data)], strict=True):
        if start < end:
            steps += [data[start:end], 0.0005]
    return steps


@settings(max_examples=150, deadline=None)
@given(answer=answers(), places=st.lists(st.integers(0, 10_000), max_size=5))
def test_valid_answers_are_read_as_h11_reads_them(
    server: Odd, client: Client, answer: bytes, places: list[int]
) -> None:
    status, reason, headers, body = read_by_h11(answer)
    steps = cut(answer, places)
    ends = b"Connection: close" in answer
    server.script = always(*steps, *(["close"] if ends else []))
    before = server.connections
    session = client.session(server.url)
    for found in session.many([("GET", "/", {})] * (1 if ends else 2)):
        assert (found.status, found.error, found.content) == (status, None, body)
        assert found.reason == reason
        assert [(n.lower(), v) for n, v in found.headers] == headers
    assert server.connections == before + 1  # kept wherever it may be
    session.drop()


@settings(max_examples=200, deadline=None)
@given(
    answer=answers(),
    changes=st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(0, 3), st.binary(max_size=3)),
        min_size=1,
        max_size=4,
    ),
)
def test_broken_answers_never_hang(
    server: Odd, client: Client, answer: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    broken = answer
    for place, gone, new in changes:
        at = place % (len(broken) + 1)
        broken = broken[:at] + new + broken[at + gone :]
    server.script = always(*([broken] if broken else []), "close")
    session = client.session(server.url, timeout=5.0)
    found = session("GET", "/")
    assert found.error in _KNOWN, found
    assert (found.status == 0) == (found.error is not None)
    assert found.elapsed < 4
    server.script = always(plain(b"well"))
    assert session("GET", "/").content == b"well"  # nothing of it is left over
    session.drop()
