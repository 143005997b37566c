"""Real servers for the tests of collectors: small configurations, free ports, always stopped."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from loadkit.bundle.schema import BY_NAME
from loadkit.model import Finding
from loadkit.stack import binaries
from loadkit.stack.freeports import free_port
from loadkit.stack.http import answers
from loadkit.stack.process import ManagedProcess

RUN_ID = "collect-tests"


@dataclass
class Tables:
    """A sink and notes that keep everything, and refuse what is no column."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        columns = {column.name for column in BY_NAME[table].columns}
        for row in rows:
            assert set(row) <= columns, set(row) - columns
        self.rows.setdefault(table, []).extend(dict(row) for row in rows)

    def note(self, finding: Finding) -> None:
        self.findings.append(finding)

    def of(self, table: str) -> list[dict[str, Any]]:
        return self.rows.get(table, [])

    def slugs(self) -> list[str]:
        return [finding.slug for finding in self.findings]

    def values(self, name: str) -> list[float]:
        """Values of all samples of a metric."""
        numbers = {row["series"] for row in self.of("series") if row["name"] == name}
        return [row["value"] for row in self.of("metrics") if row["series"] in numbers]


async def until(check: Callable[[], bool], deadline_s: float = 15.0) -> None:
    import asyncio

    end = time.monotonic() + deadline_s
    while not check():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running(
    name: str, command: Sequence[str], directory: Path, healthy: Callable[[], Awaitable[bool]]
) -> AsyncIterator[ManagedProcess]:
    process = ManagedProcess(
        name, command, run_id=RUN_ID, output=directory / f"{name}.log", directory=directory
    )
    await process.start()
    try:
        await process.until(healthy, deadline_s=20)
        yield process
    finally:
        await process.stop()


@dataclass
class Server:
    process: ManagedProcess
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


RULES = {
    "groups": [
        {
            "name": "tests",
            "interval": "500ms",
            "rules": [
                {"record": "tests:up:sum", "expr": "sum(up)"},
                {
                    "alert": "AlwaysFiring",
                    "expr": "vector(0.25) > 0",
                    "for": "1s",
                    "labels": {"severity": "critical"},
                    "annotations": {"description": "on purpose, password=hunter2"},
                },
            ],
        }
    ]
}


def binary(name: str) -> binaries.Binary:
    return binaries.ensure(lambda _: None, [name])[name]


@contextlib.asynccontextmanager
async def prometheus(
    directory: Path,
    *,
    alertmanager_port: int | None = None,
    rules: Mapping[str, Any] = RULES,
    port: int | None = None,
) -> AsyncIterator[Server]:
    """Scrapes itself every 500 ms."""
    program = binary("prometheus")
    directory.mkdir(exist_ok=True)
    port = port or free_port()
    (directory / "rules.yml").write_text(yaml.safe_dump(rules))
    config: dict[str, Any] = {
        "global": {
            "scrape_interval": "500ms",
            "scrape_timeout": "500ms",
            "evaluation_interval": "500ms",
        },
        "rule_files": [str(directory / "rules.yml")],
        "scrape_configs": [
            {"job_name": "prometheus", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        ],
    }
    if alertmanager_port is not None:
        config["alerting"] = {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{alertmanager_port}"]}]}]
        }
    (directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        str(program.path),
        f"--config.file={directory / 'prometheus.yml'}",
        f"--storage.tsdb.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--web.enable-lifecycle",
        "--rules.alert.resend-delay=1s",
    ]
    if program.directory is not None:  # the package's page templates lie beside it
        command[0] = str(program.path)
    async with running(
        "prometheus", command, directory, lambda: answers(port, "/-/ready")
    ) as process:
        yield Server(process, port)


@contextlib.asynccontextmanager
async def alertmanager(directory: Path, config: Mapping[str, Any]) -> AsyncIterator[Server]:
    program = binary("alertmanager")
    directory.mkdir(exist_ok=True)
    port = free_port()
    (directory / "alertmanager.yml").write_text(yaml.safe_dump(dict(config)))
    command = [
        str(program.path),
        f"--config.file={directory / 'alertmanager.yml'}",
        f"--storage.path={directory / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    async with running(
        "alertmanager",
        command,
        program.directory or directory,
        lambda: answers(port, "/-/ready"),
    ) as process:
        yield Server(process, port)
