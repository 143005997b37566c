"""One measurement: what makes it worthless."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadkit.bench import cores, servers
from loadkit.bench.measure import measure
from loadkit.bench.peers.peer import CLOSED, Job, Said
from loadkit.errors import StackError

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores"),
]

_SEND = """
import http.client, sys, time
from urllib.parse import urlsplit
url, seconds = urlsplit(sys.argv[1]), float(sys.argv[2])
connection = http.client.HTTPConnection(url.netloc)
until = time.monotonic() + seconds
count = 0
while time.monotonic() < until:
    connection.request("GET", url.path)
    connection.getresponse().read()
    count += 1
print(count)
"""


class Script:
    """A load generator of a few lines, which can be told to misbehave."""

    name = "script"
    title = "a script"
    model = CLOSED
    note = "a test"

    def __init__(self, *, errors: int = 0, shorter_s: float = 0.0, text: str = _SEND) -> None:
        self.errors = errors
        self.shorter_s = shorter_s
        self.text = text

    def missing(self) -> str | None:
        return None

    def version(self) -> str:
        return "1"

    def command(self, job: Job) -> list[str]:
        seconds = str(job.duration_s - self.shorter_s)
        return [sys.executable, "-c", self.text, job.url, seconds]

    def said(self, job: Job, out: str) -> Said:
        return Said(int(out), self.errors)


@pytest.fixture(scope="module")
def pair() -> cores.Cores:
    return cores.choose()


@pytest.fixture(scope="module")
def server(pair: cores.Cores, tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.Server]:
    with servers.static_server(pair.server, tmp_path_factory.mktemp("server")) as found:
        yield found


def run(script: Script, pair: cores.Cores, server: servers.Server, folder: Path) -> object:
    job = Job(server.url, 1, 0.6, folder)
    return measure(script, server, job, pair.generator, warm_up_s=0.3)


def test_a_window_counts_less_than_the_run(
    pair: cores.Cores, server: servers.Server, tmp_path: Path
) -> None:
    before = server.requests()
    job = Job(server.url, 1, 0.6, tmp_path)
    window = measure(Script(), server, job, pair.generator, warm_up_s=0.3)
    assert server.requests() - before == window.said.requests
    assert 0 < window.requests < window.said.requests
    assert 0.6 <= window.seconds < 1.2
    assert window.rate == pytest.approx(window.requests / window.seconds)
    assert 0 < window.busy <= 1.05
    assert window.cpu_per_million == pytest.approx(window.cpu_s / window.requests * 1e6)
    # Starting Python cost more than that, and is not in it.
    assert window.cpu_s <= window.seconds * 1.05


def test_errors_make_a_run_worthless(
    pair: cores.Cores, server: servers.Server, tmp_path: Path
) -> None:
    with pytest.raises(StackError, match=r"a script had 3 errors in [\d,]+ requests"):
        run(Script(errors=3), pair, server, tmp_path)


def test_a_tool_that_stops_early_is_found_out(
    pair: cores.Cores, server: servers.Server, tmp_path: Path
) -> None:
    with pytest.raises(StackError, match="ended before its time"):
        run(Script(shorter_s=0.9), pair, server, tmp_path)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("import sys; sys.exit('no such option')", "status 1 and sent nothing; .*no such option"),
        (_SEND.replace("print(count)", "print('a riddle')"), "gave no account"),
    ],
)
def test_a_tool_that_fails_is_quoted(
    text: str, what: str, pair: cores.Cores, server: servers.Server, tmp_path: Path
) -> None:
    with pytest.raises(StackError, match=what):
        run(Script(text=text), pair, server, tmp_path)
