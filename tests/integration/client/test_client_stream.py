"""Bodies that are read while they come."""

from __future__ import annotations

import gzip

import pytest
from client_harness import Client, Step, always, odd, plain, wait_until

pytestmark = pytest.mark.integration

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def test_the_call_returns_at_the_head_and_the_connection_is_kept(client: Client) -> None:
    steps: list[Step] = [HEAD, 0.6, chunk(b"one"), 0.05, chunk(b"two") + b"0\r\n\r\n"]
    with odd(always(*steps)) as server:
        session = client.session(server.url)
        for found in session.many([("GET", "/", {"stream": True})] * 3):
            assert (found.status, found.content) == (200, b"onetwo")
            assert found.elapsed < 0.6
        assert server.connections == 1


def test_an_answer_in_one_piece(client: Client) -> None:
    with odd(always(plain(b"all"))) as server:
        session = client.session(server.url)
        for found in session.many([("POST", "/", {"stream": True, "data": "x"})] * 3):
            assert found.content == b"all"
        assert server.connections == 1


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([HEAD + chunk(b"one"), 0.05, "close"], "ConnectionClosed"),
        ([HEAD + chunk(b"one"), 0.05, "reset"], "ConnectionResetError"),
        ([HEAD + chunk(b"one"), 0.05, b"zz\r\n"], "MalformedResponse"),
        ([HEAD + chunk(b"one"), 0.6, b"0\r\n\r\n"], "ResponseTimeout"),
    ],
)
def test_a_stream_that_breaks_off(client: Client, steps: list[Step], kind: str) -> None:
    with odd(
        lambda request, connection, turn: steps if b"/bad" in request else [plain()]
    ) as server:
        session = client.session(server.url, timeout=0.3)
        bad, good = session.many([("GET", "/bad", {"stream": True}), ("GET", "/", {})])
        assert (bad.status, bad.error, bad.content) == (200, None, None)
        assert bad.corrupt.startswith(f"{kind}: ")
        assert good.status == 200 and server.connections == 2


def test_the_limit_of_time_is_for_each_piece(client: Client) -> None:
    drip: list[Step] = [0.1, chunk(b"x")]
    with odd(always(HEAD, *drip * 6, b"0\r\n\r\n")) as server:
        found = client.session(server.url, timeout=0.3)("GET", "/", stream=True)
        assert found.content == b"x" * 6


def test_until_the_connection_closes_and_compressed(client: Client) -> None:
    packed = gzip.compress(b"hello" * 50, mtime=0)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n"
    with odd(always(head + packed[:9], 0.05, packed[9:], "close")) as server:
        found = client.session(server.url)("GET", "/", stream=True)
        assert found.content == b"hello" * 50


def test_a_redirect_is_followed_to_the_stream(client: Client) -> None:
    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        if b"/start" in request:
            return [HEAD.replace(b"200 OK", b"302 Found\r\nLocation: /end"), 0.05, b"0\r\n\r\n"]
        return [HEAD, 0.05, chunk(b"there") + b"0\r\n\r\n"]

    with odd(script) as server:
        found = client.session(server.url)("GET", "/start", stream=True)
        assert found.content == b"there" and [status for status, _ in found.history] == [302]
        assert server.connections == 1


def test_a_stream_nobody_reads_is_closed(client: Client) -> None:
    """Its response is dropped unread; the next request has a connection of its own."""
    with odd(always(HEAD + chunk(b"x" * 1000), 0.2, b"0\r\n\r\n")) as server:
        session = client.session(server.url)
        session.many([("GET", "/", {"stream": True, "drop": True})] * 2)
        assert server.connections == 2
        session.drop()
        wait_until(lambda: not server.peers)
