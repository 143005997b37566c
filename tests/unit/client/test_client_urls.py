"""URLs, and what is prepared from them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.load.client import auth, urls
from loadkit.load.client.errors import InvalidHeader, InvalidUrl
from loadkit.load.client.origin import Origin
from loadkit.load.client.prepared import Lines, Prepared, merged


@pytest.mark.parametrize(
    ("url", "origin", "host", "target"),
    [
        ("http://a", ("http", "a", 80), "a", "/"),
        ("HTTP://A:80/x", ("http", "a", 80), "a", "/x"),
        ("https://a:443/x?y=z#f", ("https", "a", 443), "a", "/x?y=z"),
        ("https://a:80/", ("https", "a", 80), "a:80", "/"),
        ("http://[::1]:8080/x", ("http", "::1", 8080), "[::1]:8080", "/x"),
        ("http://a/ä b?c=d e&f=ü", ("http", "a", 80), "a", "/%C3%A4%20b?c=d%20e&f=%C3%BC"),
        ("http://a/100%?x=%41%zz", ("http", "a", 80), "a", "/100%25?x=%41%25zz"),
        ("http://a/b/../c/./d", ("http", "a", 80), "a", "/c/d"),
        ("http://a/../../b/..", ("http", "a", 80), "a", "/"),
        ("http://a//b/.c", ("http", "a", 80), "a", "//b/.c"),
        ("http://bücher.example/", ("http", "xn--bcher-kva.example", 80), None, "/"),
        ("http://a?x", ("http", "a", 80), "a", "/?x"),
    ],
)
def test_parse(url: str, origin: tuple[str, str, int], host: str | None, target: str) -> None:
    found = urls.parse(url)
    assert found.origin == Origin(*origin)
    assert found.host == (host or origin[1])
    assert found.target == target
    assert urls.parse(found.text) == found._replace(userinfo=None)


def test_credentials_are_taken_out() -> None:
    found = urls.parse("http://us%40er:p%3Aw@a/x")
    assert found.userinfo == ("us@er", "p:w")
    assert found.text == "http://a/x"


@pytest.mark.parametrize(
    "url",
    [
        *("", "a", "/x", "ftp://a", "http://", "http:///x", "http://a:x/", "http://a:70000/"),
        *("http://a b/", "http://[::1", "http://" + "ü" * 80),
    ],
)
def test_what_cannot_be_requested(url: str) -> None:
    with pytest.raises(InvalidUrl):
        urls.parse(url)


def test_absolute() -> None:
    assert urls.absolute("http://a/base", "/x") == "http://a/base/x"
    assert urls.absolute("http://a/", "/x") == "http://a/x"
    assert urls.absolute("http://a/", "x") == "http://a/x"
    assert urls.absolute("http://a", "HTTPS://b/x") == "HTTPS://b/x"
    assert urls.absolute("http://a", "/x?to=http://b") == "http://a/x?to=http://b"


@pytest.mark.parametrize(
    ("params", "url"),
    [
        ({"a": 1, "b": [2, "x y"], "c": None}, "http://h/p?q=0&a=1&b=2&b=x+y"),
        ([("a", "1"), ("a", "2")], "http://h/p?q=0&a=1&a=2"),
        ("raw=1", "http://h/p?q=0&raw=1"),
        ({}, "http://h/p?q=0"),
        ({"ä": "&"}, "http://h/p?q=0&%C3%A4=%26"),
    ],
)
def test_with_params(params: Any, url: str) -> None:
    assert urls.with_params("http://h/p?q=0", params) == url


def prepared(method: str = "GET", **headers: Any) -> Prepared:
    return Prepared(method, urls.parse("http://a/x"), Lines(merged(headers)))


def test_a_request_but_for_what_changes() -> None:
    found = prepared("POST", Accept="*/*", X="ü")
    assert found.start == "POST /x HTTP/1.1\r\nHost: a\r\nAccept: */*\r\nX: ü\r\n".encode("latin-1")
    assert found.tail == b"Content-Length: 0\r\n\r\n"
    assert (found.bare, found.idempotent, found.foreign) == (False, False, None)
    head = prepared("HEAD")
    assert (head.tail, head.bare, head.idempotent) == (b"\r\n", True, True)
    assert b"Host: b\r\n" in prepared(Host="b").start
    assert prepared(Host="b").start.count(b"Host") == 1


def test_trace_ids_of_the_caller() -> None:
    trace = "ab" * 16
    assert prepared(traceparent=f"00-{trace}-{'cd' * 8}-01").foreign == trace
    assert prepared(TraceParent="nonsense").foreign == ""


def test_later_layers_of_headers_win_and_none_takes_away() -> None:
    found = merged({"A": "1", "B": "2"}, None, [("a", "3")], {b"C": b"4", "b": None, "D": 5})
    assert found == {"a": ("a", "3"), "c": ("C", "4"), "d": ("D", "5")}
    assert merged({"Content-Length": "9"}) == {}


@pytest.mark.parametrize(
    "headers",
    [
        {"a b": "c"},
        {"": "c"},
        {"a": "b\r\nc: d"},
        {"a": "b\nc"},
        {"a": "\x00"},
        {"ä": "b"},
        {"Transfer-Encoding": "chunked"},
    ],
)
def test_headers_that_would_break_a_request(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidHeader):
        merged(headers)


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "ä"])
def test_methods_that_would_break_it(method: str) -> None:
    with pytest.raises(InvalidHeader):
        prepared(method)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_header_adds_a_line(name: str, value: str) -> None:
    try:
        found = Prepared("GET", urls.parse("http://a/"), Lines(merged({name: value})))
    except InvalidHeader:
        return
    lines = found.start.split(b"\r\n")
    assert len(lines) in (3, 4) and b"\n" not in b"".join(lines)


@given(
    st.sampled_from(
        ["http://a", "https://a:8443/base", "http://a/", "http://[::1]:80/b%20c", "http://a/?x"]
    ),
    st.one_of(
        st.text(max_size=12).map(lambda text: "/" + text),
        st.text("/.a%2B?[]#;=&", max_size=12).map(lambda text: "/" + text),
    ),
)
def test_the_quick_way_leads_to_the_same_url(base: str, path: str) -> None:
    found = urls.Below(base).parse(path)
    assert found is None or found == urls.parse(urls.absolute(base, path))
    assert urls.Below("http://a").parse("/items/7?page=2&q=a%20b") is not None


@given(st.text(max_size=30))
def test_no_target_breaks_the_request_line(path: str) -> None:
    target = urls.parse("http://a/" + path).target
    assert target.isascii() and not set(target) & set(" \r\n\t\x00")


def test_credentials() -> None:
    assert auth.headers_for(("u", "p"), "GET", "") == {"Authorization": "Basic dTpw"}
    assert auth.headers_for("t", "GET", "") == {"Authorization": "Bearer t"}
    assert auth.basic("ü", b"p") == "Basic w7w6cA=="

    def sets(request: Any) -> None:
        request.headers["X"] = request.method + request.url

    assert auth.headers_for(sets, "GET", "/u") == {"X": "GET/u"}
    with pytest.raises(TypeError, match="auth="):
        auth.headers_for(7, "GET", "")
