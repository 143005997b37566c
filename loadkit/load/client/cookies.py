"""Cookies of a session: the store that requests has, and the header made once while it holds."""

from __future__ import annotations

import time
from email.message import Message
from http.cookiejar import Cookie
from typing import Any
from urllib.request import Request

from requests.cookies import RequestsCookieJar

from loadkit.load.client.urls import Url

_MOST = 256


class _Answer:
    """What a cookie jar wants of a response."""

    def __init__(self, values: list[str]) -> None:
        self._message = Message()
        for value in values:
            self._message["Set-Cookie"] = value

    def info(self) -> Message:
        return self._message


class Cookies(RequestsCookieJar):
    """Domain, path, secure and expiry are respected. A change by anyone renews the headers."""

    def __init__(self) -> None:
        super().__init__()
        self._headers: dict[Url, tuple[float, str | None]] = {}
        self._last: dict[Url, list[str]] = {}

    def _changed(self) -> None:
        self._headers.clear()
        self._last.clear()

    def set_cookie(self, cookie: Cookie, *args: Any, **kwargs: Any) -> None:
        """Adds or replaces a cookie."""
        self._changed()
        super().set_cookie(cookie, *args, **kwargs)

    def clear(
        self, domain: str | None = None, path: str | None = None, name: str | None = None
    ) -> None:
        """Forgets cookies."""
        self._changed()
        super().clear(domain, path, name)

    def header_for(self, url: Url) -> str | None:
        """The value of the Cookie header; None if none applies."""
        known = self._headers.get(url)
        now = time.time()
        if known is not None and known[0] > now:
            return known[1]
        request = Request(url.text)
        self.add_cookie_header(request)
        value = request.get_header("Cookie")
        ends = min((c.expires for c in self if c.expires and c.expires > now), default=now + 3600)
        if len(self._headers) >= _MOST:
            self._headers.clear()
        self._headers[url] = (ends, value)
        return value

    def learn(self, url: Url, values: list[str]) -> None:
        """Takes the Set-Cookie headers of an answer."""
        if self._last.get(url) == values:
            return  # said before, nothing has changed since
        answer: Any = _Answer(values)
        self.extract_cookies(answer, Request(url.text))
        if len(self._last) >= _MOST:
            self._last.clear()
        # A relative lifetime begins anew each time it is said.
        if not any("max-age" in value.lower() or "expires" in value.lower() for value in values):
            self._last[url] = values


def header_of(given: Any) -> str:
    """Cookies of one request, ``{name: value}`` or a jar, as a header's value."""
    items = given.items() if hasattr(given, "items") else [(c.name, c.value) for c in given]
    return "; ".join(f"{name}={value}" for name, value in items)
