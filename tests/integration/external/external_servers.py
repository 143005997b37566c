"""Somebody's service and monitoring: a prefork server, Prometheus and Alertmanager behind TLS."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import yaml
from answering import Answering, answering

from loadkit.stack import binaries
from loadkit.stack.sink import LoopbackServer

WORKERS = 2

# Listens, forks, and each child accepts: as gunicorn and others do.
PREFORK = """
import http.server, json, multiprocessing, os, signal, sys, threading

port, log = int(sys.argv[1]), sys.argv[2]
count = multiprocessing.Value("q", 0)  # one for all workers: any of them may be scraped


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b"ok"
        if self.path == "/metrics":
            text = f"# TYPE shop_requests_total counter\\nshop_requests_total {count.value}\\n"
            body = text.encode()
        else:
            with count.get_lock():
                count.value += 1
            sum(range(30000))
            with open(log, "a") as lines:
                lines.write(json.dumps({"level": "info", "message": f"served {self.path}"}) + "\\n")
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
server.daemon_threads = True
children = []
for _ in range(2):
    child = os.fork()
    if child == 0:
        server.serve_forever()
    children.append(child)


def end(*_):
    for child in children:
        os.kill(child, signal.SIGKILL)
    os._exit(0)


signal.signal(signal.SIGTERM, end)
print("ready", *children, flush=True)
while True:
    signal.pause()
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Shop:
    """The service under test."""

    port: int
    pid: int
    workers: tuple[int, ...]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def shop(folder: Path) -> Iterator[Shop]:
    """A prefork server; ended with its workers."""
    program = folder / "prefork_shop.py"
    program.write_text(PREFORK)
    log, port = folder / "shop.log", free_port()
    log.touch()
    process = subprocess.Popen(
        [sys.executable, str(program), str(port), str(log)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        _, *workers = process.stdout.readline().split()
        yield Shop(port, process.pid, tuple(map(int, workers)), log)
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()  # type: ignore[union-attr]


@contextlib.contextmanager
def running(
    command: Sequence[str], healthy: Callable[[], bool], cwd: Path | None = None
) -> Iterator[None]:
    """A server, until the block is left."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=cwd
    )
    try:
        deadline = time.monotonic() + 60
        while not healthy():
            assert process.poll() is None, command
            assert time.monotonic() < deadline, command
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def answers(url: str, text: str = "") -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return text in answer.read().decode()
    except OSError:
        return False


ALERTS = {
    "groups": [
        {
            "name": "shop",
            "interval": "500ms",
            "rules": [
                {
                    "alert": "ShopBusy",
                    "expr": "max by (namespace) (shop_requests_total) > 20",
                    "labels": {"severity": "info"},
                },
                {
                    "alert": "ElsewhereBusy",
                    "expr": 'count by (namespace) (up{namespace="elsewhere"}) > 0',
                },
            ],
        }
    ]
}


@contextlib.contextmanager
def monitoring(folder: Path, service: Shop) -> Iterator[tuple[int, int]]:
    """(port of Prometheus, of Alertmanager). Two namespaces, of which the service is one."""
    found = binaries.ensure(lambda _: None, ("prometheus", "alertmanager"))
    ours, theirs = free_port(), free_port()
    (folder / "rules").mkdir()
    (folder / "rules" / "shop.yml").write_text(yaml.safe_dump(ALERTS))
    jobs = [
        {
            "job_name": name,
            "static_configs": [
                {"targets": [f"127.0.0.1:{port}"], "labels": {"namespace": namespace}}
            ],
        }
        for name, port, namespace in (
            ("shop", service.port, "shop"),
            ("prometheus", ours, "elsewhere"),
        )
    ]
    config = folder / "prometheus.yml"
    config.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms"},
                "rule_files": [str(folder / "rules" / "shop.yml")],
                "scrape_configs": jobs,
                "alerting": {
                    "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{theirs}"]}]}]
                },
            }
        )
    )
    manager = folder / "alertmanager.yml"
    manager.write_text("route: {receiver: nobody, group_wait: 1s}\nreceivers: [{name: nobody}]\n")
    alertmanager = [
        *(str(found["alertmanager"].path), f"--config.file={manager}"),
        *(f"--storage.path={folder / 'am'}", f"--web.listen-address=127.0.0.1:{theirs}"),
        "--cluster.listen-address=",
    ]
    prometheus = [
        *(str(found["prometheus"].path), f"--config.file={config}"),
        *(f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{ours}"),
    ]
    up = f"http://127.0.0.1:{ours}/api/v1/query?query=up%7Bjob%3D%22shop%22%7D"
    with (
        running(
            alertmanager,
            lambda: answers(f"http://127.0.0.1:{theirs}/-/ready"),
            found["alertmanager"].directory,  # its templates lie there
        ),
        running(prometheus, lambda: answers(up, '"1"]')),
    ):
        yield ours, theirs


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files in PEM: an authority, a server's with its key, a client's and its key."""

    authority: Path
    server: Path
    client: Path
    client_key: Path


def certificates(folder: Path) -> Certificates:
    """A small authority, made with openssl."""
    folder.mkdir()
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")

    def openssl(*words: str | Path) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True)

    openssl(
        *("req", "-x509", *curve, "-keyout", folder / "ca.key", "-out", folder / "ca.pem"),
        *("-days", "2", "-subj", "/CN=Authority of a test"),
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign"),
    )
    for name, alternative in (("server", "IP:127.0.0.1"), ("client", "DNS:client")):
        (folder / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
        openssl(
            *("req", *curve, "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.csr"),
            *("-subj", f"/CN={name}"),
        )
        openssl(
            *("x509", "-req", "-in", folder / f"{name}.csr", "-CA", folder / "ca.pem"),
            *("-CAkey", folder / "ca.key", "-CAcreateserial", "-out", folder / f"{name}.pem"),
            *("-days", "2", "-extfile", folder / f"{name}.ext"),
        )
    server = folder / "server.pem"
    server.write_text(server.read_text() + (folder / "server.key").read_text())
    return Certificates(folder / "ca.pem", server, folder / "client.pem", folder / "client.key")


@dataclass
class Front:
    """A reverse proxy with TLS that lets in who has a client certificate, a token and a tenant."""

    port: int
    refused: list[str] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)


class _Secured(LoopbackServer):
    """TLS, each handshake in the thread of its own connection."""

    def __init__(self, handler: type[BaseHTTPRequestHandler], context: ssl.SSLContext) -> None:
        super().__init__(handler)
        self._context = context

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a handshake that failed, which is what some tests want

    def finish_request(self, request: object, client_address: object) -> None:
        assert isinstance(request, socket.socket)
        with self._context.wrap_socket(
            request, server_side=True, do_handshake_on_connect=False
        ) as secured:
            try:
                secured.do_handshake()
            except ssl.SSLError:
                # Its alert would be lost if the rest of what came lay unread at the end.
                secured.shutdown(socket.SHUT_WR)
                secured.settimeout(5)
                while secured.recv(1 << 16):
                    pass
                raise
            super().finish_request(secured, client_address)


@contextlib.contextmanager
def front(certs: Certificates, routes: dict[str, int], wanted: dict[str, str]) -> Iterator[Front]:
    """Listens, and hands ``/PREFIX/path`` on to ``/path`` at the port of PREFIX."""

    class Handler(Answering):
        def answer(self) -> None:
            _, prefix, path = re.split("/", self.path, maxsplit=2)
            if any(self.headers.get(name) != value for name, value in wanted.items()):
                books.refused.append(self.path)
                self.send(401, "who are you?")
                return
            books.passed.append(self.path.partition("?")[0])
            if prefix not in routes:
                self.send(404, "<html><title>Nothing</title></html>", "text/html")
                return
            connection = http.client.HTTPConnection("127.0.0.1", routes[prefix], timeout=10)
            with contextlib.closing(connection):
                connection.request("GET", f"/{path}")
                answer = connection.getresponse()
                kind = answer.headers["Content-Type"] or ""
                self.send(answer.status, answer.read().decode(), kind)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certs.server)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(certs.authority)
    with answering(Handler, lambda handler: _Secured(handler, context)) as url:
        books = Front(int(url.rpartition(":")[2]))
        yield books


@contextlib.contextmanager
def says(status: int, body: str, content_type: str = "text/html", **headers: str) -> Iterator[str]:
    """Answers everything with the same."""

    class Handler(Answering):
        def answer(self) -> None:
            self.send(status, body, content_type, **headers)

    with answering(Handler) as url:
        yield url


def loadkit(*words: str, cwd: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Runs loadkit as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "loadkit", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
