"""JSON from a server that may be gone, wrong or closed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from loadkit.collect.access import Access
from loadkit.collect.answers import not_json, refusal, too_long, unreachable
from loadkit.errors import UsageError
from loadkit.scrub import scrub

TIMEOUT_S = 5


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


class Fetcher:
    """A client for one server. Use :meth:`close` at the end. Redirects are not followed.

    Args:
        url: its root.
        access: headers and TLS.
        timeout_s: how long an answer may take, in seconds.

    Raises:
        UsageError: a certificate of ``access`` cannot be used.
    """

    def __init__(
        self, url: str, access: Access | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        access = access or Access()
        self.url = url
        self._client = httpx.AsyncClient(
            headers=dict(access.headers),
            verify=access.tls() if url.startswith("https:") else True,
            timeout=timeout_s,
            trust_env=not is_local(url),
        )

    async def json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON document at ``path``.

        Raises:
            AnswerError: something answers that is not this API, or that does not let us in.
            CollectError: no answer, or one that may be better later.
        """
        answer = await self.get(path, params)
        try:
            return answer.json()
        except ValueError as error:
            raise not_json(f"{self.url}{path}", answer.text) from error

    async def get(self, path: str = "", params: Mapping[str, str] | None = None) -> httpx.Response:
        """The answer with status 200 at ``path``; raises what :meth:`json` does."""
        where = f"{self.url}{path}"
        try:
            answer = await self._client.get(where, params=params)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise unreachable(error, self.url) from error
        if answer.status_code != 200:
            location = answer.headers.get("location", "")
            raise refusal(answer.status_code, answer.text, where, location)
        return answer

    async def text(self, accept: str, most_bytes: int, within_s: float) -> tuple[str, str]:
        """The body at the URL itself as text, and its content type.

        Args:
            accept: the formats wanted, as the header has them.
            most_bytes: a longer body is refused without being read to its end.
            within_s: how long all of it may take, in seconds.

        Raises:
            AnswerError: refused, redirected, or longer than that.
            CollectError: no answer, or none in time.
        """
        try:
            async with (
                asyncio.timeout(within_s),
                self._client.stream("GET", self.url, headers={"Accept": accept}) as answer,
            ):
                body = bytearray()
                async for chunk in answer.aiter_bytes():
                    body += chunk
                    if len(body) > most_bytes:
                        raise too_long(self.url, most_bytes)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise unreachable(error, self.url) from error
        text = body.decode("utf-8", "replace")
        if answer.status_code != 200:
            raise refusal(
                answer.status_code, text, self.url, answer.headers.get("location", "")
            )  # fmt: skip
        return text, answer.headers.get("content-type", "")

    async def close(self) -> None:
        """Closes its connections."""
        await self._client.aclose()
