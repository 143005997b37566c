"""Redirects and cookies."""

from __future__ import annotations

import time

import pytest
from client_harness import Client, Script, Step, always, odd, plain

pytestmark = pytest.mark.integration


def to(location: str, status: int = 302, *headers: str) -> bytes:
    return plain(b"moved", f"{status} Moved", f"Location: {location}", *headers)


def once(location: str, status: int) -> Script:
    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        return [to(location, status) if b" /start " in request else plain(b"there")]

    return script


@pytest.mark.parametrize(
    ("status", "method", "second", "kept"),
    [
        (301, "GET", "GET", True),
        (301, "POST", "GET", False),
        (302, "POST", "GET", False),
        (302, "PUT", "PUT", True),
        (303, "POST", "GET", False),
        (303, "PUT", "GET", False),
        (303, "HEAD", "HEAD", True),
        (307, "POST", "POST", True),
        (308, "POST", "POST", True),
        (308, "DELETE", "DELETE", True),
    ],
)
def test_method_and_body_along_the_way(
    client: Client, status: int, method: str, second: str, kept: bool
) -> None:
    with odd(once("/end?x=1", status)) as server:
        body = {"json": {"a": 1}} if method in ("POST", "PUT") else {}
        found = client.session(server.url)(method, "/start", **body)
        if method == "HEAD":  # the script's answers carry bodies; only where they lead counts
            return
        assert (found.status, found.content) == (200, b"there")
        assert found.url == f"{server.url}/end?x=1"
        assert found.history == [[status, f"{server.url}/start"]]
        assert server.requests[1].startswith(f"{second} /end?x=1 HTTP/1.1\r\n".encode())
        with_body = bool(body) and kept
        assert server.requests[1].endswith(b'{"a":1}' if with_body else b"\r\n\r\n")
        assert (b"Content-Type: application/json" in server.requests[1]) == with_body


@pytest.mark.parametrize("location", ["end", "/end", "//127.0.0.1:{port}/end", "{url}/end", "?q=1"])
def test_locations(client: Client, location: str) -> None:
    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        there = location.format(port=server.port, url=server.url)
        return [to(there) if b" /start " in request else plain(b"there")]

    with odd(script) as server:
        assert client.session(server.url)("GET", "/start").content == b"there"


def test_not_followed_when_told_so(client: Client) -> None:
    with odd(once("/end", 302)) as server:
        found = client.session(server.url)("GET", "/start", allow_redirects=False)
        assert (found.status, found.header("Location"), found.history) == (302, ["/end"], [])
        assert len(server.requests) == 1


def test_a_loop_ends_with_an_error_of_its_own(client: Client) -> None:
    with odd(always(to("/again"))) as server:
        found = client.session(server.url, max_redirects=5)("GET", "/start")
        assert (found.status, found.error) == (0, "TooManyRedirects")
        assert len(server.requests) == 6


@pytest.mark.parametrize("location", ["ftp://x/y", "http://a:99999/", "mailto:a@b"])
def test_a_location_that_leads_nowhere(client: Client, location: str) -> None:
    with odd(always(to(location))) as server:
        assert client.session(server.url)("GET", "/").error == "InvalidRedirect"


def test_a_redirect_without_location_is_an_answer(client: Client) -> None:
    with odd(always(plain(b"x", "302 Found"))) as server:
        assert client.session(server.url)("GET", "/").status == 302


def test_credentials_stay_with_their_origin(client: Client) -> None:
    with odd(always(plain())) as other, odd(always(to(f"{other.url}/x"))) as server:
        session = client.session(server.url)
        found = session("GET", "/", auth={"tuple": ["user", "secret"]}, headers={"X-Own": "1"})
        assert found.status == 200
        assert b"Authorization: Basic dXNlcjpzZWNyZXQ=\r\n" in server.requests[0]
        assert b"Authorization" not in other.requests[0]
        assert b"X-Own: 1\r\n" in other.requests[0]
        assert f"Host: 127.0.0.1:{other.port}\r\n".encode() in other.requests[0]


def test_cookies_set_on_the_way_are_sent_at_the_end(client: Client) -> None:
    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        if b" /start " in request:
            return [to("/end", 302, "Set-Cookie: session=abc; Path=/")]
        return [plain(b"there", "200 OK", "Set-Cookie: more=1; Path=/deep")]

    with odd(script) as server:
        session = client.session(server.url)
        assert session("GET", "/start").cookies == {"session": "abc", "more": "1"}
        assert b"Cookie: session=abc\r\n" in server.requests[1]
        session("GET", "/deep/x")
        cookie = next(line for line in server.requests[2].split(b"\r\n") if b"Cookie" in line)
        assert sorted(cookie.removeprefix(b"Cookie: ").split(b"; ")) == [b"more=1", b"session=abc"]


def cookie_of(request: bytes) -> bytes | None:
    lines = [line for line in request.split(b"\r\n") if line.lower().startswith(b"cookie:")]
    assert len(lines) <= 1
    return lines[0].partition(b": ")[2] if lines else None


@pytest.mark.parametrize(
    ("attributes", "path", "sent"),
    [
        ("", "/", True),
        ("Path=/a", "/a/b", True),
        ("Path=/a", "/b", False),
        ("Domain=elsewhere.example", "/", False),
        ("Secure", "/", False),
        ("Max-Age=0", "/", False),
        ("Max-Age=100", "/", True),
        ("Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/", False),
        ("HttpOnly; SameSite=Lax", "/", True),
    ],
)
def test_what_a_cookie_says_of_itself(
    client: Client, attributes: str, path: str, sent: bool
) -> None:
    with odd(always(plain(b"", "200 OK", f"Set-Cookie: a=b; {attributes}"))) as server:
        session = client.session(server.url)
        session.many([("GET", "/", {}), ("GET", path, {})])
        assert cookie_of(server.requests[1]) == (b"a=b" if sent else None)


def test_a_cookie_ends_when_it_expires(client: Client) -> None:
    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        return [plain(b"", "200 OK", *(["Set-Cookie: a=b; Max-Age=1"] if turn == 0 else []))]

    with odd(script) as server:
        session = client.session(server.url)
        session.many([("GET", "/", {})] * 2)
        time.sleep(1.6)
        session("GET", "/")
        assert [cookie_of(r) for r in server.requests] == [None, b"a=b", None]


def test_cookies_of_one_call_and_changed_ones(client: Client) -> None:
    def script(request: bytes, connection: int, turn: int) -> list[Step]:
        return [plain(b"", "200 OK", f"Set-Cookie: n={turn // 2}")]

    with odd(script) as server:
        session = client.session(server.url)
        session.many([("GET", "/", {"cookies": {"own": "1"}})] + [("GET", "/", {})] * 3)
        cookies = [cookie_of(r) for r in server.requests]
        assert cookies == [b"own=1", b"n=0", b"n=0", b"n=1"]
        session("GET", "/", headers={"Cookie": "mine=2"})
        assert cookie_of(server.requests[4]) == b"mine=2"
