"""Serves the report of a run in progress.

``/``        the page with the live script
``/report``  the report alone; in the end byte for byte ``report.html``
``/next``    the same, as soon as it differs from ``If-None-Match``; 304 after a while
``/final``   the same, as soon as it is final; 304 after a while

A report is made only while somebody asks for it, and then so seldom that it takes a fifth of a core
at most: watching must not disturb what is watched.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from loadkit.collect.httpd import Request, Response
from loadkit.errors import LoadkitError
from loadkit.live.address import may_be_called
from loadkit.live.bundle import Edition, Newsroom
from loadkit.live.page import live_page

PACE_S = 2.0
SHARE = 0.2
WAIT_S = 20.0
_STEP_S = 0.25
_RECENT_S = 1.5  # an answer is out by then
_AWAY_S = 15.0  # a page that has not asked again for so long is closed: reading one takes seconds
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = (
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", _PAGE_POLICY),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
)
_HTML = "text/html; charset=utf-8"


class Live:
    """Answers for one bundle; ``finish`` when its report is final."""

    def __init__(self, room: Newsroom, named_host: str, pace_s: float = PACE_S) -> None:
        """``named_host`` is where it listens, which is also what it may be called."""
        self._room = room
        self._named = named_host
        self._pace_s = pace_s
        self._edition: Edition | None = None
        self._not_before = 0.0
        self._making = asyncio.Lock()
        self._finished = asyncio.Event()
        self._waiting = 0
        self._asked = float("-inf")
        # When each was given something after which it will ask for more.
        self._readers: deque[float] = deque(maxlen=64)

    async def handle(self, request: Request) -> Response:
        """See Handler."""
        if not may_be_called(request.headers.get("host", ""), self._named):
            return _told(421, "this page is not served under that name")
        if request.method != "GET":
            return _told(405, "GET only", ("Allow", "GET"))
        if request.path not in ("/", "/report", "/next", "/final"):
            return _told(404, "there is / and nothing else")
        self._waiting += 1
        if request.path in ("/next", "/final") and self._readers:
            self._readers.popleft()  # one of them: who it is does not matter
        try:
            return await self._page(request.path, request.headers.get("if-none-match", ""))
        except LoadkitError as error:
            return _told(503, f"{error.what}; trying again helps", ("Retry-After", "1"))
        finally:
            self._waiting -= 1
            self._asked = time.monotonic()
            if request.path != "/report" and not self._finished.is_set():
                self._readers.append(self._asked)

    async def _page(self, path: str, known: str) -> Response:
        if path == "/":
            whole = await self._fresh()
            text = live_page(whole.text, etag=whole.etag, run_id=whole.run_id, final=whole.final)
            return _page(whole, text)
        found = await self._wanted(path, known)
        if found is None or found.etag == known:
            return Response(304, b"", _HTML, (*_HEADERS, ("ETag", known)) if known else _HEADERS)
        return _page(found, found.text)

    async def _wanted(self, path: str, known: str) -> Edition | None:
        if path == "/report":
            return await self._fresh()
        if path == "/next":
            return await self._next(known)
        await self._sleep(WAIT_S)
        return self._edition if self._finished.is_set() else None

    async def _next(self, known: str) -> Edition:
        end = time.monotonic() + WAIT_S
        while True:
            found = await self._fresh()
            if found.etag != known or time.monotonic() > end:
                return found
            await self._sleep(_STEP_S)

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._finished.wait()
        except TimeoutError:
            return

    async def _fresh(self) -> Edition:
        """The report so far, not older than the pace allows."""
        async with self._making:
            found = self._edition
            if found is not None and (found.final or time.monotonic() < self._not_before):
                return found
            made = await asyncio.to_thread(self._room.latest)
            pause = max(self._pace_s, self._room.cost_s * (1 / SHARE - 1))
            self._not_before = time.monotonic() + pause
            if self._edition is None or not self._edition.final:
                self._edition = made
            return self._edition

    async def finish(self) -> None:
        """From here on the final report is served."""
        final = await asyncio.to_thread(self._room.final)
        self._edition = final
        self._finished.set()

    async def until_seen(self, limit_s: float) -> None:
        """Returns when nobody is left who watches and has not got the final report."""
        end = time.monotonic() + limit_s
        while (now := time.monotonic()) < end:
            while self._readers and now - self._readers[0] > _AWAY_S:
                self._readers.popleft()
            if not self._waiting and not self._readers and now - self._asked > _RECENT_S:
                return
            await asyncio.sleep(_STEP_S)


def _page(found: Edition, text: str) -> Response:
    headers = (
        ("ETag", found.etag),
        ("X-Loadkit-Run", found.run_id),
        ("X-Loadkit-State", "final" if found.final else "running"),
    )
    return Response(200, text.encode("utf-8"), _HTML, (*_HEADERS, *headers))


def _told(status: int, why: str, *headers: tuple[str, str]) -> Response:
    return Response(status, f"{why}\n".encode(), headers=(*_HEADERS, *headers))
