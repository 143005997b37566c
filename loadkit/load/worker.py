"""One of several processes that make a load: Locust's worker with our engine in it."""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import sys
import time
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import locust.runners
from gevent.monkey import get_original

from loadkit.errors import LoadError, ScenarioError, UsageError
from loadkit.load.engine import Engine
from loadkit.load.patching import wrap
from loadkit.load.plan import Plan
from loadkit.load.targets import Targets
from loadkit.load.workers import tokens
from loadkit.load.workers.address import DEFAULT_PORT, split_address
from loadkit.load.workers.identity import boot_id, versions
from loadkit.load.workers.link import Link
from loadkit.load.workers.tunnel import Entrance
from loadkit.scenario.durations import parse_duration

_start_thread: Any = get_original("_thread", "start_new_thread")


class _OwnMaster(Targets):
    """Lets this worker reach its master, whatever the load may reach."""

    address: tuple[str, int] = ("", 0)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """As Targets."""
        if event == "socket.connect" and tuple(args[1][:2]) == self.address:
            return
        super().audit(event, args)


class WorkerEngine(Engine):
    """A run in this process that begins when the master says so, and tells it everything."""

    def __init__(self, plan: Plan, link: Link, address: tuple[str, int]) -> None:
        self._address = address
        super().__init__(plan, link)
        self._link = link
        self._entrance = Entrance(lambda: link.connect("control"))
        link.on_stop = self._stop
        link.on_lost = self._lost

    def _make_targets(self) -> Targets:
        targets = _OwnMaster(self.plan.allowed_hosts, self._target_refused)
        targets.address = self._address
        return targets

    def _arguments(self) -> list[str]:
        host = ["--host", self.plan.host] if self.plan.host else []
        port = str(self._entrance.open())
        return ["--worker", "--master-host", "127.0.0.1", "--master-port", port, *host]

    def _prepare(self) -> None:
        super()._prepare()
        # Locust's master hands users out in the order of the workers' names.
        name = f"{self.plan.worker:06d}-{socket.gethostname()}"
        wrap(locust.runners, "socket", lambda _: SimpleNamespace(gethostname=lambda: name))
        self._link.follow()

    # -- the beginning ----------------------------------------------------------------------------

    def start_at(self, users: int) -> int:
        """When the master wants all to begin, by our clock."""
        return self._begins_at(users)

    def _begins_at(self, users: int) -> int:
        offset, uncertainty = self._link.estimate()
        self.sink.send(
            {
                "type": "ready",
                "users": users,
                "offset_ns": offset,
                "uncertainty_ns": uncertainty,
            }
        )
        return int(self._link.start.get()) - offset

    def begin(self, t0_ns: int, users: int) -> None:
        """As Engine; users of a plain locustfile begin when the master's test_start came."""
        if self.plan.scenario is None:
            t0_ns = self._begins_at(users)
        super().begin(t0_ns, users)

    # -- the end ----------------------------------------------------------------------------------

    def _stop(self, reason: str) -> None:
        """The master wants the end."""
        if not self.begun:
            self._exit("the master ended the run before it began")
        if reason == "interrupted":
            self.interrupt()
        else:
            self.quit()

    def _lost(self, why: str) -> None:
        """Nobody is hit by a worker without a master."""
        self._exit(f"{why}; this worker sends nothing more")

    def _exit(self, why: str) -> None:
        with contextlib.suppress(OSError):
            print(f"error: worker {self.plan.worker + 1}: {why}", file=sys.stderr, flush=True)
        os._exit(1)

    def _drain(self) -> None:
        self.sink.send(
            {"type": "closing", "mono_ns": time.monotonic_ns(), "reason": self.reason or "finished"}
        )
        super()._drain()

    def run(self) -> None:
        """As Engine; returns when the master has everything."""
        super().run()
        self._link.flush()
        self._entrance.close()
        self._link.close()


def work(given: Namespace) -> int:
    """``python -m loadkit.load worker``: joins, works, leaves; the exit status.

    Raises:
        UsageError: wrong token, address or file.
        LoadError: the master cannot be reached or has no place.
    """
    token = _token(given)
    host, port = _address(given.connect)
    file = Path(given.file)
    # Looked up once: the load may then be forbidden to look it up.
    address = _resolved(host, port, given.wait)
    link = Link(address, token, _join(file, given.name))
    welcome = link.open(parse_duration(given.wait))
    plan = Plan.from_json({**welcome["plan"], "file": str(file.absolute())})
    engine = WorkerEngine(plan, link, address)
    engine.run()
    return 0 if engine.reason in (None, "interrupted") else 1


def _join(file: Path, name: str | None) -> Mapping[str, Any]:
    try:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
    except OSError as error:
        raise ScenarioError(
            f"the scenario cannot be read: {error.strerror}", where=str(file)
        ) from None
    return {
        "type": "join",
        "session": os.urandom(16),
        "name": name,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "boot_id": boot_id(),
        "file": file.name,
        "sha256": digest,
        "versions": versions(),
    }


def _address(text: str) -> tuple[str, int]:
    host, port = split_address(text, DEFAULT_PORT)
    if not port:
        raise UsageError(f"--connect {text}: 0 is no port to connect to")
    return host, port


def _resolved(host: str, port: int, wait: str) -> tuple[str, int]:
    deadline = time.monotonic() + parse_duration(wait)
    while True:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return str(found[0][4][0]), port
        except OSError as error:
            if time.monotonic() > deadline:
                raise LoadError(
                    f"the master's name is not known: {error.strerror}", where=host
                ) from None
        time.sleep(0.5)  # its container may be on its way up


def _token(given: Namespace) -> str:
    if given.token_fd is not None:
        return _inherited(given.token_fd)
    file = None if given.token_file is None else Path(given.token_file)
    token = tokens.from_surroundings(file)
    if token is None:
        raise tokens.missing("a worker")
    return token


def _inherited(fd: int) -> str:
    """The token from the master on this machine; when that is gone this process ends at once."""
    token = b""
    while not token.endswith(b"\n"):
        piece = os.read(fd, 1)
        if not piece:
            raise UsageError("--token-fd: the token is missing")
        token += piece

    def watch() -> None:
        os.read(fd, 1)
        os._exit(1)

    # In a thread of the system's own: a locustfile that never yields starves everything else.
    _start_thread(watch, ())
    return token.decode().strip()
