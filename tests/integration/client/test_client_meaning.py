"""The same calls through httpx and through ours mean the same to a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import httpx
import pytest
from client_harness import Client, Odd, always, b64, odd, plain
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.integration

_OURS_TO_CHOOSE = {"user-agent", "accept", "accept-encoding", "connection", "traceparent"}

_text = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=8)
_word = st.text("abcdefgh", min_size=1, max_size=6)
_scalar = st.one_of(_text, st.integers(-(10**9), 10**9))
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), _text).filter(
        lambda value: value not in (float("inf"), float("-inf"))
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_text, inner, max_size=3)),
    max_leaves=8,
)
_visible = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
_path = st.lists(
    st.text(
        st.characters(codec="utf-8", exclude_characters="\x00?#\r\n\t\\", exclude_categories=["C"])
    )
    .filter(lambda part: part not in (".", ".."))
    .filter(lambda part: "%" not in part and part == part.strip()),
    min_size=1,
    max_size=3,
).map(lambda parts: "/" + "/".join(parts))


@pytest.fixture(scope="module")
def echo() -> Iterator[Odd]:
    with odd(always(plain())) as server:
        yield server


@pytest.fixture(scope="module")
def other() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False) as found:
        yield found


def meaning(request: bytes) -> dict[str, Any]:
    """What a request says, whatever its spelling."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    method, target, version = lines[0].split(b" ")
    path, _, query = target.partition(b"?")
    headers: dict[str, Any] = {}
    for line in lines[1:]:
        name, _, value = line.partition(b":")
        key = name.decode().lower()
        assert key not in headers
        if key not in _OURS_TO_CHOOSE:
            headers[key] = value.strip().decode("latin-1")
    if "cookie" in headers:
        headers["cookie"] = sorted(headers["cookie"].split("; "))
    kind = headers.get("content-type", "")
    content: Any = body
    if kind.startswith("application/json"):
        content = json.loads(body)
        del headers["content-length"]
    elif kind.startswith("application/x-www-form-urlencoded"):
        content = parse_qsl(body.decode(), keep_blank_values=True)
        del headers["content-length"]
    elif kind.startswith("multipart/form-data"):
        content = parts_of(kind, body)
        del headers["content-length"], headers["content-type"]
    return {
        "method": method,
        "version": version,
        "path": unquote_to_bytes(path),
        "query": parse_qsl(query.decode(), keep_blank_values=True),
        "headers": headers,
        "content": content,
    }


def parts_of(kind: str, body: bytes) -> list[Any]:
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body
    )
    return [
        (
            part.get_param("name", header="content-disposition"),
            part.get_filename(),
            part.get_content_type(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    ]


def same(
    echo: Odd, other: httpx.Client, client: Client, method: str, path: str, **kwargs: Any
) -> None:
    """Sends it both ways and compares."""
    del echo.requests[:]
    theirs = dict(kwargs)
    cookies = theirs.pop("cookies", None)
    if cookies:
        other.cookies.update(cookies)
    content = theirs.get("data")
    if isinstance(content, str):
        theirs["content"] = theirs.pop("data")
    other.request(method, echo.url + path, **theirs)
    other.cookies.clear()
    ours = dict(kwargs)
    if "auth" in ours:
        ours["auth"] = {"tuple": list(ours["auth"])}
    if "files" in ours:
        ours["files"] = {
            key: {"tuple": [name, b64(content), *more]}
            for key, (name, content, *more) in ours["files"].items()
        }
    found = client.session(echo.url)(method, path, **ours)
    assert found.status == 200, found
    first, second = echo.requests
    assert meaning(second) == meaning(first)


@settings(max_examples=60, deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    path=_path,
    params=st.none() | st.dictionaries(_text, _scalar | st.lists(_scalar, max_size=3), max_size=3),
    headers=st.dictionaries(_word.map(lambda w: f"X-{w}"), _visible, max_size=3),
)
def test_paths_parameters_and_headers(
    echo: Odd,
    other: httpx.Client,
    client: Client,
    method: str,
    path: str,
    params: Any,
    headers: dict[str, str],
) -> None:
    more = {"params": params} if params else {}
    same(echo, other, client, method, path, headers=headers, **more)


@settings(max_examples=40, deadline=None)
@given(value=_json)
def test_json_bodies(echo: Odd, other: httpx.Client, client: Client, value: Any) -> None:
    if value is not None:
        same(echo, other, client, "POST", "/", json=value)


@settings(max_examples=40, deadline=None)
@given(
    fields=st.dictionaries(_text, _scalar | st.lists(_scalar, max_size=3), min_size=1, max_size=4)
)
def test_forms(echo: Odd, other: httpx.Client, client: Client, fields: dict[str, Any]) -> None:
    same(echo, other, client, "POST", "/form", data=fields)


@settings(max_examples=30, deadline=None)
@given(text=_text.filter(bool))
def test_texts(echo: Odd, other: httpx.Client, client: Client, text: str) -> None:
    same(echo, other, client, "PUT", "/text", data=text)


@settings(max_examples=30, deadline=None)
@given(
    fields=st.dictionaries(_word, _text, max_size=3),
    files=st.dictionaries(
        _word,
        st.tuples(_word.map(lambda w: f"{w}.bin"), st.binary(max_size=50), st.just("image/png")),
        min_size=1,
        max_size=2,
    ),
)
def test_files(
    echo: Odd, other: httpx.Client, client: Client, fields: dict[str, str], files: dict[str, Any]
) -> None:
    same(echo, other, client, "POST", "/files", data=fields, files=files)


@settings(max_examples=30, deadline=None)
@given(
    user=_visible.filter(lambda text: ":" not in text),
    password=_text,
    cookies=st.dictionaries(_word, _word, max_size=3),
)
def test_credentials_and_cookies(
    echo: Odd, other: httpx.Client, client: Client, user: str, password: str, cookies: Any
) -> None:
    more = {"cookies": cookies} if cookies else {}
    same(echo, other, client, "GET", "/", auth=(user, password), **more)


@pytest.mark.parametrize(
    ("method", "length"), [("POST", "0"), ("PUT", "0"), ("PATCH", "0"), ("GET", None)]
)
def test_no_body(
    echo: Odd, other: httpx.Client, client: Client, method: str, length: str | None
) -> None:
    same(echo, other, client, method, "/")
    assert meaning(echo.requests[0])["headers"].get("content-length") == length
