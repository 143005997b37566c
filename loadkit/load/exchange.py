"""A request and its answer as plain text, without secrets: what a smoke iteration shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from locust.contrib.fasthttp import FastResponse

from loadkit.load.client.response import Response
from loadkit.load.kinds import kind_of, status_of, text_of
from loadkit.load.messages import message
from loadkit.scrub import scrub

LONGEST_BODY = 2_000
"""A body is cut after so many characters."""

_SEARCHED = 20 * LONGEST_BODY  # scrubbed before it is cut: half a secret is one still
_MOST_HEADERS = 100
_READABLE = ("text/", "json", "xml", "javascript", "x-www-form-urlencoded", "yaml", "graphql")


def exchange(
    method: Any,
    name: Any,
    *,
    response: Any = None,
    exception: Any = None,
    response_ms: Any = None,
    url: Any = None,
) -> dict[str, Any]:
    """What ``events.request`` tells of a request, as a frame without secrets.

    Clients that give no HTTP response have their name, time and error only. Times are seconds,
    sizes bytes; a body that the client has not read is left unread.
    """
    request = getattr(response, "request", None)
    status = status_of(response)
    sent = _sent(response, request)
    final = _text(getattr(request, "url", None) or url or "")
    return {
        "type": "exchange",
        "method": _text(method),
        "name": scrub(_text(name)),
        "url": scrub(final) or None,
        "hops": _hops(response, _text(url or ""), final),
        "request_headers": sent,
        "request_body": _body(getattr(request, "body", None), dict(_lower(sent))),
        "status": status or None,
        "reason": _text(getattr(response, "reason", None) or "") or None,
        "response_headers": (received := _headers(getattr(response, "headers", None))),
        "response_body": _body(_received(response), dict(_lower(received))),
        "seconds": response_ms / 1e3 if isinstance(response_ms, int | float) else None,
        "error": _error(exception, status),
    }


def _error(exception: Any, status: int) -> str | None:
    if not exception:
        return None
    if isinstance(exception, str):
        return message(exception)
    kind, text = kind_of(exception, status), text_of(exception, status)
    return message(f"{kind}: {text}" if text and text != kind else kind)


def _text(value: Any) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def _lower(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in headers]


# -- headers ------------------------------------------------------------------------------------


def _sent(response: Any, request: Any) -> list[tuple[str, str]]:
    """Headers as they were sent: geventhttpclient keeps the bytes, requests leaves Host out."""
    raw = getattr(response, "_sent_request", None)
    if isinstance(raw, str | bytes):
        lines = _text(raw).split("\r\n\r\n", 1)[0].split("\r\n")[1:]
        return _clean(line.partition(":")[::2] for line in lines if ":" in line)
    found = _headers(getattr(request, "headers", None))
    host = urlsplit(_text(getattr(request, "url", None) or "")).netloc.rpartition("@")[2]
    if host and not any(name.lower() == "host" for name, _ in found):
        found.insert(0, ("Host", host))
    return found


def _headers(headers: Any) -> list[tuple[str, str]]:
    try:
        return _clean((_text(name), _text(value)) for name, value in headers.items())
    except Exception:  # a foreign response object may have anything there, or nothing
        return []


def _clean(headers: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    cleaned = []
    for name, value in headers:
        # With its name, because the name says that the value is a secret.
        line = scrub(f"{name.strip()}: {value.strip()}")
        cleaned.append((name.strip(), line.partition(":")[2].strip()))
    return cleaned[:_MOST_HEADERS]


def _hops(response: Any, asked: str, final: str) -> list[dict[str, Any]]:
    """Redirects that were followed on the way, as far as the client tells of them."""
    history = getattr(response, "history", None)
    if isinstance(history, list | tuple) and history:
        urls = [_text(getattr(hop, "url", None) or "") for hop in history]
        # geventhttpclient has one request object, which by then says where the last one went.
        urls[0] = asked if urls[0] == final and urlsplit(asked).netloc else urls[0]
        return [
            {"status": status_of(hop), "url": scrub(url)}
            for hop, url in zip(history, urls, strict=True)
        ]
    return []


# -- bodies -------------------------------------------------------------------------------------


def _received(response: Any) -> Any:
    """The body if the client has read it; looking at it otherwise would take it from the task."""
    if isinstance(response, requests.Response):
        content: Any = response._content  # False, whatever its type says, until it is read
        return _Unread if content is False else content
    if isinstance(response, FastResponse):
        # None of the answers without one have a head either.
        return getattr(response, "_cached_content", _Unread if status_of(response) else None)
    if isinstance(response, Response):
        try:
            return response.content
        except (
            OSError
        ):  # it is not what its Content-Encoding says; the error of the request says so
            return response.raw
    return None


class _Unread:
    """Stands for a body that nobody has read."""


def _body(content: Any, headers: Mapping[str, str]) -> dict[str, Any] | None:
    """``text`` (cut, without secrets; None if it is not text) and ``bytes`` (None if unknown)."""
    if content is None or content == b"" or content == "":
        return None
    if content is _Unread:
        return {"text": None, "bytes": None, "cut": False, "what": "not read"}
    if isinstance(content, Mapping):
        content = urlencode(content, doseq=True)
    if isinstance(content, str):
        content = content.encode()
    if not isinstance(content, bytes | bytearray | memoryview):
        what = f"{type(content).__name__}, sent as it is read"
        return {"text": None, "bytes": None, "cut": False, "what": what}
    data = bytes(content)
    text = _decoded(data, headers.get("content-type", ""))
    if text is None:
        what = headers.get("content-type") or "no text"
        return {"text": None, "bytes": len(data), "cut": False, "what": what}
    clean = scrub(text, _SEARCHED)
    cut = len(clean) > LONGEST_BODY
    return {"text": clean[:LONGEST_BODY], "bytes": len(data), "cut": cut, "what": None}


def _decoded(data: bytes, content_type: str) -> str | None:
    told = any(part in content_type.lower() for part in _READABLE)
    try:
        # A few bytes more than are shown, so that a character is not cut in the middle of the end.
        text = data[: 4 * _SEARCHED].decode("utf-8", "replace" if told else "strict")
    except UnicodeDecodeError:
        return None
    plain = all(c.isprintable() or c in "\r\n\t" for c in text[:LONGEST_BODY])
    return text if told or plain else None
