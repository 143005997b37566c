"""Helpers of these tests: the real service as a process, and a collector that takes its spans."""

import http.client
import json
import os
import re
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

TOKEN = "planted-fault-token-5c7e"
BEARER = {"Authorization": "Bearer demo-pro-key-1"}
COST = {"provider": "openai", "model": "gpt-4o", "input_tokens": 1200, "output_tokens": 350}
_SAMPLE = re.compile(r'^http_requests_total\{method="(.*)",path="(.*)",status="(.*)"\} (.*)$', re.M)


@dataclass
class Answer:
    """A response, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(
    port: int,
    method: str,
    path: str,
    body: object = None,
    headers: dict[str, str] | None = None,
    connection: http.client.HTTPConnection | None = None,
) -> Answer:
    """One request; `body` is sent as JSON unless it is bytes."""
    mine = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    raw = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    try:
        mine.request(method, path, raw, headers or {})
        response = mine.getresponse()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, response.read())
    finally:
        if connection is None:
            mine.close()


@dataclass
class Running:
    """A service that is up."""

    process: subprocess.Popen[str]
    api: int
    metrics: int
    faults: int | None
    log: Path
    stdout: list[str] = field(default_factory=list)

    def call(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> Answer:
        """A request to the API, with a demonstration key unless headers are given."""
        return call(self.api, method, path, body, BEARER if headers is None else headers)

    def post(self, **changes: object) -> Answer:
        """Record a cost."""
        return self.call("POST", "/api/v1/costs", {**COST, **changes})

    def fault(self, method: str, path: str, body: object = None) -> Answer:
        """A request to the fault port."""
        assert self.faults is not None
        return call(self.faults, method, path, body, {"X-Fault-Token": TOKEN})

    def page(self) -> str:
        """The metrics page."""
        return call(self.metrics, "GET", "/metrics").body.decode()

    def counted(self) -> dict[tuple[str, str, str], int]:
        """http_requests_total by method, path, status; without /metrics itself."""
        found = _SAMPLE.findall(self.page())
        return {
            (method, path, status): int(float(value))
            for method, path, status, value in found
            if path != "/metrics"
        }

    def value(self, name: str) -> float:
        """One sample, by its name and labels exactly as on the page."""
        for line in self.page().splitlines():
            if line.rpartition(" ")[0] == name:
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"{name} is not on the page")

    def stop(self) -> float:
        """SIGTERM; the seconds it took. The exit status must be 0."""
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(5) == 0
        return time.monotonic() - began

    def lines(self) -> list[dict[str, Any]]:
        """The log."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]


@contextmanager
def running(folder: Path, *options: str) -> Iterator[Running]:
    """Start the service on free ports; stop it at the end, whatever happens."""
    log = folder / "service.log"
    command = [sys.executable, "-m", "loadkit.reference", "--port", "0", "--metrics-port", "0"]
    command += ["--fault-port", "0", "--log-file", str(log), *options]
    environment = {**os.environ, "LOADKIT_FAULT_TOKEN": TOKEN, "TMPDIR": str(folder)}
    with (folder / "service.err").open("w") as stderr:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=stderr, text=True, env=environment
        )
    assert process.stdout is not None
    try:
        assert select.select([process.stdout], [], [], 20)[0], "the service did not get ready"
        line = process.stdout.readline()
        assert line, (folder / "service.err").read_text()
        ready = json.loads(line)
        assert ready["ready"] is True and ready["pid"] == process.pid
        yield Running(process, ready["api"], ready["metrics"], ready["faults"], log, [line])
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)
        process.stdout.close()


class Collector:
    """Takes OTLP over HTTP on a free port and keeps the spans."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.resources: list[dict[str, str]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                collector.take(self.path, raw)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def take(self, path: str, raw: bytes) -> None:
        assert path == "/v1/traces"
        request = ExportTraceServiceRequest.FromString(raw)
        for resource in request.resource_spans:
            self.resources.append(
                {pair.key: pair.value.string_value for pair in resource.resource.attributes}
            )
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector that ends with the block."""
    collector = Collector()
    try:
        yield collector
    finally:
        collector.close()


def attributes(span: Span) -> dict[str, str | int]:
    """A span's attributes as plain values."""
    return {
        pair.key: pair.value.int_value
        if pair.value.HasField("int_value")
        else pair.value.string_value
        for pair in span.attributes
    }
