"""One measurement of a generator: a window in the middle of its run, watched from outside.

The window begins a while after the first request has reached the server, so neither the start of
the program nor its first connections count, and it ends before the generator stops. In it are
counted: requests (by the server), processor time of the generator's processes, and of the server's.
All tools are measured alike, whatever they say of themselves.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from loadkit.bench import servers
from loadkit.bench.peers.peer import Job, Peer, Said
from loadkit.bench.process import Pinned, ended, used_ns
from loadkit.errors import StackError

WARM_UP_S = 2.0
_BEGIN_S = 30.0
_END_S = 90.0
_AFTER_S = 0.5
_STEP_S = 0.01


@dataclass(frozen=True, slots=True)
class Window:
    """What happened in a window of ``seconds``. CPU times are seconds of processor time."""

    requests: int
    seconds: float
    cpu_s: float
    server_cpu_s: float
    said: Said

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds

    @property
    def cpu_per_million(self) -> float:
        """CPU seconds of the generator per million requests."""
        return self.cpu_s / self.requests * 1e6

    @property
    def busy(self) -> float:
        """The share of its core that the generator used."""
        return self.cpu_s / self.seconds

    @property
    def server_busy(self) -> float:
        """The share of its core that the server used."""
        return self.server_cpu_s / self.seconds


def measure(
    peer: Peer, server: servers.Server, job: Job, core: int, *, warm_up_s: float = WARM_UP_S
) -> Window:
    """Runs a tool once; ``job.duration_s`` is the length of the window.

    Raises:
        StackError: it sent nothing, ended early, did not end, had errors, or the machine was so
            busy that the window outlasted the run.
    """
    whole = Job(
        job.url,
        job.connections,
        warm_up_s + job.duration_s + _AFTER_S,
        job.directory,
        job.body,
        job.rate,
    )
    job.directory.mkdir(parents=True, exist_ok=True)
    before = server.requests()
    command = peer.command(whole)
    process = Pinned(peer.name, command, core=core, directory=job.directory)
    with ended(process):
        _wait_for_first(server, process, before)
        begun_ns = time.monotonic_ns()
        time.sleep(warm_up_s)
        first, since_ns = _reading(server, process), time.monotonic_ns()
        time.sleep(job.duration_s)
        last, until_ns = _reading(server, process), time.monotonic_ns()
        if not process.running:
            raise process.failure("ended before its time")
        if until_ns - begun_ns > whole.duration_s * 1e9:
            # Some of the window was after the load: its rate would be too low.
            raise StackError("the machine is too busy: a window outlasted its run")
        status = process.wait(_END_S)
    said = _said(peer, whole, process, status)
    requests = last[0] - first[0]
    if requests <= 0:
        raise process.failure("sent nothing")
    return Window(
        requests,
        (until_ns - since_ns) / 1e9,
        used_ns(first[1], last[1]) / 1e9,
        (last[2] - first[2]) / 1e9,
        said,
    )


def _wait_for_first(server: servers.Server, process: Pinned, before: int) -> None:
    deadline = time.monotonic() + _BEGIN_S
    while server.requests() <= before:
        if not process.running:
            raise process.failure(f"ended with status {process.status} and sent nothing")
        if time.monotonic() > deadline:
            raise process.failure(f"sent nothing within {_BEGIN_S:g} s")
        time.sleep(_STEP_S)


def _reading(server: servers.Server, process: Pinned) -> tuple[int, dict[int, int], int]:
    return server.requests(), process.cpu_ns(), servers.cpu_ns(server)


def _said(peer: Peer, job: Job, process: Pinned, status: int) -> Said:
    """A tool's own account of a run; errors in it make the run worthless.

    The exit status is not asked: Locust's is 1 after any failed request, hey's always 0.
    """
    try:
        said = peer.said(job, process.out)
    except (StackError, KeyError, ValueError, TypeError) as error:
        raise process.failure(f"(status {status}) gave no account: {error}") from error
    if said.errors:
        raise StackError(f"{peer.title} had {said.errors:,} errors in {said.requests:,} requests")
    return said
