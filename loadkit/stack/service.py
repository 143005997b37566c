"""The reference cost service as a part of a stack."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from loadkit.errors import StackError
from loadkit.stack.freeports import LOOPBACK, listening
from loadkit.stack.http import answers
from loadkit.stack.interpreter import python_path
from loadkit.stack.process import ManagedProcess
from loadkit.stack.readyline import ready_line
from loadkit.stack.server import Place

FAULT_TOKEN = "LOADKIT_FAULT_TOKEN"
_HEALTH = "/api/v1/health"
_PORTS = ("api", "metrics", "faults")


class CostService:
    """Starts ``python -m loadkit.reference`` on ports that it chooses itself.

    Args:
        place: see Place. The database lies in its folder and is removed at the end.
        otlp_endpoint: where it sends its spans; None for nowhere.
        arguments: more arguments for the service.
    """

    name = "service"
    title = "cost service"
    needs: tuple[str, ...] = ()
    deadline_s = 30.0
    grace_s = 5.0

    def __init__(
        self, place: Place, otlp_endpoint: str | None, arguments: Sequence[str] = ()
    ) -> None:
        self.place = place
        self.fault_token = secrets.token_urlsafe(24)
        self._otlp_endpoint = otlp_endpoint
        self._arguments = tuple(arguments)
        self._process: ManagedProcess | None = None
        self._ports: dict[str, int] = {}

    @property
    def log_file(self) -> Path:
        """Its JSON log, an object a line."""
        return self.place.directory.absolute() / "service.log"

    @property
    def output(self) -> Path:
        """Everything else that it printed."""
        return self.place.directory.absolute() / "output.log"

    @property
    def process(self) -> ManagedProcess:
        """See Component."""
        if self._process is None:
            raise StackError(f"{self.title} was not started")
        return self._process

    @property
    def metrics_port(self) -> int:
        """Where Prometheus finds it; 0 before the start."""
        return self._ports.get("metrics", 0)

    @property
    def endpoints(self) -> Mapping[str, str]:
        """``service``, ``metrics`` and ``faults``. Empty before the start."""
        if not self._ports:
            return {}
        root = f"http://{LOOPBACK}"
        return {
            "service": f"{root}:{self._ports['api']}",
            "metrics": f"{root}:{self._ports['metrics']}/metrics",
            "faults": f"{root}:{self._ports['faults']}",
        }

    async def start(self) -> None:
        """See Component."""
        self.place.make()
        self._process = ManagedProcess(
            self.title,
            self._command(),
            run_id=self.place.run_id,
            output=self.output,
            directory=self.place.directory,
            environment={FAULT_TOKEN: self.fault_token, "PYTHONPATH": python_path()},
        )
        self._remove_database()  # a fresh one for each run, also after one that was cut off
        await self._process.start()
        await self._process.until(self.healthy, deadline_s=self.deadline_s)

    def _command(self) -> list[str]:
        command = [sys.executable, "-m", "loadkit.reference", "--host", LOOPBACK]
        command += ["--port", "0", "--metrics-port", "0", "--fault-port", "0"]
        command += ["--database", str(self._database), "--log-file", str(self.log_file)]
        if self._otlp_endpoint is not None:
            command += ["--otlp-endpoint", self._otlp_endpoint]
        return [*command, *self._arguments]

    @property
    def _database(self) -> Path:
        return self.place.directory.absolute() / "service.db"

    async def healthy(self) -> bool:
        """See Component."""
        if not self._ports:
            self._ports = self._read_ports()
        if not self._ports or not self.process.running:
            return False
        if (LOOPBACK, self._ports["api"]) not in listening(self.process.pid):
            return False
        return await answers(self._ports["api"], _HEALTH)

    def _read_ports(self) -> dict[str, int]:
        told = ready_line(self.output, self.process.pid)
        return {} if told is None else {name: int(told[name]) for name in _PORTS}

    async def stop(self) -> None:
        """See Component."""
        if self._process is not None and self._process.has_started:
            await self._process.stop(self.grace_s)
            self._remove_database()

    def _remove_database(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self._database}{suffix}").unlink(missing_ok=True)
