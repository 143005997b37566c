"""URLs that somebody typed: what they name, and whether it is this machine."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlsplit

from loadkit.errors import UsageError
from loadkit.scrub import scrub


@dataclass(frozen=True, slots=True)
class Place:
    """A URL taken apart: ``origin`` is scheme, name and port, ``path`` has no slash at its end."""

    origin: str
    host: str
    port: int
    path: str
    query: tuple[tuple[str, str], ...] = ()

    @property
    def local(self) -> bool:
        """Whether it is this machine."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def place(url: str, where: str = "URL") -> Place:
    """Takes a URL apart; one without a scheme is meant as http.

    Raises:
        UsageError: it is none, or holds credentials.
    """
    text = url.strip()
    if "://" not in text:
        text = f"http://{text}"
    remedy = "Give one such as http://127.0.0.1:8000."
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{scrub(url)!r} is not a URL: {error}", where=where, remedy=remedy) from (
            None
        )
    if parts.scheme not in ("http", "https") or not host or any(c.isspace() for c in parts.netloc):
        raise UsageError(f"{scrub(url)!r} is not a URL", where=where, remedy=remedy)
    if "@" in parts.netloc:
        raise UsageError(
            "leave credentials out of the URL: it is written to files",
            where=where,
            remedy='In the scenario they are loadkit.secret("NAME").',
        )
    return Place(
        origin=f"{parts.scheme}://{parts.netloc.lower()}",
        host=host,
        port=port or (443 if parts.scheme == "https" else 80),
        path=quote(parts.path.rstrip("/"), safe="!$&'()*+,:;=@~/%"),
        query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
    )
