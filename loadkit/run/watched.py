"""What lets others look on: the live page and loadkit's own metrics."""

from __future__ import annotations

import contextlib
import socket
from types import TracebackType

from loadkit.collect.httpd import HttpServer
from loadkit.errors import UsageError
from loadkit.live.address import Address, listen, parse_address
from loadkit.live.exposition import Exposition
from loadkit.live.meters import Meters, Now
from loadkit.run.context import Run
from loadkit.run.interrupts import Interrupts
from loadkit.run.live import Live
from loadkit.run.live_page import LivePage
from loadkit.run.request import RunRequest

_Bound = tuple[socket.socket, Address]


class Watched:
    """Listens from the start, before anything else is there; ``async with`` it around a run.

    Raises:
        UsageError: an address is wrong, or taken.
    """

    def __init__(self, request: RunRequest) -> None:
        self._request = request
        self._page: LivePage | None = None
        self._server: HttpServer | None = None
        self._metrics: _Bound | None = None
        self._live = _bound(request.live, "--live")
        try:
            self._metrics = _bound(request.metrics_listen, "--metrics-listen")
        except UsageError:
            self._close()
            raise

    async def __aenter__(self) -> Watched:
        return self

    async def start(self, run: Run) -> None:
        """Begins to show a run, and says where.

        Raises:
            StackError: the live page's process cannot be started.
        """
        if self._metrics is not None:
            listening, address = self._metrics
            run.meters = Meters(run.manifest)
            self._server = HttpServer(
                Exposition(run.meters, address.host).handle, listening=listening
            )
            await self._server.start()
            run.screen.say(f"metrics: {address.url}metrics")
        if self._live is not None:
            listening, address = self._live
            self._page = LivePage(run.directory, run.manifest.run_id, run.directory / "live.log")
            await self._page.start(listening, address)
            listening.close()  # it listens there now, and is the only one to
            run.screen.say(f"live: {address.url}")

    async def finish(self, interrupts: Interrupts) -> None:
        """The report is written: whoever watches gets it."""
        if self._page is not None:
            hold = 0.0 if interrupts.once.is_set() else self._request.live_hold or 0.0
            await self._page.finish(hold, interrupts)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        page, server = self._page, self._server
        self._page = self._server = None
        if page is not None:
            await page.stop()
        if server is not None:
            await server.stop()
        self._close()

    def _close(self) -> None:
        for bound in (self._live, self._metrics):
            if bound is not None:
                with contextlib.suppress(OSError):
                    bound[0].close()


def now(live: Live) -> Now:
    """What the terminal shows, for the metrics."""
    return Now(
        stage=live.stage,
        elapsed_s=live.elapsed_s,
        planned=live.offered,
        achieved=live.achieved,
        users=live.users,
        in_flight=live.in_flight,
    )


def _bound(text: str | None, option: str) -> _Bound | None:
    return None if text is None else listen(parse_address(text, option), option)
