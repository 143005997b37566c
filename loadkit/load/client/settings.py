"""What goes with every request of a session, and the requests it has prepared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from weakref import WeakMethod, WeakValueDictionary

from loadkit import __version__
from loadkit.load.client import auth as _auth
from loadkit.load.client import urls
from loadkit.load.client.cookies import Cookies
from loadkit.load.client.decoding import ACCEPTED
from loadkit.load.client.headers import DefaultHeaders
from loadkit.load.client.pool import Connections
from loadkit.load.client.prepared import Lines, Prepared, merged
from loadkit.load.client.tls import Cert, Verify

_MOST_PREPARED = 512
_DEFAULTS = {
    "User-Agent": f"loadkit/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": ACCEPTED,
}


class _Shared:
    """What all sessions with the same settings have prepared."""

    def __init__(self) -> None:
        self.heads: dict[tuple[Any, ...], Prepared] = {}
        self.lines: dict[tuple[Any, ...], Lines] = {}


_shared: WeakValueDictionary[tuple[Any, ...], _Shared] = WeakValueDictionary()


class Settings:
    """Base URL, default headers, credentials, cookies, TLS; each may be changed at any time."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str] | None, connections: Connections
    ) -> None:
        """
        Raises:
            InvalidUrl: The base is not an http(s) URL.
        """
        self.cookies = Cookies()
        self.request_name: str | None = None
        self._connections = connections
        self._auth_given: Any = None
        renew = WeakMethod(self._renew)  # a session that nobody holds closes its connections
        self.headers = DefaultHeaders(
            {**_DEFAULTS, **(headers or {})}, lambda: (found := renew()) and found()
        )
        self.base_url = base_url

    @property
    def base_url(self) -> str:
        """What relative URLs are put behind, without the credentials it was given with."""
        return self._base_url

    @base_url.setter
    def base_url(self, value: str) -> None:
        base = urls.parse(value)
        self._base_url = _without_userinfo(value)
        self._base_auth = base.userinfo
        self._base_origin = base.origin
        self._fast = urls.Below(self._base_url)
        self._renew()

    @property
    def auth(self) -> Any:
        """Goes with every request; see ``auth.headers_for``."""
        return self._auth_given

    @auth.setter
    def auth(self, value: Any) -> None:
        self._auth_given = tuple(value) if isinstance(value, list) else value
        self._renew()

    @property
    def cookiejar(self) -> Cookies:
        """The cookies, by the name they have in FastHttpUser."""
        return self.cookies

    @property
    def verify(self) -> Verify:
        """How certificates of servers are checked; applies to new connections."""
        return self._connections.verify

    @verify.setter
    def verify(self, value: Verify) -> None:
        self._connections.verify = value

    @property
    def cert(self) -> Cert:
        """The client certificate; applies to new connections."""
        return self._connections.cert

    @cert.setter
    def cert(self, value: Cert) -> None:
        self._connections.cert = value

    def _renew(self) -> None:
        """The settings have changed: what was prepared with the old ones no longer holds."""
        own = self._auth_given
        self._signer = own if callable(own) else None  # asked at every request
        key = (self._base_url, self._base_auth, self._signer is None and own, *self.headers.items())
        shared = _shared.get(key)
        if shared is None:
            shared = _shared[key] = _Shared()
        self._shared = shared
        self._heads = shared.heads
        self._heads_of_lines = shared.lines

    @contextmanager
    def rename_request(self, name: str) -> Iterator[None]:
        """Requests in the block are counted under this name."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    # -- preparing --------------------------------------------------------------------------------

    def _prepare(
        self, key: tuple[Any, ...], method: str, url: str, kind: str | None, headers: Any
    ) -> Prepared:
        parsed = self._fast.parse(url) or urls.parse(urls.absolute(self._base_url, url))
        if len(self._heads) >= _MOST_PREPARED:
            self._heads.clear()
        self._heads[key] = found = Prepared(method, parsed, self._lines(parsed, kind, headers))
        return found

    def _lines(self, url: urls.Url, kind: str | None, headers: Any) -> Lines:
        """The header lines, which many URLs may have in common."""
        own = self._auth_given if not callable(self._auth_given) else None
        if own is None:
            at_home = url.origin == self._base_origin
            own = url.userinfo or (self._base_auth if at_home else None)
        key = (None, own, kind, *(headers.items() if headers else ()))
        found = self._heads_of_lines.get(key)
        if found is None:
            secret = _auth.headers_for(own, "", "") if own is not None else None
            typed = None if kind is None else {"Content-Type": kind}
            found = Lines(merged(self.headers, secret, typed, headers))
            if len(self._heads_of_lines) >= _MOST_PREPARED:
                self._heads_of_lines.clear()
            self._heads_of_lines[key] = found
        return found


def _without_userinfo(base: str) -> str:
    scheme, mark, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"
