"""Where a redirect leads, and what is sent there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urljoin

from loadkit.load.client import urls
from loadkit.load.client.errors import InvalidRedirect, InvalidUrl, TooManyRedirects
from loadkit.load.client.prepared import Lines, Prepared

if TYPE_CHECKING:
    from loadkit.load.client.response import Response

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OF_THE_BODY = ("content-type", "content-encoding", "content-language")
_SECRET = ("authorization", "cookie", "proxy-authorization")


class Step(NamedTuple):
    """One request of the chain."""

    prepared: Prepared
    body: bytes | None


def next_step(response: Response, step: Step, left: int) -> Step | None:
    """The request that the answer asks for; None if it asks for none.

    Raises:
        TooManyRedirects: No further one is allowed (``left`` is 0).
        InvalidRedirect: The Location is no http(s) URL.
    """
    location = response.headers.get("location")
    if response.status_code not in REDIRECTS or not location:
        return None
    if left <= 0:
        raise TooManyRedirects(f"more redirects than allowed, the last one to {location}")
    before = step.prepared
    try:
        url = urls.parse(urljoin(before.url.text, location))
    except ValueError as error:  # InvalidUrl is one
        reason = str(error) if isinstance(error, InvalidUrl) else f"{location!r}: {error}"
        raise InvalidRedirect(reason) from None
    method, body = _method(response.status_code, before.method), step.body
    dropped = {"host"}
    if method != before.method:
        dropped.update(_OF_THE_BODY)
        body = None
    if url.origin != before.url.origin:
        dropped.update(_SECRET)
    kept = {key: pair for key, pair in before.lines.headers.items() if key not in dropped}
    return Step(Prepared(method, url, Lines(kept)), body)


def _method(status: int, method: str) -> str:
    """As browsers do: after 303 all but HEAD become GET, after 301 and 302 POST does."""
    if status == 303 and method != "HEAD":
        return "GET"
    if status in (301, 302) and method == "POST":
        return "GET"
    return method
