"""Answers as servers really send them, and as they should not."""

from __future__ import annotations

import gzip
import zlib

import pytest
from client_harness import Client, always, odd, plain, wait_until

pytestmark = pytest.mark.integration

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def pieces(data: bytes) -> list[bytes | float | str]:
    """Every byte a packet of its own."""
    found: list[bytes | float | str] = []
    for n in range(len(data)):
        found += [data[n : n + 1], 0.001]
    return found


@pytest.mark.parametrize(
    ("answer", "status", "body"),
    [
        (plain(b"hello"), 200, b"hello"),
        (plain(b""), 200, b""),
        (CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 200, b"hello world"),
        (CHUNKED + b'5;a=b;c="d"\r\nhello\r\n0;x\r\nT: u\r\nV: w\r\n\r\n', 200, b"hello"),
        (CHUNKED + b"0\r\n\r\n", 200, b""),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + plain(b"x"), 200, b"x"),
        (
            b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n"
            + plain(b"y", "201 Created"),
            201,
            b"y",
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\nETag: x\r\n\r\n", 304, b""),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, b""),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi", 200, b"hi"),
        (b"HTTP/1.1 299 \r\nContent-Length: 2\r\n\r\nhi", 299, b"hi"),
    ],
)
@pytest.mark.parametrize("split", [False, True])
def test_answers_are_read_and_the_connection_kept(
    client: Client, answer: bytes, status: int, body: bytes, split: bool
) -> None:
    with odd(always(*(pieces(answer) if split else [answer]))) as server:
        session = client.session(server.url)
        for found in session.many([("GET", "/", {})] * 2):
            assert (found.status, found.content, found.error) == (status, body, None)
        assert server.connections == 1


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_head_has_no_body_whatever_it_says(client: Client, head: bytes, split: bool) -> None:
    with odd(always(*(pieces(head) if split else [head]))) as server:
        session = client.session(server.url)
        for found in session.many([("HEAD", "/", {})] * 3):
            assert (found.status, found.content, found.error) == (200, b"", None)
        assert b"HEAD / HTTP/1.1\r\n" in server.requests[0]
        kept = b"X: y" not in head
        assert server.connections == (1 if kept else 3)


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n"])
@pytest.mark.parametrize("body", [b"", b"until the end", b"x" * 300_000])
def test_a_body_until_the_connection_closes(client: Client, head: bytes, body: bytes) -> None:
    with odd(always(head + body, 0.01, "close")) as server:
        session = client.session(server.url)
        for found in session.many([("GET", "/", {})] * 2):
            assert (found.status, found.content, found.error) == (200, body, None)
        assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        plain(b"hello", "200 OK", "Connection: close"),
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_a_connection_said_to_be_closed_is_not_used_again(client: Client, answer: bytes) -> None:
    with odd(always(answer)) as server:
        session = client.session(server.url)
        assert [r.content for r in session.many([("GET", "/", {})] * 3)] == [b"hello"] * 3
        assert server.connections == 3


def test_http_1_0_can_be_kept(client: Client) -> None:
    answer = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"
    with odd(always(answer)) as server:
        session = client.session(server.url)
        session.many([("GET", "/", {})] * 3)
        assert server.connections == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"garbage\r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/9 200 OK\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nA: b\x00c\r\n\r\n",
        CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhelloworld\r\n0\r\n\r\n",
        CHUNKED + b"fffffffffffffffff\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: " + b"x" * 300_000,
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 60_000,
        b"HTTP/1.1 100 Continue\r\n\r\n" * 200,
    ],
)
def test_what_is_no_http_is_an_error_of_its_own(client: Client, answer: bytes) -> None:
    with odd(always(answer)) as server:
        session = client.session(server.url, timeout=5.0)
        found = session("GET", "/")
        assert (found.status, found.error, found.content) == (0, "MalformedResponse", None)
        assert found.elapsed < 4
        again = session("GET", "/")  # on a new connection
        assert again.error == "MalformedResponse"
        assert server.connections == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
        CHUNKED + b"5\r\nhello\r\n",
        CHUNKED + b"5\r\nhel",
        CHUNKED,
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HT",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"",
    ],
)
@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_server_that_hangs_up_in_the_middle(client: Client, answer: bytes, end: str) -> None:
    with odd(always(answer, 0.05, end)) as server:
        found = client.session(server.url)("GET", "/")
        wanted = "ConnectionClosed" if end == "close" else "ConnectionResetError"
        assert (found.status, found.error) == (0, wanted)
        assert server.connections == 1  # it was a new one: nothing is sent twice


@pytest.mark.parametrize(
    "extra",
    [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad", b"HTTP/1.1", b"\x00" * 9],
)
def test_bytes_after_the_answer_close_the_connection(client: Client, extra: bytes) -> None:
    with odd(always(plain(b"good") + extra)) as server:
        before = client.counts()["unsolicited"]
        session = client.session(server.url)
        assert [r.content for r in session.many([("GET", "/", {})] * 3)] == [b"good"] * 3
        assert server.connections == 3
        assert client.counts()["unsolicited"] == before + 3


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\n\r\nhello",
    ],
)
def test_a_body_where_none_may_be_is_no_part_of_the_answer(client: Client, answer: bytes) -> None:
    with odd(always(answer)) as server:
        session = client.session(server.url)
        for found in session.many([("GET", "/", {})] * 2):
            assert (found.content, found.error) == (b"", None)
        assert server.connections == 2


def test_bytes_that_nobody_asked_for_close_an_idle_connection(client: Client) -> None:
    script = always(plain(b"good"), 0.05, b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    with odd(script) as server:
        session = client.session(server.url)
        assert session("GET", "/").status == 200
        wait_until(lambda: not server.peers)
        assert session("GET", "/").status == 200
        assert server.connections == 2


@pytest.mark.parametrize(
    ("coding", "body", "content"),
    [
        ("gzip", gzip.compress(b"hello" * 100, mtime=0), b"hello" * 100),
        ("GZIP", gzip.compress(b"a", mtime=0) + gzip.compress(b"b", mtime=0), b"ab"),
        ("deflate", zlib.compress(b"hello"), b"hello"),
        ("deflate", zlib.compress(b"hello")[2:-4], b"hello"),
        ("identity", b"plain", b"plain"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"twice", mtime=0), mtime=0), b"twice"),
        ("x-unknown", b"as it is", b"as it is"),
        ("gzip", b"", b""),
    ],
)
def test_codings_are_undone(client: Client, coding: str, body: bytes, content: bytes) -> None:
    with odd(always(plain(body, "200 OK", f"Content-Encoding: {coding}"))) as server:
        found = client.session(server.url)("GET", "/")
        assert (found.content, found.raw, found.corrupt) == (content, body, None)
        assert b"Accept-Encoding: gzip, deflate" in server.requests[0]


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"not gzip"),
        ("gzip", gzip.compress(b"hello" * 1000, mtime=0)[:-12]),
        ("gzip", gzip.compress(b"hello", mtime=0)[:-8] + b"\x00" * 8),
        ("deflate", b"\xff\xff\xff"),
        ("br", b"\xff\xff\xff\xff"),
    ],
)
def test_a_corrupt_body_is_an_error_when_it_is_read(
    client: Client, coding: str, body: bytes
) -> None:
    with odd(always(plain(body, "200 OK", f"Content-Encoding: {coding}"))) as server:
        found = client.session(server.url)("GET", "/")
        assert (found.status, found.error, found.raw) == (200, None, body)
        assert found.corrupt.startswith("CorruptBody: ")
