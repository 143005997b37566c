"""loadkit as a user starts it, a service that remembers what it was sent, and a Prometheus."""

from __future__ import annotations

import contextlib
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from answering import Answering, answering
from run_helpers import bundle_of as bundle_of
from run_helpers import loadkit as loadkit
from run_helpers import report_json as report_json

from loadkit.stack import binaries
from loadkit.stack.freeports import free_port


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Service:
    """``/fail`` answers 503, ``/late/N`` 200 after N seconds, everything else 200."""

    url: str
    seen: list[Seen] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [one.path for one in self.seen]


@contextlib.contextmanager
def service() -> Iterator[Service]:
    """One in threads of this process, for the length of a block."""

    class Handler(Answering):
        def answer(self) -> None:
            found.seen.append(Seen(self.command, self.path, dict(self.headers), self.read()))
            if self.path.startswith("/late/"):
                time.sleep(float(self.path.split("/")[2]))
            status = 503 if self.path.startswith("/fail") else 200
            self.send(status, '{"fine": true}', "application/json")

    with answering(Handler) as url:
        found = Service(url)
        yield found


def written(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@contextlib.contextmanager
def prometheus(folder: Path) -> Iterator[str]:
    """The URL of a real one that watches itself."""
    program = binaries.ensure(lambda text: None, ("prometheus",))["prometheus"].path
    port = free_port()
    config = folder / "prometheus.yml"
    config.write_text(
        "global: {scrape_interval: 1s}\n"
        "scrape_configs:\n"
        f"  - {{job_name: own, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n"
    )
    command = [
        *(str(program), f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}"),
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{url}/-/ready", timeout=5):
                break
            assert time.monotonic() < deadline, (folder / "prometheus.log").read_text()
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)
