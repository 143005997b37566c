"""A worker's connection to its master: opened again when it breaks, given up after a while."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import gevent
import msgpack
from gevent.event import AsyncResult, Event

from loadkit.errors import LoadError, UsageError
from loadkit.load.workers.handshake import Refused
from loadkit.load.workers.ledger import Full, Outbox
from loadkit.load.workers.offset import Offset
from loadkit.load.workers.seal import Tampered
from loadkit.load.workers.wire import Wire

ORPHANED_AFTER_S = 4.0
"""Less than the master waits before it calls a worker lost: what it then counts as never started
must never be sent."""

_CONNECT_S = 2.0
_STALE_S = 2.5
_RETRY_S = 0.2
_PING_S = 1.0
_FIRST_PINGS = 10
_FIRST_PING_S = 0.02


class Link:
    """Takes frames for the master, and hears its words.

    ``join`` is what the worker says of itself; ``token`` what both know. The attributes ``on_stop``
    (called with the reason) and ``on_lost`` (called with why) may be set before ``follow``.
    """

    def __init__(self, address: tuple[str, int], token: str, join: Mapping[str, Any]) -> None:
        self._address = address
        self._token = token
        self._join = dict(join)
        self._outbox = Outbox()
        self._wake = Event()
        self._flushed = Event()
        self._wire: Wire | None = None
        self._heard = time.monotonic()
        self._given_up = False
        self._done = False
        self._greenlets: list[Any] = []
        self._check: Any = None
        self._looked = 0.0
        self.same_host = False
        self.offset = Offset()
        self.start: AsyncResult = AsyncResult()
        """The master's word for time zero, by the master's clock (ns)."""
        self.on_stop: Callable[[str], None] = lambda reason: None
        self.on_lost: Callable[[str], None] = lambda why: None

    # -- connecting -----------------------------------------------------------------------------

    def open(self, wait_s: float) -> dict[str, Any]:
        """Joins the master, trying for ``wait_s``; its welcome, with the plan in it.

        Raises:
            UsageError: wrong token, or another scenario file or loadkit than the master's.
            LoadError: nobody answers there, or the master has no place.
        """
        deadline = time.monotonic() + wait_s
        where = f"{self._address[0]}:{self._address[1]}"
        while True:
            try:
                return self._enter()
            except Refused as error:
                raise UsageError(f"the master refused this worker: {error}", where=where) from None
            except (OSError, Tampered) as error:
                if time.monotonic() > deadline:
                    raise LoadError(
                        f"the master cannot be reached: {error}",
                        where=where,
                        remedy="Start it first, or give workers more --wait.",
                    ) from None
            time.sleep(_RETRY_S)

    def connect(self, role: str) -> Wire:
        """A connection that has been let in.

        Raises:
            OSError: nobody is there.
            Refused: the master does not want us.
        """
        wire = Wire(socket.create_connection(self._address, timeout=_CONNECT_S))
        try:
            wire.introduce(self._token, role)
        except BaseException:
            wire.close()
            raise
        return wire

    def _enter(self) -> dict[str, Any]:
        wire = self.connect("data")
        try:
            wire.send(self._join)
            answer = wire.receive()
        except BaseException:
            wire.close()
            raise
        if answer is None:
            wire.close()
            raise ConnectionError("the master hung up")
        if answer["type"] == "refused":
            wire.close()
            error = UsageError if answer.get("usage") else LoadError
            raise error(
                f"the master refused this worker: {answer['reason']}",
                remedy=answer.get("remedy"),
            )
        self.same_host = (
            answer["boot_id"] is not None and answer["boot_id"] == self._join["boot_id"]
        )
        self._outbox.acknowledged(answer["taken"])
        self._outbox.rewind()
        self._heard = time.monotonic()
        self._wire = wire
        return answer

    # -- following ------------------------------------------------------------------------------

    def follow(self) -> None:
        """From now on frames go out and the master's words are obeyed."""
        self._greenlets = [
            gevent.spawn(self._listen_for_ever),
            gevent.spawn(self._write_for_ever),
            gevent.spawn(self._ping_for_ever),
        ]
        self._looked = time.monotonic()
        self._check = gevent.get_hub().loop.check(priority=2)
        self._check.start(self._look)

    def _look(self) -> None:
        """Before anything else that a turn of the loop does: whether this process stood still for
        so long that it is counted as lost. Then what is overdue must not be sent."""
        now = time.monotonic()
        if now - self._looked >= ORPHANED_AFTER_S:
            self._give_up(f"this process stood still for {now - self._looked:.1f} s")
        self._looked = now

    def send(self, frame: Mapping[str, Any]) -> None:
        """Keeps a frame until the master has it. Returns at once."""
        try:
            self._outbox.put(msgpack.packb(frame, use_bin_type=True))
        except Full as error:
            self._give_up(f"the master takes frames too slowly: {error}")
            return
        self._flushed.clear()
        self._wake.set()

    def flush(self) -> bool:
        """Waits until the master has everything; False when it was given up."""
        while not self._outbox.empty and not self._given_up:
            self._flushed.wait(_PING_S)
        self._done = self._outbox.empty
        return self._done

    def close(self) -> None:
        """Hangs up."""
        gevent.killall(self._greenlets)
        if self._check is not None:
            self._check.stop()
        if self._wire is not None:
            self._wire.close()

    def estimate(self) -> tuple[int, int]:
        """(master's clock minus ours, uncertainty), ns."""
        while not self.offset:
            gevent.get_hub().wait(gevent.get_hub().loop.timer(0.001))
        return self.offset.estimate(same_host=self.same_host)

    # -- greenlets ------------------------------------------------------------------------------

    def _listen_for_ever(self) -> None:
        while not self._given_up:
            wire = self._wire
            if wire is None:
                self._reconnect()
                continue
            try:
                message = wire.receive()
            except (OSError, Tampered):
                message = None
            if message is None:
                self._broken(wire)
            else:
                self._obey(message)

    def _reconnect(self) -> None:
        try:
            self._enter()
            self._wake.set()
        except (OSError, Tampered):
            self._give_up_if_orphaned()
            _pause(_RETRY_S)
        except (LoadError, UsageError, Refused) as error:
            what = error.what if isinstance(error, LoadError | UsageError) else str(error)
            self._give_up(what)

    def _broken(self, wire: Wire) -> None:
        wire.close()
        if self._wire is wire:
            self._wire = None

    def _obey(self, message: Mapping[str, Any]) -> None:
        self._heard = time.monotonic()
        kind = message["type"]
        if kind == "ack":
            self._acknowledged(message)
        elif kind == "go" and not self.start.ready():
            self.start.set(message["t0_ns"])
        elif kind == "stop":
            gevent.spawn(self.on_stop, message["reason"])

    def _acknowledged(self, message: Mapping[str, Any]) -> None:
        self.offset.add(
            message["sent_ns"], message["got_ns"], message["answered_ns"], time.monotonic_ns()
        )
        self._outbox.acknowledged(message["taken"])
        if self._outbox.empty:
            self._flushed.set()

    def _write_for_ever(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while (wire := self._wire) is not None and (entry := self._outbox.take()) is not None:
                number, body = entry
                self._write(wire, {"type": "data", "number": number, "body": body})

    def _write(self, wire: Wire, message: dict[str, Any]) -> None:
        try:
            wire.send({**message, "sent_ns": time.monotonic_ns()})
        except OSError:
            self._broken(wire)

    def _ping_for_ever(self) -> None:
        pings = 0
        while not self._given_up:
            if (wire := self._wire) is not None:
                self._write(wire, {"type": "ping", **self._clock()})
            pings += 1
            _pause(_PING_S if pings > _FIRST_PINGS else _FIRST_PING_S)
            self._give_up_if_orphaned()

    def _clock(self) -> dict[str, int]:
        if not self.offset:
            return {}
        offset, uncertainty = self.offset.estimate(same_host=self.same_host)
        return {"offset_ns": offset, "uncertainty_ns": uncertainty}

    # -- giving up ------------------------------------------------------------------------------

    def _give_up_if_orphaned(self) -> None:
        silence = time.monotonic() - self._heard
        if silence > _STALE_S and self._wire is not None:
            self._broken(self._wire)  # a connection can be dead without saying so
        if silence < ORPHANED_AFTER_S:
            return
        _pause(0.05)  # after a stall of our own what the master said may lie unread
        if time.monotonic() - self._heard >= ORPHANED_AFTER_S:
            self._give_up(f"nothing was heard of the master for {ORPHANED_AFTER_S:g} s")

    def _give_up(self, why: str) -> None:
        if self._given_up or self._done:
            return
        self._given_up = True
        with contextlib.suppress(Exception):
            if self._wire is not None:
                self._wire.close()
        self.on_lost(why)


def _pause(seconds: float) -> None:
    """Sleeps; not gevent.sleep, which the gate watches for think time."""
    hub = gevent.get_hub()
    hub.wait(hub.loop.timer(seconds))
