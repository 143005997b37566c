"""Receives all spans over OTLP/HTTP and keeps the telling ones, in a process of its own.

``python -m loadkit.collect.otlp --directory BUNDLE --run-id ID [--port N] [--seed N]`` listens on
loopback, prints ``{"ready": true, "port": N, "pid": N}``, takes protobuf and JSON (gzip too) at
``POST /v1/traces``, and writes the tables ``spans`` and ``span_counts``. It ends with what it has
written on SIGTERM, and when its standard input ends, which it does with whoever started it.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
import time
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from loadkit.bundle.stream import SUFFIX, StreamWriter
from loadkit.collect import otlp_decode
from loadkit.collect.httpd import HttpServer, Request, Response
from loadkit.collect.otlp_keep import Keeper, Limits
from loadkit.collect.spans import SpanReceiver
from loadkit.errors import CollectError

__all__ = ["SpanReceiver", "SpanServer", "main", "serve"]

PATH = "/v1/traces"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
UNWRITTEN = 3
"""Exit status when rows could not be written."""
_DECIDE_S = 0.25
_TAKEN = ExportTraceServiceResponse().SerializeToString()


class SpanServer:
    """The receiver, without its process.

    Args:
        directory: the bundle.
        port: 0 for a free one.
        seed: of the random sample.
        limits: see Limits.
    """

    def __init__(
        self, directory: Path, port: int = 0, seed: int = 0, limits: Limits | None = None
    ) -> None:
        tables = directory / "tables"
        tables.mkdir(parents=True, exist_ok=True)
        self._spans = StreamWriter(tables / f"spans{SUFFIX}", "spans")
        self._counts = StreamWriter(tables / f"span_counts{SUFFIX}", "span_counts")
        self._keeper = Keeper(limits, seed)
        self._server = HttpServer(self._handle, port)
        self._counted_at = time.monotonic()

    @property
    def lost(self) -> int:
        """Rows that could not be written; final after :meth:`run`."""
        return self._spans.lost + self._counts.lost

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    async def run(self, ended: asyncio.Event) -> None:
        """Receives until ``ended`` is set, then writes what is left. Call :meth:`open` before."""
        beat = time.monotonic()
        while not ended.is_set():
            beat = max(beat + _DECIDE_S, time.monotonic())
            try:
                async with asyncio.timeout(beat - time.monotonic()):
                    await ended.wait()
            except TimeoutError:
                self._beat(time.monotonic())
        await self._server.stop()
        self._spans.append(self._keeper.decide(time.monotonic(), final=True))
        self._count()
        self._spans.close()
        self._counts.close()

    async def open(self) -> None:
        """Listens.

        Raises:
            CollectError: the port is taken.
        """
        await self._server.start()
        self._counted_at = time.monotonic()

    def _beat(self, now_s: float) -> None:
        rows = self._keeper.decide(now_s)
        if rows:
            self._spans.append(rows)
        if now_s - self._counted_at >= 1.0:
            self._counted_at += 1.0
            self._count()
            self._spans.flush()
            self._counts.flush()

    def _count(self) -> None:
        counts = self._keeper.take_counts()
        self._counts.append(
            [
                {
                    "mono_ns": time.monotonic_ns(),
                    "spans": counts.spans,
                    "traces": counts.traces,
                    "kept_traces": counts.kept_traces,
                    "dropped": counts.dropped,
                }
            ]
        )

    def _handle(self, request: Request) -> Response:
        if request.path != PATH:
            return Response(404, b"POST " + PATH.encode())
        if request.method != "POST":
            return Response(405, b"POST only")
        try:
            if request.content_type == PROTOBUF:
                found = otlp_decode.decode(request.body)
            elif request.content_type == JSON:
                found = otlp_decode.decode_json(request.body)
            else:
                return Response(415, f"Content-Type must be {PROTOBUF} or {JSON}".encode())
        except otlp_decode.Malformed as error:
            return Response(400, str(error)[:200].encode())
        self._keeper.add(otlp_decode.spans(found), time.monotonic())
        if request.content_type == JSON:
            return Response(200, b"{}", JSON)
        return Response(200, _TAKEN, PROTOBUF)


async def serve(directory: Path, port: int, seed: int) -> int:
    """Runs the process; returns its exit status."""
    server = SpanServer(directory, port, seed)
    try:
        await server.open()
    except CollectError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, ended.set)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it decides
    loop.add_reader(sys.stdin.fileno(), _read_stdin, ended)
    print(json.dumps({"ready": True, "port": server.port, "pid": os.getpid()}), flush=True)
    # Spans live for seconds in numbers, and none is part of a cycle: full collections would find
    # nothing and stop the receiver while they look.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    await server.run(ended)
    if server.lost:
        print(f"{server.lost} rows could not be written", file=sys.stderr)
        return UNWRITTEN
    return 0


def _read_stdin(ended: asyncio.Event) -> None:
    try:
        data = os.read(sys.stdin.fileno(), 4096)
    except OSError:
        data = b""
    if not data:
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        ended.set()


def main(arguments: list[str] | None = None) -> int:
    """The command line above."""
    parser = argparse.ArgumentParser(prog="python -m loadkit.collect.otlp", description=__doc__)
    parser.add_argument("--directory", type=Path, required=True, help="the bundle")
    parser.add_argument("--run-id", required=True, help="marks the process; see LOADKIT_RUN_ID")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--seed", type=int, default=0, help="of the random sample")
    given = parser.parse_args(arguments)
    return asyncio.run(serve(given.directory, given.port, given.seed))


if __name__ == "__main__":
    sys.exit(main())
