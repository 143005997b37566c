"""Bodies in both directions, and headers of answers."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.load.client import bodies
from loadkit.load.client.decoding import decoded
from loadkit.load.client.errors import CorruptBody
from loadkit.load.client.framing import ends_at_close
from loadkit.load.client.headers import DefaultHeaders, Headers
from loadkit.load.client.stream import decoded_pieces


@given(
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_what_the_standard_library_makes_of_it(value: Any) -> None:
    text = bodies.encode_json(value)
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert json.loads(text) == value


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], {1, 2}, object(), {(1, 2): 3}])
def test_what_is_no_json(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        bodies.encode_json(value)


@pytest.mark.parametrize(
    ("data", "body", "kind"),
    [
        (b"raw", b"raw", None),
        (bytearray(b"raw"), b"raw", None),
        ("ü", "ü".encode(), None),
        ({"a": "x y", "b": [1, 2], "c": None}, b"a=x+y&b=1&b=2", bodies.FORM),
        ([("a", "1"), ("a", "2")], b"a=1&a=2", bodies.FORM),
        (io.BytesIO(b"file"), b"file", None),
        (io.StringIO("text"), b"text", None),
        (iter([b"a", "b"]), b"ab", None),
    ],
)
def test_data(data: Any, body: bytes, kind: str | None) -> None:
    assert bodies.encode_data(data, None) == (body, kind)


@pytest.mark.parametrize("data", [5, [1, 2], object()])
def test_data_that_cannot_be_sent(data: Any) -> None:
    with pytest.raises(TypeError):
        bodies.encode_data(data, None)


def test_files(tmp_path: Any) -> None:
    path = tmp_path / "pic.png"
    path.write_bytes(b"\x89PNG")
    with path.open("rb") as file:
        body, kind = bodies.encode_data({"n": [1, 2], "none": None}, {"f": file, "g": b"plain"})
    assert kind is not None and kind.startswith("multipart/form-data; boundary=")
    assert b'name="f"; filename="pic.png"' in body and b"\x89PNG" in body
    assert b'name="g"; filename="g"' in body
    assert body.count(b'name="n"') == 2 and b"none" not in body
    with_headers = bodies.encode_data(None, [("f", ("a.txt", "x", "text/plain", {"X-A": "b"}))])[0]
    assert b"Content-Type: text/plain" in with_headers and b"X-A: b" in with_headers


@given(st.binary(max_size=500), st.sampled_from(["gzip", "deflate", "x-gzip"]))
def test_decoding_is_the_inverse(body: bytes, coding: str) -> None:
    packed = zlib.compress(body) if coding == "deflate" else gzip.compress(body)
    assert decoded(packed, coding) == body


@given(st.binary(max_size=200), st.sampled_from(["gzip", "deflate", "br"]))
def test_anything_decodes_or_is_corrupt(body: bytes, coding: str) -> None:
    try:
        decoded(body, coding)
    except CorruptBody as error:
        assert str(error)


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
def test_a_bomb_is_refused(pack: Any) -> None:
    bomb = pack(b"\x00" * 3_000_000)
    coding = "gzip" if pack is gzip.compress else "deflate"
    assert len(decoded(bomb, coding, 3_000_000)) == 3_000_000
    with pytest.raises(CorruptBody, match="larger than 2999999 bytes"):
        decoded(bomb, coding, 2_999_999)


def test_brotli() -> None:
    brotli = pytest.importorskip("brotli")
    packed = brotli.compress(b"hello" * 1000)
    assert decoded(packed, "br") == b"hello" * 1000
    with pytest.raises(CorruptBody, match="cut short"):
        decoded(packed[:-3], "br")
    with pytest.raises(CorruptBody, match="larger"):
        decoded(packed, "br", 4_999)


@given(st.binary(min_size=1, max_size=500), st.integers(1, 50))
def test_streamed_pieces_decode_to_the_same(body: bytes, size: int) -> None:
    packed = gzip.compress(body)
    pieces = [packed[at : at + size] for at in range(0, len(packed), size)]
    assert b"".join(decoded_pieces(iter(pieces), "gzip")) == body
    assert list(decoded_pieces(iter(pieces), "")) == pieces
    if len(pieces) > 1:
        with pytest.raises(CorruptBody):
            list(decoded_pieces(iter(pieces[:-1]), "gzip"))


def test_headers() -> None:
    head = b"HTTP/1.1 200 OK\r\nA: 1\r\nb:2 \r\na: 3\r\nLong: x\r\n  y\r\nEmpty:\r\nSet-Cookie: q"
    found = Headers.parse(head)
    assert found["a"] == found["A"] == "1, 3"
    assert found.get_list("a") == ["1", "3"] and found.get_list("no") == []
    assert (found["B"], found["long"], found["empty"]) == ("2", "x y", "")
    assert list(found) == ["A", "b", "Long", "Empty", "Set-Cookie"] and len(found) == 5
    assert "no" not in found and found.get("no") is None
    assert len(Headers.parse(b"")) == 0


def test_default_headers_tell_of_changes() -> None:
    told: list[int] = []
    found = DefaultHeaders({"A": "1"}, lambda: told.append(1))
    assert not told and found["a"] == "1"
    found["a"] = "2"
    found.update({"B": "3"})
    del found["A"]
    assert dict(found) == {"B": "3"} and len(told) == 3


@pytest.mark.parametrize(
    ("headers", "until_close"),
    [
        ("", True),
        ("Content-Length: 5\r\n", False),
        ("transfer-encoding: chunked\r\n", False),
        ("Transfer-Encoding: gzip, Chunked\r\n", False),
        ("Transfer-Encoding: gzip\r\n", True),
    ],
)
def test_framing(headers: str, until_close: bool) -> None:
    head = f"HTTP/1.1 200 OK\r\nX: y\r\n{headers}\r\nbody".encode()
    assert ends_at_close(head) is until_close
