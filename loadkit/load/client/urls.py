"""URLs as they are sent."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

from loadkit.load.client.errors import InvalidUrl
from loadkit.load.client.origin import Origin

_PORTS = {"http": 80, "https": 443}
_ABSOLUTE = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_KEPT = "!#$%&'()*+,/:;=?@[]~"  # reserved characters are the caller's choice
# No segment that begins with a dot, which may have to be resolved.
_AS_IT_IS = re.compile(
    r"/(?!\.)(?:/(?!\.)|%[0-9A-Fa-f]{2}|[A-Za-z0-9_~!$&'()*+,;=:@.\[\]-])*"
    r"(?:\?(?:%[0-9A-Fa-f]{2}|[A-Za-z0-9_~!$&'()*+,;=:@.\[\]/?-])+)?"
)
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Url(NamedTuple):
    """A URL taken apart: whom to ask, and for what."""

    origin: Origin
    host: str  # value of the Host header
    target: str  # path and query, percent-encoded
    userinfo: tuple[str, str] | None

    @property
    def text(self) -> str:
        """The URL as one text, without credentials and fragment."""
        return f"{self.origin.scheme}://{self.host}{self.target}"


def absolute(base: str, url: str) -> str:
    """The URL itself, or put behind the base; two slashes that meet there become one."""
    if _ABSOLUTE.match(url):
        return url
    return f"{base.removesuffix('/') if url.startswith('/') else base}{url}"


class Below:
    """The quick way to a URL: a path that needs no change, put behind the same base."""

    def __init__(self, base: str) -> None:
        """``base`` without credentials."""
        self._base = parse(absolute(base, "/x")) if "?" not in base and "#" not in base else None
        self._prefix = "" if self._base is None else self._base.target.removesuffix("/x")

    def parse(self, url: str) -> Url | None:
        """As ``parse(absolute(base, url))``; None where that has to be asked."""
        if self._base is None or not _AS_IT_IS.fullmatch(url):
            return None
        return Url(self._base.origin, self._base.host, self._prefix + url, None)


def parse(url: str) -> Url:
    """Takes an absolute URL apart.

    Raises:
        InvalidUrl: It is not http(s), or has no host or a wrong port.
    """
    try:
        parts = urlsplit(url.strip())
        scheme, host, port = parts.scheme.lower(), parts.hostname, parts.port
    except ValueError as error:
        raise InvalidUrl(f"{url!r}: {error}") from None
    if scheme not in _PORTS:
        raise InvalidUrl(f"{url!r} is not an http:// or https:// URL")
    if not host:
        raise InvalidUrl(f"{url!r} names no host")
    host = _ascii(host, url)
    path = _path(parts.path)
    target = f"{path}?{_quoted(parts.query)}" if parts.query else path
    shown = f"[{host}]" if ":" in host else host
    if port is not None and port != _PORTS[scheme]:
        shown = f"{shown}:{port}"
    user = None
    if parts.username is not None:
        user = (unquote(parts.username), unquote(parts.password or ""))
    return Url(Origin(scheme, host, port or _PORTS[scheme]), shown, target, user)


def _ascii(host: str, url: str) -> str:
    if host.isascii():
        if any(c in host for c in " \t\r\n\x00<>\"'\\^`{|}"):
            raise InvalidUrl(f"{url!r}: the host is not valid")
        return host
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        raise InvalidUrl(f"{url!r}: the host is not valid") from None


def _path(path: str) -> str:
    if "/." in path:
        kept: list[str] = []
        parts = path.split("/")
        for part in parts[1:]:
            if part == "..":
                del kept[-1:]
            elif part != ".":
                kept.append(part)
        if parts[-1] in (".", ".."):
            kept.append("")
        path = "/" + "/".join(kept)
    return _quoted(path) or "/"


def _quoted(text: str) -> str:
    """Percent-encoded where it has to be; what is encoded already stays."""
    return quote(_BARE_PERCENT.sub("%25", text), safe=_KEPT)


def with_params(url: str, params: Any) -> str:
    """The URL with parameters added to its query: a mapping, pairs, or text.

    A list as a value repeats the name; None as a value leaves it out.
    """
    more = params if isinstance(params, str) else form(params)
    if not more:
        return url
    url, mark, fragment = url.partition("#")
    joint = "" if url.endswith(("?", "&")) else "&" if "?" in url else "?"
    return f"{url}{joint}{more}{mark}{fragment}"


def form(fields: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> str:
    """Fields as ``application/x-www-form-urlencoded``."""
    pairs = []
    for name, value in fields.items() if isinstance(fields, Mapping) else fields:
        values = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, v) for v in values if v is not None]
    return urlencode(pairs)
