"""A server that knows the truth: how long each of its answers took, on its own clock.

``python -m loadkit.bench.truth --port N [--median-ms M] [--slow-share P] [--slow-ms S]`` answers
GET and POST with a small JSON document. With a median its answers take a random time (seeded):
log-normal around the median, and a share of them ``slow-ms`` and more. The time it keeps is that
from the last byte of the request read to the answer handed to the system, not what it intended.

``/bench-counter`` (not counted) says how many it answered; ``/bench-truth`` says ``count`` and the
quantiles ``p50``, ``p95``, ``p99`` and ``max`` in seconds, by nearest rank over all values. Without
a median it only counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import resource
import signal
import time
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httptools

from loadkit.stack.freeports import LOOPBACK

_BODY = b'{"id": "0f8fad5b-d9cb-469f-a165-70867728950e", "total": "0.005850000", "ok": true}'
_COUNTER, _TRUTH = b"/bench-counter", b"/bench-truth"
_SPREAD = 0.5
_BACKLOG = 16_384
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}


def quantiles(values: Sequence[int]) -> dict[str, float | None]:
    """p50, p95, p99 and max by nearest rank; ns in, seconds out; None of nothing."""
    ordered = sorted(values)
    if not ordered:
        return dict.fromkeys(_QUANTILES)
    # The product of two floats may land just above a whole number.
    ranks = {name: max(1, math.ceil(round(q * len(ordered), 9))) for name, q in _QUANTILES.items()}
    return {name: ordered[rank - 1] / 1e9 for name, rank in ranks.items()}


class Record:
    """What was done: how many answers, and with delays the time of each, ns."""

    def __init__(self, median_s: float, slow_share: float, slow_s: float) -> None:
        self.count = 0
        self.took_ns = array("q")
        self._median_s = median_s
        self._slow_share = slow_share
        self._slow_s = slow_s
        self._random = random.Random(20_261_124)

    def delay_s(self) -> float:
        """How long the next answer is to take."""
        if not self._median_s:
            return 0.0
        draw = self._random
        if draw.random() < self._slow_share:
            return self._slow_s + draw.expovariate(4 / self._slow_s)
        return self._median_s * draw.lognormvariate(0, _SPREAD)

    def answered(self, took_ns: int) -> None:
        """An answer was given."""
        self.count += 1
        if self._median_s:
            self.took_ns.append(took_ns)

    def page(self) -> bytes:
        """The record as JSON."""
        return json.dumps({"count": self.count, **quantiles(self.took_ns)}).encode()


class Connection(asyncio.Protocol):
    """A kept connection; answers keep the order of their requests since nobody pipelines."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._parser = httptools.HttpRequestParser(self)
        self._url = b""
        self._transport: Any = None
        self._since_ns = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_url(self, url: bytes) -> None:
        """Of httptools."""
        self._url = url

    def on_message_complete(self) -> None:
        """Of httptools: the request is here in full."""
        since = time.monotonic_ns()
        if self._url == _COUNTER:
            self._write(b"%d" % self._record.count)
        elif self._url == _TRUTH:
            self._write(self._record.page())
        elif delay := self._record.delay_s():
            asyncio.get_running_loop().call_later(delay, self._answer, since)
        else:
            self._answer(since)

    def _answer(self, since_ns: int) -> None:
        if self._transport.is_closing():
            return
        self._write(_BODY)
        self._record.answered(time.monotonic_ns() - since_ns)

    def _write(self, body: bytes) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        self._transport.write(head % len(body) + body)
        if not self._parser.should_keep_alive():
            self._transport.close()


async def serve(port: int, record: Record) -> None:
    """Serves until SIGTERM."""
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    server = await loop.create_server(lambda: Connection(record), LOOPBACK, port, backlog=_BACKLOG)
    await over.wait()
    server.close()


def main() -> int:
    """Reads the options and serves; the exit status."""
    parser = argparse.ArgumentParser(prog=f"python -m loadkit.bench.{Path(__file__).stem}")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--median-ms", type=float, default=0.0)
    parser.add_argument("--slow-share", type=float, default=0.0)
    parser.add_argument("--slow-ms", type=float, default=100.0)
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    record = Record(options.median_ms / 1e3, options.slow_share, options.slow_ms / 1e3)
    asyncio.run(serve(options.port, record))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
