"""Puts the parts together, serves until it is told to stop, and takes them apart again."""

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from loadkit.reference import gauges
from loadkit.reference.app import make_app
from loadkit.reference.auth import DEMO_KEYS, read_keys, user_rows
from loadkit.reference.cache import MemoryPricingCache
from loadkit.reference.faults import Faults, wake_on
from loadkit.reference.faults.control import serve_faults
from loadkit.reference.lag import LoopLag
from loadkit.reference.logs import JsonLog, bridge
from loadkit.reference.memory import MemoryTracking
from loadkit.reference.metrics import CONTENT_TYPE, Metrics
from loadkit.reference.notify import BudgetWatch, QueueNotifier
from loadkit.reference.pricing import CATALOGUE
from loadkit.reference.services import Services
from loadkit.reference.settings import Settings
from loadkit.reference.sidecar import QuietHandler, Sidecar, listen
from loadkit.reference.storage.schema import add_users, prepare
from loadkit.reference.storage.sqlite import SqliteStorage
from loadkit.reference.tracing import Tracing

SWITCH_S = 0.0005
"""How long a thread may keep the interpreter to itself: at Python's own 5 ms, spans being encoded
make a request wait several times that long."""


class _Server(uvicorn.Server):
    """uvicorn's, but signals are ours, and it says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone: uvicorn would raise them again at the end."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then say so."""
        await super().startup(sockets)
        self.listening.set()


class _MetricsHandler(QuietHandler):
    metrics: Metrics

    def do_GET(self) -> None:
        """The page, whatever format is asked for."""
        began = time.perf_counter()
        if self.path.partition("?")[0] != "/metrics":
            self.answer(404, "text/plain", b"there is only /metrics\n")
            return
        body = self.metrics.render()
        self.metrics.count("GET", "/metrics", 200, time.perf_counter() - began)
        self.answer(200, CONTENT_TYPE, body)


def _prepare_database(settings: Settings, stack: AsyncExitStack) -> tuple[str, bytes]:
    """Path and salt of a database that exists and knows the keys."""
    if settings.database is None:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="llm-cost-ops-", ignore_cleanup_errors=True)
        )
        path = str(Path(folder) / "costs.sqlite")
    else:
        path = str(settings.database)
    salt = prepare(path)
    keys = dict(DEMO_KEYS) if settings.demo_keys else {}
    if settings.api_keys is not None:
        keys.update(read_keys(settings.api_keys))
    add_users(path, user_rows(keys, salt))
    return path, salt


def _make_faults(settings: Settings, log: JsonLog) -> Faults | None:
    if settings.fault_port is None:
        return None

    def changed(action: str, fault: dict[str, Any]) -> None:
        fields = {name: fault[name] for name in ("kind", "value", "step", "duration")}
        log.write("warning", action, f"Fault {fault['id']}", fault_id=fault["id"], **fields)

    return Faults(changed)


def _make_tracking(log: JsonLog) -> MemoryTracking:
    def changed(action: str, tracking: dict[str, Any]) -> None:
        log.write("warning", action, f"Memory to {Path(tracking['file']).name}")

    return MemoryTracking(changed)


class Service:
    """All parts of a running service. `await start()`, then `serve()`; everything ends with it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = AsyncExitStack()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Start, print the ready line, serve until SIGTERM or SIGINT. Raises SetupError."""
        sys.setswitchinterval(SWITCH_S)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        async with self._stack:
            log = JsonLog(self._settings.log_file)
            self._stack.callback(log.close, 0.3)
            handler = bridge(log)
            self._stack.callback(logging.getLogger().removeHandler, handler)
            await self._run(log)

    async def _run(self, log: JsonLog) -> None:
        settings, stack = self._settings, self._stack
        sock = listen(settings.host, settings.port, "--port")
        stack.callback(sock.close)
        path, salt = _prepare_database(settings, stack)
        metrics = Metrics()
        tracing = None if settings.otlp_endpoint is None else Tracing(settings.otlp_endpoint, log)
        if tracing is not None:
            stack.callback(tracing.close)
        faults = _make_faults(settings, log)
        storage = SqliteStorage(
            path,
            salt,
            pool_size=settings.pool_size,
            queue_size=settings.queue_size,
            limit_of=(lambda size: size) if faults is None else faults.slots,
            refuses=(lambda: False) if faults is None else faults.refuses,
        )
        stack.push_async_callback(storage.close)
        notifier = QueueNotifier(BudgetWatch(log), log)
        stack.push_async_callback(notifier.close)
        cache = MemoryPricingCache()
        services = Services(storage, cache, notifier, metrics, log)
        app = make_app(services, None if tracing is None else tracing.tracer, faults)
        server = _Server(_config(app, settings))
        self._watch(services, cache, server, tracing)
        ports = self._serve_sidecars(metrics, faults, storage, log)
        ports = {"ready": True, "api": sock.getsockname()[1], **ports, "pid": os.getpid()}
        await self._serve(server, sock, ports, log)

    def _watch(
        self,
        services: Services,
        cache: MemoryPricingCache,
        server: _Server,
        tracing: Tracing | None,
    ) -> None:
        metrics = services.metrics
        lag = LoopLag()
        self._stack.callback(lag.close)
        gauges.watch_storage(metrics, services.storage)
        gauges.watch_notifier(metrics, services.notifier)
        gauges.watch_spans(metrics, None if tracing is None else tracing.processor)
        state = server.server_state
        gauges.watch_process(metrics, lag, lambda: len(state.connections), services.log, cache)
        metrics.declare("GET", "/metrics", (200,))
        for price in CATALOGUE:
            metrics.declare_model(price.provider, price.model)

    def _serve_sidecars(
        self, metrics: Metrics, faults: Faults | None, storage: SqliteStorage, log: JsonLog
    ) -> dict[str, int | None]:
        settings, stack = self._settings, self._stack
        handler = type("MetricsHandler", (_MetricsHandler,), {"metrics": metrics})
        page = Sidecar(settings.host, settings.metrics_port, handler, "--metrics-port")
        stack.callback(page.close)
        if faults is None or settings.fault_port is None or settings.fault_token is None:
            return {"metrics": page.port, "faults": None}
        loop = asyncio.get_running_loop()
        faults.bind(loop)
        gauges.watch_locks(metrics, faults.locks)
        faults.on_end(lambda: wake_on(loop, storage.pool.wake))
        memory = _make_tracking(log)
        stack.callback(memory.stop)
        control = serve_faults(settings.fault_port, faults, memory, settings.fault_token)
        stack.callback(control.close)
        stack.callback(faults.close)
        return {"metrics": page.port, "faults": control.port}

    async def _serve(
        self, server: _Server, sock: socket.socket, ready: dict[str, Any], log: JsonLog
    ) -> None:
        task = asyncio.create_task(server.serve([sock]), name="api")
        waiting = asyncio.create_task(server.listening.wait())
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        gc.collect()
        # What is there now stays: no need to look at it again in every full collection.
        gc.freeze()
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        log.write("info", "service_started", "Listening", **ready)
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        server.should_exit = True
        await task
        log.write("info", "service_stopped", "Stopped")


def _config(app: Any, settings: Settings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        host=settings.host,
        http="httptools",
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=2048,
        # Longer than clients keep an idle connection: else one side closes while the other sends.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
