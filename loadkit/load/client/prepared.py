"""The part of a request that is the same every time, made once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from loadkit.load.client import urls
from loadkit.load.client.errors import InvalidHeader
from loadkit.load.tracing import trace_id_of

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BROKEN = re.compile(r"[\r\n\x00]")
_IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})

Pairs = Iterable[tuple[Any, Any]]


class Lines:
    """Header lines, ready to be sent."""

    __slots__ = ("encoded", "foreign", "headers", "own_cookie", "own_host")

    def __init__(self, headers: dict[str, tuple[str, str]]) -> None:
        """``headers`` as ``merged`` gives them."""
        self.headers = headers
        self.own_host = "host" in headers
        self.own_cookie = "cookie" in headers
        trace = headers.get("traceparent")
        # The caller's own trace id; "" if its header is not one.
        self.foreign = None if trace is None else trace_id_of(trace[1]) or ""
        self.encoded = _encoded("".join(f"{name}: {value}\r\n" for name, value in headers.values()))


class Prepared:
    """A request but for its trace id, cookies, length and body."""

    __slots__ = ("bare", "foreign", "idempotent", "lines", "method", "start", "tail", "url")

    def __init__(self, method: str, url: urls.Url, lines: Lines) -> None:
        """
        Raises:
            InvalidHeader: The method would break the request.
        """
        method = method.upper()
        self.bare = method == "HEAD"
        self.idempotent = method in _IDEMPOTENT
        with_body = method in _WITH_BODY
        if not (self.idempotent or with_body or _NAME.fullmatch(method)):
            raise InvalidHeader(f"{method!r} is not a method")
        self.method = method
        self.url = url
        self.lines = lines
        self.foreign = lines.foreign
        host = "" if lines.own_host else f"Host: {url.host}\r\n"
        self.start = f"{method} {url.target} HTTP/1.1\r\n{host}".encode() + lines.encoded
        self.tail = b"Content-Length: 0\r\n\r\n" if with_body else b"\r\n"
        """What follows the headers when there is no body."""


def _encoded(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode()


def merged(*layers: Pairs | Mapping[Any, Any] | None) -> dict[str, tuple[str, str]]:
    """Headers of several layers, later ones first in rank; a value of None takes one away.

    Raises:
        InvalidHeader: A name or a value would break the request.
    """
    found: dict[str, tuple[str, str]] = {}
    for layer in layers:
        if layer is None:
            continue
        for name, value in layer.items() if isinstance(layer, Mapping) else layer:
            name = _text(name)
            key = name.lower()
            if value is None:
                found.pop(key, None)
                continue
            value = _text(value).strip(" \t")
            if not _NAME.fullmatch(name):
                raise InvalidHeader(f"{name!r} is not the name of a header")
            if _BROKEN.search(value):
                raise InvalidHeader(f"the value of {name} holds a line break or a NUL: {value!r}")
            if key == "transfer-encoding":
                raise InvalidHeader("bodies are sent with their length; leave it out: " + name)
            if key != "content-length":  # ours is the right one
                found[key] = (name, value)
    return found


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
