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
from loadkit.load.client.prepared import Prepared, merged
from loadkit.load.client.tls import Cert, Verify

_MOST_PREPARED = 512
_DEFAULTS = {
    "User-Agent": f"loadkit/{__version__}",
    "Accept": "*/*",
    "Accept-Encoding": ACCEPTED,
}


class _Heads(dict[tuple[Any, ...], Prepared]):
    """Prepared requests, shared by all sessions with the same settings."""

    __slots__ = ("__weakref__",)


_shared: WeakValueDictionary[tuple[Any, ...], _Heads] = WeakValueDictionary()


class Settings:
    """Base URL, default headers, credentials, cookies, TLS; all but the first may be changed."""

    def __init__(
        self, base_url: str, headers: Mapping[str, str] | None, connections: Connections
    ) -> None:
        """
        Raises:
            InvalidUrl: The base is not an http(s) URL.
        """
        base = urls.parse(base_url)
        self.base_url = _without_userinfo(base_url)
        self.cookies = Cookies()
        self.request_name: str | None = None
        self._base_auth = base.userinfo
        self._base_origin = base.origin
        self._connections = connections
        self._auth_given: Any = None
        renew = WeakMethod(self._renew)  # a session that nobody holds closes its connections
        self.headers = DefaultHeaders(
            {**_DEFAULTS, **(headers or {})}, lambda: (found := renew()) and found()
        )
        self._heads = _Heads()
        self._renew()

    @property
    def auth(self) -> Any:
        """Goes with every request; see ``auth.headers_for``."""
        return self._auth_given

    @auth.setter
    def auth(self, value: Any) -> None:
        self._auth_given = value
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
        if own is not None and not isinstance(own, str | tuple):
            self._heads = _Heads()  # nobody knows what it depends on
            return
        key = (self.base_url, own, self._base_auth, *self.headers.items())
        self._heads = _shared.setdefault(key, _Heads())

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
        self, key: tuple[Any, ...] | None, method: str, url: str, kind: str | None, headers: Any
    ) -> Prepared:
        parsed = urls.parse(urls.absolute(self.base_url, url))
        own: dict[str, str] = {}
        if self._auth_given is not None:
            own = _auth.headers_for(self._auth_given, method, parsed.text)
        elif parsed.userinfo is not None:
            own = _auth.headers_for(parsed.userinfo, method, parsed.text)
        elif self._base_auth is not None and parsed.origin == self._base_origin:
            own = _auth.headers_for(self._base_auth, method, parsed.text)
        typed: dict[str, str] = {} if kind is None else {"Content-Type": kind}
        prepared = Prepared(method.upper(), parsed, merged(self.headers, own, typed, headers))
        if key is not None:
            if len(self._heads) >= _MOST_PREPARED:
                self._heads.clear()
            self._heads[key] = prepared
        return prepared

    def _special(
        self, method: str, url: str, kind: str | None, headers: Any, params: Any, auth: Any
    ) -> Prepared:
        """With parameters or credentials of its own: prepared for this request alone."""
        if params is not None:
            url = urls.with_params(urls.absolute(self.base_url, url), params)
        if auth is not None:
            full = urls.absolute(self.base_url, url)
            headers = {**(headers or {}), **_auth.headers_for(auth, method, full)}
        return self._prepare(None, method, url, kind, headers)


def _without_userinfo(base: str) -> str:
    scheme, mark, rest = base.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}{mark}{host.rpartition('@')[2]}{slash}{path}"
