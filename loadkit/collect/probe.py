"""Asks a server once whether it is what somebody called it."""

from __future__ import annotations

from typing import Any

from loadkit.collect.access import Access
from loadkit.collect.answers import not_json
from loadkit.collect.fetch import Fetcher
from loadkit.collect.scrape import fetch_exposition
from loadkit.errors import AnswerError


async def prometheus(url: str, access: Access) -> str:
    """What answers there, such as ``"Prometheus 2.42.0"``.

    Raises:
        AnswerError: something answers that has no query API of Prometheus, or lets nobody in.
        CollectError: nobody answers.
    """
    fetcher = Fetcher(url, access)
    try:
        document = await fetcher.json("/api/v1/query", {"query": "vector(1)"})
        if _of(document, "status") != "success":
            raise not_json(f"{url}/api/v1/query")
        try:
            built = await fetcher.json("/api/v1/status/buildinfo")
        except AnswerError:  # Mimir, Cortex and others have queries and not all the rest
            return "a query API of Prometheus"
        return f"Prometheus {_of(built, 'data', 'version') or 'of unknown version'}"
    finally:
        await fetcher.close()


async def alertmanager(url: str, access: Access) -> str:
    """What answers there, such as ``"Alertmanager 0.25.0"``; raises as :func:`prometheus` does."""
    fetcher = Fetcher(url, access)
    try:
        document = await fetcher.json("/api/v2/status")
        if _of(document, "cluster") is None and _of(document, "config") is None:
            raise not_json(f"{url}/api/v2/status")
        version = _of(document, "versionInfo", "version")
        return f"Alertmanager {version or 'of unknown version'}"
    finally:
        await fetcher.close()


async def exposition(url: str, access: Access) -> str:
    """How much an exposition holds; raises what :func:`prometheus` does."""
    found = await fetch_exposition(url, access)
    return f"{len(found.samples)} samples of {len(found.infos)} metrics"


def _of(document: Any, *path: str) -> Any:
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document
