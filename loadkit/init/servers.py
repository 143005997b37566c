"""Where a document says its service is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from loadkit.init.document import Document, below


@dataclass(frozen=True, slots=True)
class Server:
    """``host`` is scheme, name and port; empty where the document leaves it to whoever read it.

    ``base`` is the path that all paths of the document come behind, without a slash at its end.
    """

    host: str
    base: str


def split(url: str) -> Server:
    """A URL as host and base path."""
    parts = urlsplit(url)
    host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else ""
    base = quote(parts.path.rstrip("/"), safe="!$&'()*+,:@~/%;=")
    return Server(host, base)


def servers(document: Document, read_from: str | None = None) -> list[Server]:
    """The servers of a document in its order, variables filled in with their defaults.

    Args:
        document: the document.
        read_from: the URL it was read from, which relative ones are relative to.

    Raises:
        UsageError: one is none, or has a variable without a default.
    """
    given = document.root.get("servers") or [{"url": "/"}]
    if not isinstance(given, list):
        raise document.error("`servers` is a list", "#/servers")
    found = []
    for at, one in enumerate(given):
        path = below("#/servers", at)
        server = document.follow(one, path)
        url = _filled(document, server, path)
        try:
            if read_from:
                url = urljoin(read_from, url)
            split_ = split(url)
            _ = urlsplit(url).port
        except ValueError as error:
            raise document.error(f"{url!r} is not a URL: {error}", path) from None
        found.append(split_)
    return found


def _filled(document: Document, server: Mapping[str, Any], path: str) -> str:
    url = server.get("url")
    if not isinstance(url, str):
        raise document.error("a server needs a `url`", path)
    for name, variable in (server.get("variables") or {}).items():
        default = variable.get("default") if isinstance(variable, Mapping) else None
        if default is None:
            raise document.error("a variable needs a `default`", below(path, "variables", name))
        url = url.replace("{" + name + "}", str(default))
    if "{" in url:
        raise document.error(f"{url!r} has a variable that is not described", path)
    return url
