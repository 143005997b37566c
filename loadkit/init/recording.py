"""A HAR file: what a browser recorded, entry by entry in the order in which they began."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import SplitResult, urlsplit

from loadkit.errors import UsageError

_REMEDY = "Give the file that a browser's network panel saves as HAR."
_ASSETS = frozenset({"stylesheet", "image", "font", "script", "media", "manifest", "texttrack"})
_ENDINGS = tuple(
    f".{ending}"
    for ending in ("css", "js", "mjs", "map", "png", "jpg", "jpeg", "gif", "svg", "webp", "avif",
                   "ico", "woff", "woff2", "ttf", "otf", "eot", "mp4", "webm", "mp3",
                   "webmanifest", "wasm")
)  # fmt: skip
_ASSET_TYPES = ("image/", "font/", "video/", "audio/", "text/css", "text/javascript",
                "application/javascript", "application/x-javascript",
                "application/manifest+json", "application/wasm")  # fmt: skip

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One request and its answer. Times in seconds, ``began_s`` from the first entry."""

    number: int
    method: str
    url: SplitResult
    headers: Pairs
    body: str | None
    body_type: str
    fields: tuple[Mapping[str, Any], ...]
    status: int
    answer: str | None
    answer_type: str
    kind: str
    began_s: float
    took_s: float
    cached: bool

    @property
    def host(self) -> str:
        """Name and port, as in the URL."""
        return self.url.netloc.rpartition("@")[2].lower()

    @property
    def is_asset(self) -> bool:
        """Whether it is a part of a page that hardly ever changes."""
        if self.method != "GET":
            return False
        if self.kind in _ASSETS or self.url.path.lower().endswith(_ENDINGS):
            return True
        return not self.kind and self.answer_type.startswith(_ASSET_TYPES)


def read(text: str, where: str) -> list[Entry]:
    """The entries of a HAR file.

    Raises:
        UsageError: it is not JSON, no HAR file, has no entries, or one is incomplete.
    """
    try:
        root = json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"not valid JSON: {error}", where=where, remedy=_REMEDY) from None
    log = root.get("log") if isinstance(root, dict) else None
    given = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(given, list):
        raise UsageError("not a HAR file: it has no log.entries", where=where, remedy=_REMEDY)
    if not given:
        raise UsageError(
            "no entries: nothing was recorded",
            where=where,
            remedy="Open the network panel before the page is loaded, and save it with content.",
        )
    entries = []
    began: list[float] = []
    for number, one in enumerate(given):
        place = f"{where} log.entries[{number}]"
        try:
            began.append(_time(one["startedDateTime"]))
            entries.append(_entry(number, one))
        except KeyError as error:
            raise UsageError(f"{error.args[0]!r} is missing", where=place) from None
        except (TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"not an entry of a HAR file: {error}", where=place) from None
    first = min(began)
    placed = [_at(entry, start - first) for entry, start in zip(entries, began, strict=True)]
    return sorted(placed, key=lambda entry: (entry.began_s, entry.number))


def _time(text: str) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"startedDateTime {text!r} has no time zone")
    return moment.timestamp()


def _entry(number: int, one: Mapping[str, Any]) -> Entry:
    request, response = one["request"], one["response"]
    post = request.get("postData") or {}
    content = response.get("content") or {}
    url = urlsplit(str(request["url"]))
    _ = url.port
    return Entry(
        number=number,
        method=str(request["method"]).upper(),
        url=url,
        headers=tuple((str(h["name"]), str(h["value"])) for h in request.get("headers") or ()),
        body=_text(post.get("text")),
        body_type=str(post.get("mimeType") or ""),
        fields=tuple(post.get("params") or ()),
        status=int(response["status"]),
        answer=None if content.get("encoding") else _text(content.get("text")),
        answer_type=str(content.get("mimeType") or ""),
        kind=str(one.get("_resourceType") or "").lower(),
        began_s=0.0,
        took_s=max(0.0, float(one.get("time") or 0.0)) / 1000,
        cached=one.get("_fromCache") is not None,
    )


def _at(entry: Entry, began_s: float) -> Entry:
    values = {name: getattr(entry, name) for name in Entry.__slots__}
    return Entry(**{**values, "began_s": began_s})


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
