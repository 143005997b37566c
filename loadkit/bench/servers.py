"""The server that load goes to: nginx with one worker, or one of ours where there is none."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import psutil

from loadkit.bench.peers.peer import asked
from loadkit.bench.process import Pinned, cpu_clock_ns, ended
from loadkit.errors import StackError
from loadkit.stack.freeports import LOOPBACK, free_port

BODY = (
    b'{"provider": "openai", "model": "gpt-4o-mini", "input_tokens": 1240, "output_tokens": 312, '
    b'"cached_input_tokens": 620, "project": "summaries", "occurred_at": "2026-11-24T22:10:03Z", '
    b'"tier": "pro"}'
)
"""What POST sends: about 200 bytes of JSON."""

PATH = "/api/v1/costs"
_ANSWER = '{"id": "0f8fad5b-d9cb-469f-a165-70867728950e", "total": "0.005850000", "ok": true}'
_COUNTER, _TRUTH = "/bench-counter", "/bench-truth"
_DEADLINE_S = 20.0
_ATTEMPTS = 3
_BACKLOG = 16_384

_NGINX = """\
daemon off;
master_process off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections {backlog}; }}
http {{
    access_log off;
    default_type application/json;
    keepalive_requests 2000000000;
    keepalive_timeout 1h;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen {host}:{port} backlog={backlog};
        location / {{ return 200 '{answer}'; }}
        location = {counter} {{ stub_status; }}
    }}
}}
"""


class Server(Protocol):
    """A server on its core."""

    title: str
    process: Pinned

    @property
    def url(self) -> str:
        """Where requests go."""

    def requests(self) -> int:
        """How many it has answered, without those that asked it this."""


def cpu_ns(server: Server) -> int:
    """Processor time of the server so far, ns; 0 when it has ended."""
    return cpu_clock_ns(server.process.pid) or 0


class _Http:
    """A server that listens on loopback and has a page with its counter."""

    def __init__(self, port: int, process: Pinned) -> None:
        self.port = port
        self.process = process
        self._connection: http.client.HTTPConnection | None = None
        self._polls = 0

    @property
    def url(self) -> str:
        """See Server."""
        return f"http://{LOOPBACK}:{self.port}{PATH}"

    def page(self, path: str = _COUNTER) -> str:
        """What its counter says, or another page of its own.

        Raises:
            StackError: it does not answer.
        """
        kept = self._connection is not None
        try:
            return self._asked(path)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if kept:  # closed as idle by a server that is short of connections
                return self.page(path)
            raise self.process.failure(f"does not answer ({error})") from error

    def _asked(self, path: str) -> str:
        if self._connection is None:
            self._connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=60)
        self._connection.request("GET", path)
        text = self._connection.getresponse().read().decode()
        self._polls += 1
        return text

    def close(self) -> None:
        """Closes the connection over which it is asked."""
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def until_ready(self) -> None:
        """Waits until it answers.

        Raises:
            StackError: it ended, or did not answer in time.
        """
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            if not self.process.running:
                raise self.process.failure(f"ended with status {self.process.status}")
            with contextlib.suppress(StackError):
                self.page()
                return
            if time.monotonic() > deadline:
                raise self.process.failure("did not answer in time")
            time.sleep(0.02)


class Nginx(_Http):
    """nginx; its counter is stub_status, which counts the asking as well."""

    @property
    def title(self) -> str:
        """See Server."""
        return f"nginx {nginx_version()}, one worker"

    def requests(self) -> int:
        """See Server."""
        found = re.search(r"^ \d+ \d+ (\d+)", self.page(), re.MULTILINE)
        if found is None:
            raise self.process.failure("has no stub_status")
        return int(found[1]) - self._polls


class Truth(_Http):
    """``python -m loadkit.bench.truth``: keeps what it did, request by request."""

    title = "loadkit's own server (asyncio)"

    def told(self) -> dict[str, Any]:
        """Its record; see loadkit.bench.truth."""
        found: dict[str, Any] = json.loads(self.page(_TRUTH))
        return found

    def requests(self) -> int:
        """See Server."""
        return int(self.page())


def nginx_version() -> str:
    """The version of the nginx on PATH, or ``?``."""
    return asked(["nginx", "-v"], r"nginx/(\S+)")


@contextlib.contextmanager
def static_server(core: int, directory: Path) -> Iterator[Server]:
    """nginx where it is on PATH, otherwise our own, answering at once.

    Raises:
        StackError: it did not start.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if shutil.which("nginx"):
        with _started(_nginx, core, directory) as server:
            yield server
    else:
        with truth_server(core, directory) as truth:
            yield truth


@contextlib.contextmanager
def truth_server(core: int, directory: Path, arguments: Sequence[str] = ()) -> Iterator[Truth]:
    """Our own server; ``arguments`` say how long its answers take.

    Raises:
        StackError: it did not start.
    """

    def start(core: int, directory: Path, port: int) -> Truth:
        command = [sys.executable, "-m", "loadkit.bench.truth", "--port", str(port), *arguments]
        return Truth(port, Pinned("server", command, core=core, directory=directory))

    directory.mkdir(parents=True, exist_ok=True)
    with _started(start, core, directory) as server:
        yield server


def _nginx(core: int, directory: Path, port: int) -> Nginx:
    config = directory / "nginx.conf"
    config.write_text(
        _NGINX.format(
            directory=directory,
            host=LOOPBACK,
            port=port,
            backlog=_BACKLOG,
            answer=_ANSWER,
            counter=_COUNTER,
        ),
        encoding="utf-8",
    )
    command = ["nginx", "-p", str(directory), "-c", str(config)]
    return Nginx(port, Pinned("server", command, core=core, directory=directory))


@contextlib.contextmanager
def _started(start: Any, core: int, directory: Path) -> Iterator[Any]:
    for attempt in range(_ATTEMPTS):
        server = start(core, directory, free_port())
        with ended(server.process):
            try:
                server.until_ready()
            except StackError:
                if attempt + 1 == _ATTEMPTS:
                    raise
                continue  # somebody else may have taken the port meanwhile
            try:
                yield server
            finally:
                server.close()
            return


@contextlib.contextmanager
def frozen(server: Server) -> Iterator[None]:
    """The server stopped for the length of a block: it neither answers nor refuses."""
    pid = server.process.pid
    try:
        os.kill(pid, signal.SIGSTOP)
        # It takes effect in a moment only, and the freeze is to be as long as it is said to be.
        while psutil.Process(pid).status() != psutil.STATUS_STOPPED:
            if not server.process.running:
                raise server.process.failure("ended")
            time.sleep(0.0005)
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
