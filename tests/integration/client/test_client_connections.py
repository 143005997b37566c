"""Connections: kept, closed, tried again once, and given up in time."""

from __future__ import annotations

import hashlib
import socket
import threading
import time
from typing import Any

import pytest
from client_harness import Client, Step, always, odd, plain, wait_until

pytestmark = pytest.mark.integration


def closing_after(count: int, *, when_asked: bool) -> Any:
    """A server that closes a connection after so many answers: at once, or (the race that a
    client cannot win) only when the next request has come.
    """

    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        if when_asked:
            return ["close"] if turn == count else [plain()]
        return [plain(), "close"] if turn == count - 1 else [plain()]

    return script


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_an_idempotent_request_is_tried_again_once(client: Client, method: str) -> None:
    script = closing_after(2, when_asked=True)
    if method == "HEAD":
        script = always(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n")
    with odd(script) as server:
        before = client.counts()["retried"]
        session = client.session(server.url)
        found = session.many([(method, f"/{n}", {}) for n in range(6)])
        assert [r.status for r in found] == [200] * 6
        if method != "HEAD":
            assert server.connections == 3
            assert client.counts()["retried"] == before + 2
            assert len(server.requests) == 8  # two of them came twice


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_have_had_an_effect_is_not_sent_twice(client: Client, method: str) -> None:
    with odd(closing_after(1, when_asked=True)) as server:
        session = client.session(server.url)
        first, second, third = session.many([(method, "/", {"data": "x"})] * 3)
        assert (first.status, second.error, third.status) == (200, "ConnectionClosed", 200)
        assert len(server.requests) == 3


def test_only_one_more_try(client: Client) -> None:
    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        return [plain()] if (connection, turn) == (0, 0) else ["close"]

    with odd(script) as server:
        first, second = client.session(server.url).many([("GET", "/", {})] * 2)
        assert (first.status, second.error) == (200, "ConnectionClosed")
        assert server.connections == 2
        assert len(server.requests) == 3


def test_a_begun_answer_is_not_asked_for_again(client: Client) -> None:
    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        return [plain()] if turn == 0 else [b"HTTP/1.1 2", 0.02, "close"]

    with odd(script) as server:
        _, second = client.session(server.url).many([("GET", "/", {})] * 2)
        assert second.error == "ConnectionClosed"
        assert server.connections == 1


def test_a_connection_closed_while_idle_is_not_used(client: Client) -> None:
    with odd(closing_after(1, when_asked=False)) as server:
        before = client.counts()["retried"]
        session = client.session(server.url)
        for _ in range(3):
            assert session("POST", "/", data="x").status == 200
            wait_until(lambda: not server.peers)
            time.sleep(0.02)
        assert client.counts()["retried"] == before
        assert server.connections == 3


def test_nothing_listens(client: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = client.session(f"http://127.0.0.1:{port}")("GET", "/")
    assert (found.status, found.error, found.content) == (0, "ConnectionRefusedError", None)
    assert found.headers == []


def test_a_host_without_an_address(client: Client) -> None:
    found = client.session("http://no-such-host.invalid")("GET", "/")
    assert found.error == "NameNotResolved"
    found = client.session("http://x")("GET", "http://" + "a" * 70 + ".invalid/")
    assert found.error == "NameNotResolved"


def test_ipv6(client: Client) -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
        session = client.session(f"http://[::1]:{server.getsockname()[1]}", timeout=0.3)
        found = session("GET", "/")
        peer, _ = server.accept()
        with peer:
            host = f"Host: [::1]:{server.getsockname()[1]}\r\n".encode()
            assert host in peer.recv(1000)
        assert found.error == "ResponseTimeout"


@pytest.mark.parametrize(
    "steps",
    [
        [0.6, plain()],
        [b"HTTP/1.1 200 OK\r\n", 0.6, b"Content-Length: 0\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", *[b"x", 0.08] * 8],
        [b"HTTP/1.1 100 Continue\r\n\r\n", *[b"HTTP/1.1 100 Continue\r\n\r\n", 0.08] * 8],
    ],
)
def test_an_answer_that_takes_too_long(client: Client, steps: list[Step]) -> None:
    with odd(
        lambda request, connection, turn: steps if b"/slow" in request else [plain()]
    ) as server:
        session = client.session(server.url)
        fast, slow, again = session.many(
            [("GET", "/fast", {}), ("GET", "/slow", {"timeout": 0.3}), ("GET", "/fast", {})]
        )
        assert (fast.status, again.status) == (200, 200)
        assert (slow.status, slow.error) == (0, "ResponseTimeout")
        assert 0.3 <= slow.elapsed < 5
        assert server.connections == 2  # what may still come belongs to nobody


def test_timeouts_of_a_session_and_of_a_call(client: Client) -> None:
    with odd(always(0.3, plain())) as server:
        session = client.session(server.url, timeout=0.1)
        short, longer, pair, half = session.many(
            [
                ("GET", "/", {}),
                ("GET", "/", {"timeout": 5}),
                ("GET", "/", {"timeout": {"tuple": [5, 0.1]}}),
                ("GET", "/", {"timeout": {"tuple": [5, None]}}),
            ]
        )
        assert [short.error, longer.error] == ["ResponseTimeout", None]
        assert [pair.error, half.error] == ["ResponseTimeout", "ResponseTimeout"]


def test_connecting_takes_too_long(client: Client) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        fillers = []
        for _ in range(8):  # until the queue of the kernel takes no more
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        time.sleep(0.1)
        session = client.session(f"http://127.0.0.1:{port}", connect_timeout=0.2)
        found = session("GET", "/")
        for filler in fillers:
            filler.close()
    assert (found.status, found.error) == (0, "ConnectTimeout")
    assert 0.2 <= found.elapsed < 1


def test_large_bodies_in_both_directions(client: Client) -> None:
    sent = "x" * 8_000_000
    received = bytes(range(256)) * 40_000

    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        assert request.endswith(b"\r\n\r\n" + sent.encode())
        return [plain(received)]

    with odd(script) as server:
        session = client.session(server.url)
        for found in session.many([("POST", "/", {"data": {"times": ["x", len(sent)]}})] * 2):
            assert (found.status, found.error) == (200, None)
            assert found.content == hashlib.sha256(received).digest()
        assert server.connections == 1


def test_an_answer_before_the_body_was_read(client: Client) -> None:
    """413 while the client still sends, then the connection is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        port = server.getsockname()[1]

        def refuse() -> None:
            peer, _ = server.accept()
            with peer:
                peer.recv(1000)
                peer.sendall(plain(b"too large", "413 Content Too Large", "Connection: close"))
                time.sleep(0.3)

        thread = threading.Thread(target=refuse)
        thread.start()
        found = client.session(f"http://127.0.0.1:{port}")(
            "POST", "/", data={"times": ["x", 30_000_000]}
        )
        thread.join()
    assert (found.status, found.content) == (413, b"too large")


def test_a_session_that_is_gone_leaves_no_connection(client: Client) -> None:
    with odd(always(plain())) as server:
        session = client.session(server.url)
        session("GET", "/")
        assert len(server.peers) == 1
        session.drop()
        wait_until(lambda: not server.peers)


def test_targets_of_other_origins_have_connections_of_their_own(client: Client) -> None:
    with odd(always(plain(b"a"))) as one, odd(always(plain(b"b"))) as other:
        session = client.session(one.url)
        calls: list[tuple[str, str, dict[str, Any]]] = [
            ("GET", "/", {}),
            ("GET", f"{other.url}/x", {}),
        ]
        assert [r.content for r in session.many(calls * 3)] == [b"a", b"b"] * 3
        assert (one.connections, other.connections) == (1, 1)
        assert f"Host: 127.0.0.1:{other.port}".encode() in other.requests[0]
