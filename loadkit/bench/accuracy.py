"""``loadkit bench accuracy``: what each tool says of latency, beside the truth.

**A server that knows.** Our own server keeps how long each of its answers took; each tool sends at
a low rate, and its percentiles are shown beside the server's of the same run.

**A server that freezes.** nginx is stopped (SIGSTOP) for F seconds in a run of T seconds at R a
second, and goes on then. In the open model the arrivals of the freeze are answered when it ends, so
one that was due x seconds before the end took x: the frozen ones are spread evenly over 0 to F, and
their share of all arrivals is F/T. What is answered at once took next to nothing. So the quantile q
is F − (1 − q)·T where q > 1 − F/T, the highest is F less half a gap between arrivals at most, and
below it is what the server needs without a freeze. F is taken as it was, on the clock of this
process; what the server and the tool need to catch up comes on top and is the tool's to explain.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any

from loadkit.bench import result as results
from loadkit.bench import servers
from loadkit.bench.bench import Bench
from loadkit.bench.peers import OURS, chosen
from loadkit.bench.peers.peer import CLOSED, Job, Peer, Said
from loadkit.bench.process import Pinned, ended
from loadkit.bench.result import Result, Verdict
from loadkit.bench.scratch import scratch
from loadkit.errors import StackError

NAME = "accuracy"
DURATION_S, CONNECTIONS = 30.0, 64
RATE, FREEZE_RATE, FREEZE_S = 200.0, 500.0, 6.0
WITHIN = 0.03

_TRUTH = ("--median-ms", "5", "--slow-share", "0.02", "--slow-ms", "80")
_QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 1.0}
_FREEZE_AT = 1 / 3
_BEGIN_S, _END_S = 30.0, 120.0
_KNOWN, _FROZEN = "A server that knows", "A server that freezes"


def frozen_quantile(q: float, freeze_s: float, duration_s: float, rate: float) -> float | None:
    """The analytic answer, seconds; None where the freeze does not reach.

    ``q`` is 0 to 1; of 1 it is the arrival that was due first after the freeze began, on average
    half a gap of 1/``rate`` seconds.
    """
    if q >= 1:
        return freeze_s - 0.5 / rate
    found = freeze_s - (1 - q) * duration_s
    return found if found > 0 else None


@dataclass(frozen=True, slots=True)
class _Run:
    said: Said
    frozen_s: float = 0.0


def run(bench: Bench, *, duration_s: float, connections: int) -> Result:
    """Asks every tool that is there, both questions.

    Raises:
        UsageError: a tool that is not known, or a duration in which the freeze does not fit.
        StackError: a server did not start.
    """
    result = Result(
        NAME,
        settings={
            "duration_s": duration_s,
            "rate": RATE,
            "freeze_rate": FREEZE_RATE,
            "freeze_s": _freeze_s(duration_s),
            "connections": connections,
        },
        asked_for=tuple(bench.only),
    )
    peers = []
    for peer in chosen(bench.only):
        why = peer.missing()
        if why is None:
            peers.append(peer)
            result.versions[peer.name] = peer.version()
        else:
            result.missing[peer.name] = why
    able = [peer for peer in peers if peer.model != CLOSED]
    for peer in peers:
        if peer.model == CLOSED:
            result.notes.append(f"{peer.title}: left out, it {peer.note}.")
    with result.until_interrupted():
        for peer in able:
            _known(bench, peer, duration_s, connections, result)
        _frozen(bench, able, duration_s, connections, result)
    result.notes += [f"{peer.title}: {peer.note}." for peer in able] + bench.notes
    return result


def _freeze_s(duration_s: float) -> float:
    """Six seconds, or a fifth of a run that is too short for them."""
    return min(FREEZE_S, duration_s / 5)


def _known(bench: Bench, peer: Peer, duration_s: float, connections: int, result: Result) -> None:
    folder = scratch(bench.directory, f"{peer.name}-known")
    with servers.truth_server(bench.cores.server, folder / "server", _TRUTH) as server:
        job = Job(server.url, connections, duration_s, folder, servers.BODY, RATE)
        try:
            said = _driven(bench, peer, server, job).said
        except StackError as error:
            _not_measured(bench, peer, _KNOWN, error, result)
            return
        truth = server.told()
    both = [(said.service or said, f"{peer.title} says")]
    row: dict[str, Any] = {"part": _KNOWN, "tool": peer.name}
    for shown, title in both:
        times = _times(shown)
        off = {
            key: times[key] / truth[key] - 1
            for key in _QUANTILES
            if times[key] is not None and truth[key]
        }
        result.rows.append(
            {**row, "title": title, "model": peer.model, "requests": shown.requests, **times,
             "off": off}
        )  # fmt: skip
    result.rows.append(
        {**row, "title": "  the server", "model": None, "requests": truth["count"]}
        | {key: truth[key] for key in _QUANTILES}
    )
    bench.say(f"{peer.title}: asked about a server that knows")


def _frozen(
    bench: Bench, peers: list[Peer], duration_s: float, connections: int, result: Result
) -> None:
    freeze_s = _freeze_s(duration_s)
    result.rows.append(
        {"part": _FROZEN, "tool": "", "title": "analytic answer", "model": None}
        | {"requests": round(FREEZE_RATE * duration_s)}
        | _expected(freeze_s, duration_s)
    )
    with servers.static_server(bench.cores.server, bench.directory / "server") as server:
        result.versions["server"] = server.title
        for peer in peers:
            folder = scratch(bench.directory, f"{peer.name}-frozen")
            job = Job(server.url, connections, duration_s, folder, servers.BODY, FREEZE_RATE)
            try:
                done = _driven(bench, peer, server, job, freeze_s)
            except StackError as error:
                _not_measured(bench, peer, _FROZEN, error, result)
                continue
            expected = _expected(done.frozen_s, duration_s)
            _frozen_rows(peer, done.said, expected, result)
            bench.say(f"{peer.title}: asked about a server that freezes")
            if peer.name == OURS:
                result.verdicts += _verdicts(done.said, expected)


def _frozen_rows(peer: Peer, said: Said, expected: dict[str, float | None], result: Result) -> None:
    shown = [(said, peer.title if said.service is None else f"{peer.title}, response time")]
    if said.service is not None:
        shown.append((said.service, f"{peer.title}, service time"))
    for account, title in shown:
        times = _times(account)
        row: dict[str, Any] = {
            "part": _FROZEN,
            "tool": peer.name,
            "title": title,
            "model": peer.model,
            "requests": account.requests,
            "unsent": account.unsent,
            **times,
            "off": {
                key: times[key] / value - 1  # type: ignore[operator]
                for key, value in expected.items()
                if value and times[key] is not None
            },
        }
        if account.unsent:
            row["title"] += f" (gave up {account.unsent:,})"
        result.rows.append(row)


def _expected(freeze_s: float, duration_s: float) -> dict[str, float | None]:
    return {
        key: frozen_quantile(q, freeze_s, duration_s, FREEZE_RATE) for key, q in _QUANTILES.items()
    }


def _times(said: Said) -> dict[str, float | None]:
    return {key: getattr(said, key) for key in _QUANTILES}


def _verdicts(said: Said, expected: dict[str, float | None]) -> list[Verdict]:
    found = []
    for key in ("p95", "p99", "max"):
        value, wanted = _times(said)[key], expected[key]
        off = None if value is None or not wanted else abs(value / wanted - 1) * 100
        what = f"frozen server: {key} of response time off the analytic answer"
        found.append(results.judge_at_most(what, WITHIN * 100, off, "%"))
    return found


def _driven(bench: Bench, peer: Peer, server: Any, job: Job, freeze_s: float = 0.0) -> _Run:
    """A tool's run from beginning to end, with a freeze in it or not."""
    before = server.requests()
    command = peer.command(job)
    process = Pinned(peer.name, command, core=bench.cores.generator, directory=job.directory)
    frozen_s = 0.0
    with ended(process):
        if freeze_s:
            _until_first(server, process, before)
            time.sleep(job.duration_s * _FREEZE_AT)
            frozen_s = _freeze(server, freeze_s)
        status = process.wait(job.duration_s + _END_S)
    try:
        return _Run(peer.said(job, process.out), frozen_s)
    except (StackError, KeyError, ValueError, TypeError) as error:
        raise process.failure(f"(status {status}) gave no account: {error}") from error


def _until_first(server: Any, process: Pinned, before: int) -> None:
    deadline = time.monotonic() + _BEGIN_S
    while server.requests() <= before:
        if not process.running or time.monotonic() > deadline:
            raise process.failure("sent nothing")
        time.sleep(0.01)


def _freeze(server: Any, seconds: float) -> float:
    """Stops the server; how long it was, s."""
    over = threading.Event()
    with servers.frozen(server):
        since = time.monotonic_ns()
        over.wait(seconds)
    return (time.monotonic_ns() - since) / 1e9


def _not_measured(bench: Bench, peer: Peer, part: str, error: StackError, result: Result) -> None:
    bench.say(f"warning: {error.what}")
    result.failed.setdefault(peer.name, f"{part.lower()}: {error.what}")
