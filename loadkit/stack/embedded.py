"""The embedded stack: cost service, node exporter, Alertmanager, Prometheus on loopback.

::

    async with EmbeddedStack(StackRequest(...)) as stack:
        await stack.wait_for_targets()
        ... stack.service_url, stack.prometheus_url ...
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import loadkit
from loadkit.errors import StackError
from loadkit.stack import binaries
from loadkit.stack.components import Component, Died, Stack, Started
from loadkit.stack.config_files import config_file
from loadkit.stack.http import get_json
from loadkit.stack.prometheus_config import EMBEDDED_JOBS
from loadkit.stack.server import Place
from loadkit.stack.servers import Alertmanager, NodeExporter, Prometheus
from loadkit.stack.service import CostService
from loadkit.stack.timescale import SCALE

PROGRAMS = ("prometheus", "alertmanager", "node_exporter")


def _ignore(_: object) -> None:
    return None


@dataclass(frozen=True, slots=True)
class StackRequest:
    """What an embedded stack is to be.

    ``directory`` gets a folder for each part, with its configuration, output and data.
    ``rule_files`` are (name, text), scaled already; ``alertmanager_text`` has receivers on
    loopback already. ``prometheus_text`` is the prometheus.yml whose jobs are followed, by default
    the corrected one. ``otlp_endpoint`` is where the service sends spans. The callbacks are called
    from the event loop: ``on_progress`` with words about downloads, ``on_started`` for each part
    that is up, ``on_death`` for each that ends by itself.
    """

    run_id: str
    directory: Path
    rule_files: Sequence[tuple[str, str]]
    alertmanager_text: str
    otlp_endpoint: str | None = None
    prometheus_text: str | None = None
    scale: int = SCALE
    on_progress: Callable[[str], None] = _ignore
    on_started: Callable[[Started], None] = _ignore
    on_death: Callable[[Died], None] = _ignore
    service_arguments: Sequence[str] = field(default=())


class EmbeddedStack:
    """Everything is up inside ``async with`` and stopped on every way out of it.

    Raises:
        StackError: a program is missing and cannot be downloaded, or a part did not get healthy.
    """

    jobs = EMBEDDED_JOBS

    def __init__(self, request: StackRequest) -> None:
        self.request = request
        self._stack: Stack | None = None
        self._versions: dict[str, str] = {}

    async def __aenter__(self) -> EmbeddedStack:
        request = self.request
        loop = asyncio.get_running_loop()

        def progress(words: str) -> None:
            loop.call_soon_threadsafe(request.on_progress, words)

        found = await asyncio.to_thread(binaries.ensure, progress, PROGRAMS)
        self._versions = await _versions(found)
        self._build(found)
        stack = Stack(self._components(), request.on_started, request.on_death)
        await stack.__aenter__()
        self._stack = stack
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.stop()

    def abandon(self) -> None:
        """Leaves everything running: it lives on after this process. For ``stack up``."""
        if self._stack is not None:
            self._stack.abandon()
        self._stack = None

    def _build(self, found: Mapping[str, binaries.Binary]) -> None:
        request = self.request
        text = request.prometheus_text
        if text is None:
            text = config_file("corrected", "prometheus.yml").read_text(encoding="utf-8")
        self._service = CostService(
            self._place("service"), request.otlp_endpoint, request.service_arguments
        )
        self._node = NodeExporter(self._place("node_exporter"), found["node_exporter"])
        self._alertmanager = Alertmanager(
            self._place("alertmanager"), found["alertmanager"], request.alertmanager_text
        )
        self._prometheus = Prometheus(
            self._place("prometheus"),
            found["prometheus"],
            text=text,
            rule_files=request.rule_files,
            ports=lambda: {
                "llm-cost-ops": self._service.metrics_port,
                "node": self._node.port,
            },
            alertmanager=lambda: self._alertmanager.port,
            scale=request.scale,
        )

    def _place(self, name: str) -> Place:
        return Place(self.request.run_id, self.request.directory.absolute() / name)

    def _components(self) -> tuple[Component, ...]:
        return self._service, self._node, self._alertmanager, self._prometheus

    async def wait_for_targets(self, deadline_s: float = 20.0) -> None:
        """Returns when Prometheus has scraped every job with success and knows Alertmanager.

        That takes about 6 s: Prometheus passes its targets on once in 5 s.

        Raises:
            StackError: one is still down at the deadline; with the scrape's error.
        """
        end = time.monotonic() + deadline_s
        while True:
            missing = await self._not_up()
            if not missing:
                return
            if time.monotonic() > end:
                raise StackError(
                    f"not everything is up after {deadline_s:g} s: {'; '.join(missing)}",
                    remedy=f"Prometheus' own output: {self._prometheus.output}",
                )
            await asyncio.sleep(0.1)

    async def _not_up(self) -> list[str]:
        port = self._prometheus.port
        targets = await get_json(port, "/api/v1/targets?state=active")
        managers = await get_json(port, "/api/v1/alertmanagers")
        if targets is None or managers is None:
            return ["Prometheus does not answer"]
        states = {
            target["labels"]["job"]: target["lastError"] or target["health"]
            for target in targets["data"]["activeTargets"]
        }
        down = [
            f"job {job}: {states.get(job, 'not found yet')}"
            for job in self.jobs
            if states.get(job) != "up"
        ]
        if not managers["data"]["activeAlertmanagers"]:
            down.append("Prometheus has not found Alertmanager yet")
        return down

    @property
    def service_url(self) -> str:
        """The API, such as ``http://127.0.0.1:40001``."""
        return self._service.endpoints["service"]

    @property
    def metrics_url(self) -> str:
        """The service's ``/metrics``."""
        return self._service.endpoints["metrics"]

    @property
    def fault_url(self) -> str:
        """Where faults are switched, with ``fault_token``."""
        return self._service.endpoints["faults"]

    @property
    def fault_token(self) -> str:
        """A secret of this run; belongs in no bundle."""
        return self._service.fault_token

    @property
    def prometheus_url(self) -> str:
        """Prometheus' root."""
        return self._prometheus.endpoints["prometheus"]

    @property
    def alertmanager_url(self) -> str:
        """Alertmanager's root."""
        return self._alertmanager.endpoints["alertmanager"]

    @property
    def pids(self) -> dict[str, int]:
        """Part → process id."""
        return {part.name: part.process.pid for part in self._components()}

    @property
    def versions(self) -> dict[str, str]:
        """Part → version."""
        return {"service": loadkit.__version__, **self._versions}

    @property
    def log_files(self) -> dict[str, Path]:
        """Part → its log; the service's is JSON, an object a line."""
        return {
            "service": self._service.log_file,
            "node_exporter": self._node.output,
            "alertmanager": self._alertmanager.output,
            "prometheus": self._prometheus.output,
        }


async def _versions(found: Mapping[str, binaries.Binary]) -> dict[str, str]:
    said = await asyncio.gather(*(asyncio.to_thread(found[name].version) for name in PROGRAMS))
    return dict(zip(PROGRAMS, said, strict=True))
