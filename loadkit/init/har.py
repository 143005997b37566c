"""A recorded session as a scenario: one task that follows it, request by request."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any
from urllib.parse import parse_qsl, quote

from loadkit.errors import UsageError
from loadkit.init import names
from loadkit.init.draft import Call, Draft, Field, Joined, Secret, Task, Text
from loadkit.init.recorded_body import body, fields
from loadkit.init.recording import Entry
from loadkit.init.sensitive import is_id, is_secret_name, is_secret_text
from loadkit.init.withheld import Withheld

_SHORTEST_WAIT_S = 0.01
_DURATIONS_S = (20, 600)
_NOTES = 20
_PAGE = "text/html,application/xhtml+xml,"
# Of one connection, one browser or one moment; the client has its own.
_DYNAMIC = re.compile(
    r"(?i):.*|accept-encoding|connection|content-length|content-type|cookie|host|http2-settings|"
    r"keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade.*|user-agent|referer|origin|"
    r"sec-.*|if-.*|range|cache-control|pragma|dnt|priority|purpose|x-request-id|"
    r"x-correlation-id|traceparent|tracestate|baggage|x-b3-.*|b3|sentry-trace|x-client-data|"
    r"x-playwright.*|forwarded|x-forwarded-.*|via|save-data|device-memory|downlink|ect|rtt|"
    r"viewport-width|dpr"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is taken over: ``host`` as recorded (None: the most frequent one), parts of pages
    too, and the longest think time in seconds (None: as recorded)."""

    host: str | None = None
    assets: bool = False
    longest_wait_s: float | None = None


def draft(entries: Sequence[Entry], choice: Choice, target: str | None, where: str) -> Draft:
    """A scenario with one task.

    Args:
        entries: what was recorded, at least one.
        choice: what is taken over.
        target: where the load goes; None for the recorded host.
        where: the file, for errors.

    Raises:
        UsageError: nothing was recorded of that host.
    """
    host = _chosen(entries, choice.host, where)
    own = [entry for entry in entries if entry.host == host]
    kept = [entry for entry in own if _wanted(entry, choice.assets)]
    if not kept:
        raise UsageError(
            f"nothing of {host} can be repeated but parts of pages",
            where=where,
            remedy="--assets takes over scripts, styles and images too.",
        )
    waits = _waits(own, {entry.number for entry in kept}, choice.longest_wait_s)
    unique = names.Unique()
    name = unique.take("session")
    withheld = Withheld(unique)
    calls, notes = [], []
    for at, entry in enumerate(kept, start=1):
        call, note = _call(entry, waits[entry.number], withheld)
        calls.append(call)
        if note is not None:
            notes.append(f"request {at}, {entry.method} {_shown(call)}: {note}")
        withheld.learn(entry.number, entry.url.path, entry.answer)
    keeps = {entry.number: tuple(withheld.keeps.get(entry.number, ())) for entry in kept}
    calls = [replace(c, keeps=keeps[e.number]) for c, e in zip(calls, kept, strict=True)]
    common, calls = _common(calls)
    length_s = max(e.began_s + e.took_s for e in kept) - kept[0].began_s
    comment = f"The session as recorded: {len(calls)} requests in {length_s:.3g} s."
    least, most = _DURATIONS_S
    return Draft(
        source=f"a recorded session on {host}",
        host=target or f"{kept[0].url.scheme}://{host}",
        tasks=(Task(name, tuple(calls), (comment,)),),
        notes=tuple(notes[:_NOTES]),
        left_out=_left_out(entries, own, kept, choice.assets),
        headers=common,
        closed=True,
        duration_s=min(most, max(least, ceil(2 * length_s / 10) * 10)),
    )


def _chosen(entries: Sequence[Entry], wanted: str | None, where: str) -> str:
    served = [entry for entry in entries if entry.url.scheme in ("http", "https") and entry.host]
    main = Counter(entry.host for entry in served if not entry.is_asset)
    counts = main or Counter(entry.host for entry in served)
    if not counts:
        raise UsageError("no request in it is http or https", where=where)
    if wanted is None:
        return counts.most_common(1)[0][0]
    plain = wanted.lower().rpartition("://")[2].rstrip("/")
    hosts = list(dict.fromkeys(entry.host for entry in served))
    for host in hosts:
        if plain in (host, host.partition(":")[0]):
            return host
    raise UsageError(
        f"nothing was recorded of {wanted}",
        where=where,
        remedy=f"--host is one of: {', '.join(hosts[:10])}.",
    )


def _wanted(entry: Entry, assets: bool) -> bool:
    repeatable = (
        entry.url.scheme in ("http", "https")
        and entry.status >= 200
        and entry.method != "OPTIONS"
        and entry.kind not in ("websocket", "eventsource", "preflight")
        and not entry.cached
    )
    return repeatable and (assets or not entry.is_asset)


def _left_out(
    entries: Sequence[Entry], own: Sequence[Entry], kept: Sequence[Entry], assets: bool
) -> tuple[str, ...]:
    found = []
    others = Counter(entry.host or entry.url.scheme for entry in entries if entry not in own)
    if others:
        listed = ", ".join(f"{host} ({count})" for host, count in others.most_common(5))
        found.append(f"{sum(others.values())} requests to other hosts: {listed}")
    parts = 0 if assets else sum(1 for entry in own if entry.is_asset)
    if parts:
        found.append(f"{parts} scripts, styles, images and the like (--assets takes them over)")
    rest = len(own) - len(kept) - parts
    if rest > 0:
        found.append(f"{rest} that were cached, aborted, preflights or no plain HTTP")
    return tuple(found)


def _waits(own: Sequence[Entry], kept: set[int], longest_s: float | None) -> dict[int, float]:
    """Think time before each entry that is kept: when nothing of this host was under way."""
    waits: dict[int, float] = {}
    idle, busy_until = 0.0, None
    for entry in own:
        if busy_until is not None:
            idle += max(0.0, entry.began_s - busy_until)
        busy_until = max(busy_until or 0.0, entry.began_s + entry.took_s)
        if entry.number in kept:
            first = not waits
            wait = 0.0 if first or idle < _SHORTEST_WAIT_S else idle
            waits[entry.number] = round(min(wait, longest_s or wait) if wait else 0.0, 3)
            idle = 0.0
    return waits


# -- one request ----------------------------------------------------------------------------------


def _call(entry: Entry, wait_s: float, withheld: Withheld) -> tuple[Call, str | None]:
    path, name = _path(entry.url.path or "/", withheld)
    content, kind, note = body(entry, withheld)
    headers = _headers(entry, withheld)
    if kind is not None:
        headers["Content-Type"] = kind
    query = parse_qsl(entry.url.query, keep_blank_values=True)
    call = Call(
        method=entry.method,
        path=path,
        name=name,
        params=fields(query, withheld),
        headers=headers,
        body=content,
        wait_s=wait_s,
        expect=entry.status if entry.status >= 400 else None,
        follow=not 300 <= entry.status < 400,
    )
    return call, note


def _path(text: str, withheld: Withheld) -> tuple[Text, str | None]:
    """(path as it is sent, the name it is counted under: ids are one and the same there)."""
    parts: list[str | Secret | Field] = []
    name = []
    for at, segment in enumerate(text.split("/")):
        slash = "/" if at else ""
        known: Any = withheld.known(segment) if is_id(segment) else None
        if known is None and is_secret_text(segment):
            known = withheld.secret("path", segment)
        if known is not None:
            parts.extend((slash, known))
            name.append(slash + "{id}")
            continue
        plain = slash + quote(segment, safe="!$&'()*+,:;=@~%")
        parts.append(plain)
        name.append(slash + "{id}" if is_id(segment) else plain)
    counted = "".join(name)
    if all(isinstance(part, str) for part in parts):
        plain = "".join(str(part) for part in parts)
        return plain, counted if counted != plain else None
    return Joined(tuple(_together(parts))), counted


def _together(parts: Sequence[str | Secret | Field]) -> list[str | Secret | Field]:
    found: list[str | Secret | Field] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, str) and isinstance(last, str):
            found[-1] = last + part
        elif part != "":
            found.append(part)
    return found


def _headers(entry: Entry, withheld: Withheld) -> dict[str, Text]:
    found: dict[str, Text] = {}
    for name, value in entry.headers:
        if _DYNAMIC.fullmatch(name) or value in ("", "*/*"):
            continue
        if value.startswith(_PAGE):
            value = "text/html"  # what browsers say for every page, in fewer words
        label = "-".join(word.capitalize() for word in name.split("-"))
        if is_secret_name(name) or is_secret_text(value):
            secret = withheld.secret(name, value)
            found[label] = Joined((secret,)) if isinstance(secret, Field) else secret
        else:
            found[label] = value
    return found


def _common(calls: list[Call]) -> tuple[dict[str, Text], list[Call]]:
    """Headers that every call has, and the calls without them."""
    first = calls[0].headers
    common: dict[str, Text] = {
        name: value
        for name, value in first.items()
        if isinstance(value, str) and all(call.headers.get(name) == value for call in calls)
    }
    rest = [
        {name: value for name, value in call.headers.items() if name not in common}
        for call in calls
    ]
    return common, [replace(c, headers=headers) for c, headers in zip(calls, rest, strict=True)]


def _shown(call: Call) -> str:
    return call.name or (call.path if isinstance(call.path, str) else "")
