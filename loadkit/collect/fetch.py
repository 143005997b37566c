"""JSON from a server that may be gone, wrong or closed; foreign errors are mapped here only."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from loadkit.collect.headers import ALERTMANAGER, PROMETHEUS
from loadkit.errors import CollectError, UsageError
from loadkit.scrub import scrub

TIMEOUT_S = 5
_REFUSED = frozenset({401, 403, 407})


def base_url(url: str, option: str) -> str:
    """The URL without a slash at its end.

    Raises:
        UsageError: it is no http or https URL with a host.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise UsageError(
            f"{scrub(url)!r} is not a URL",
            where=option,
            remedy="Give one such as http://127.0.0.1:9090.",
        )
    return url.rstrip("/")


def is_local(url: str) -> bool:
    """Whether it leads to this machine, so that no proxy belongs between."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def refusal(status: int, body: str, where: str) -> CollectError:
    """What an answer other than 200 means."""
    if status in _REFUSED:
        return CollectError(
            f"answered {status}: not allowed",
            where=scrub(where),
            remedy=f"Give credentials in {PROMETHEUS} or {ALERTMANAGER}, a header a line.",
        )
    said = " ".join(scrub(body, 200).split())
    return CollectError(f"answered {status}: {said}" if said else f"answered {status}",
                        where=scrub(where))  # fmt: skip


def not_json(where: str) -> CollectError:
    """It answered, but something else lives there."""
    return CollectError(
        "answered something that is not its JSON API",
        where=scrub(where),
        remedy="Is it the server's root, with the path prefix it may have?",
    )


def unreachable(error: Exception, where: str) -> CollectError:
    """Nobody answered."""
    cause = _innermost(error)
    if isinstance(cause, TimeoutError):
        text = "timed out"
    elif isinstance(cause, OSError) and cause.errno and cause.errno > 0:
        text = os.strerror(cause.errno)  # asyncio has words of its own for "Connection refused"
    else:
        text = str(cause) or type(cause).__name__
    return CollectError(
        f"does not answer: {scrub(text, 200)}",
        where=scrub(where),
        remedy="Is it running, and is this its address?",
    )


def _innermost(error: BaseException) -> BaseException:
    # The outermost text repeats the whole URL with the query in it, or says that all attempts
    # failed; the innermost one says why.
    while True:
        if isinstance(error, BaseExceptionGroup):
            inner: BaseException | None = error.exceptions[0]
        else:
            inner = error.__cause__ or error.__context__
        if inner is None or isinstance(inner, asyncio.CancelledError):
            return error
        error = inner


class Fetcher:
    """A client for one server. Use :meth:`close` at the end."""

    def __init__(
        self, url: str, headers: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self.url = url
        self._client = httpx.AsyncClient(
            headers=dict(headers or {}), timeout=timeout_s, trust_env=not is_local(url)
        )

    async def json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON document at ``path``.

        Raises:
            CollectError: no answer, an answer other than 200, or one that is no JSON.
        """
        where = f"{self.url}{path}"
        try:
            answer = await self._client.get(where, params=params)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise unreachable(error, self.url) from error
        if answer.status_code != 200:
            raise refusal(answer.status_code, answer.text, where)
        try:
            return answer.json()
        except ValueError as error:
            raise not_json(where) from error

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()
