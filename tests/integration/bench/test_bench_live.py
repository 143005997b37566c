"""Benches, short, with what is on this machine."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest
from bench_command import run

from loadkit.bench import arrivals, cores, generators, observing, process, servers, soak
from loadkit.bench.bench import Bench
from loadkit.bench.process import Pinned, cpu_clock_ns, ended, used_ns
from loadkit.cli import bench as command
from loadkit.errors import StackError, UsageError

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores"),
]

Capsys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def pair() -> cores.Cores:
    return cores.choose()


# -- processes and servers -------------------------------------------------------------------


def test_a_program_stays_on_its_core_and_its_time_is_read(
    pair: cores.Cores, tmp_path: Path
) -> None:
    burn = "import os\nprint(os.sched_getaffinity(0), flush=True)\nwhile True: pass"
    started = Pinned(
        "burner", [sys.executable, "-c", burn], core=pair.generator, directory=tmp_path
    )
    with ended(started):
        deadline = time.monotonic() + 20
        while not started.out and time.monotonic() < deadline:
            time.sleep(0.01)
        before, since = started.cpu_ns(), time.monotonic_ns()
        time.sleep(0.5)
        used, wall = used_ns(before, started.cpu_ns()), time.monotonic_ns() - since
        assert started.out.strip() == f"{{{pair.generator}}}"
        assert 0 < used <= wall * 1.05
    assert not started.running
    assert cpu_clock_ns(started.pid) is None
    assert started.cpu_ns() == {}


def test_a_program_ends_with_who_started_it(pair: cores.Cores, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys, time\n"
        "from pathlib import Path\n"
        "from loadkit.bench.process import Pinned\n"
        f"p = Pinned('sleeper', ['sleep', '60'], core={pair.server}, directory=Path(sys.argv[1]))\n"
        "while 'sleep' not in Path(f'/proc/{p.pid}/cmdline').read_text().split(chr(0))[0]:\n"
        "    time.sleep(0.01)\n"
        "print(p.pid, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    pid = int(done.stdout)
    _wait_for_end(pid)


def _wait_for_end(pid: int) -> None:
    """Until a process that is nobody's child here is gone, or waits only to be buried."""
    deadline = time.monotonic() + 10
    with contextlib.suppress(psutil.NoSuchProcess):
        while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_a_program_that_is_not_there_is_said(pair: cores.Cores, tmp_path: Path) -> None:
    with pytest.raises(StackError, match="there is no no-such-program"):
        Pinned("x", ["no-such-program"], core=pair.server, directory=tmp_path)


def test_one_that_does_not_end_is_ended(pair: cores.Cores, tmp_path: Path) -> None:
    sleeper = Pinned("sleeper", ["sleep", "60"], core=pair.server, directory=tmp_path)
    with pytest.raises(StackError, match="did not end within 0 s"):
        sleeper.wait(0.2)
    assert not sleeper.running


def test_this_process_steps_aside_and_back(pair: cores.Cores) -> None:
    before = os.sched_getaffinity(0)
    with process.aside(pair.server):
        assert os.sched_getaffinity(0) == {pair.server}
    assert os.sched_getaffinity(0) == before


@pytest.mark.parametrize("own", [False, True])
def test_a_server_counts_what_it_answered_and_not_the_asking(
    own: bool, pair: cores.Cores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if own:  # as on a machine without nginx
        monkeypatch.setenv("PATH", "/nowhere")
    elif shutil.which("nginx") is None:
        pytest.skip("nginx is not on PATH")
    with servers.static_server(pair.server, tmp_path / "server") as server:
        assert server.requests() == server.requests() == 0
        for body in (None, servers.BODY):
            with urllib.request.urlopen(server.url, body, timeout=10) as answer:
                assert json.load(answer)["ok"] is True
        assert server.requests() == 2
        assert ("nginx" in server.title) is not own
        assert servers.cpu_ns(server) > 0
        with servers.frozen(server):
            assert psutil.Process(server.process.pid).status() == psutil.STATUS_STOPPED
        assert server.requests() == 2
    assert not server.process.running


# -- benches ---------------------------------------------------------------------------------


def test_generators_are_compared(
    capsys: Capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "_WARM_UP_S", 0.5)
    monkeypatch.setattr(generators, "METHODS", {"POST": servers.BODY})
    here = [name for name in ("hey", "wrk") if shutil.which(name)]
    kept = tmp_path / "kept.json"
    words = ["generators", "--rounds", "1", "--duration", "1s", "--connections", "8"]
    tools = ["loadkit", "locust-fast", *here]
    only = [word for name in tools for word in ("--only", name)]
    done = run(capsys, *words, *only, "--json", "--output", str(kept))
    found = done.document()
    assert found["failed"] == {}
    assert kept.read_text(encoding="utf-8") == done.out
    rows = {(row["tool"], row["method"]): row for row in found["rows"]}
    assert set(rows) == {(tool, "POST") for tool in tools}
    ours, fast = rows["loadkit", "POST"], rows["locust-fast", "POST"]
    assert ours["rate"]["median"] > 500
    assert fast["ratio_rate"]["median"] == pytest.approx(
        ours["rate"]["median"] / fast["rate"]["median"]
    )
    assert fast["ratio_cpu"]["median"] == pytest.approx(
        fast["cpu_per_million"]["median"] / ours["cpu_per_million"]["median"]
    )
    assert fast["ratio_cpu"]["median"] > 1  # a Python client without work per request
    assert all(0 < row["busy"] < 1.2 for row in found["rows"])
    # One round decides nothing.
    assert done.status == 5
    assert {verdict["status"] for verdict in found["verdicts"]} == {"inconclusive"}
    assert "round 1 · POST · loadkit.HttpUser" in done.err
    again = run(capsys, "show", str(kept), "--markdown")
    assert "| loadkit.HttpUser |" in again.out


def test_accuracy_is_asked_of_a_server_that_knows_and_one_that_freezes(capsys: Capsys) -> None:
    words = ["accuracy", "--duration", "3s", "--connections", "32", "--only", "loadkit"]
    found = run(capsys, *words, "--json").document()
    assert found["failed"] == {}
    known = [row for row in found["rows"] if row["part"] == "A server that knows"]
    says, truth = known
    assert says["requests"] == truth["requests"] == 600
    assert says["p99"] >= truth["p99"] * 0.998  # a client never sees less, but for the bucket
    assert truth["p99"] > 0.05
    frozen = [row for row in found["rows"] if row["part"] == "A server that freezes"]
    analytic, response, service = frozen
    assert (analytic["p95"], analytic["max"]) == (pytest.approx(0.45), pytest.approx(0.599))
    assert response["requests"] == 1500
    assert response["max"] == pytest.approx(0.6, rel=0.3)
    assert response["p95"] == pytest.approx(0.45, rel=0.4)
    assert service["title"].endswith("service time")
    assert len(found["verdicts"]) == 3


@pytest.mark.timed
def test_arrivals_are_all_there(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrivals, "RATES", (500.0,))
    monkeypatch.setattr(arrivals, "CAPACITY_S", 3.0)
    found = run(capsys, "arrivals", "--duration", "2s", "--json").document()
    assert found["failed"] == {}
    row, share = found["rows"]
    assert share["share"] == 0.8
    assert share["rate"] == round(0.8 * found["settings"]["capacity"])
    assert {row[key] for key in ("planned", "started", "sent", "answered")} == {1000}
    assert 0 <= row["late_p50"] <= row["late_p99"] <= row["late_max"]


def test_memory_is_flat(capsys: Capsys) -> None:
    done = run(capsys, "memory", "--count", "100_000", "--only", "loadkit", "--json")
    found = done.document()
    assert [row["count"] for row in found["rows"]] == [10_000, 30_000, 100_000]
    flat = next(v for v in found["verdicts"] if "growth" in v["what"])
    assert flat["status"] == "passed"
    assert all(10 < row["ns"] < 50_000 for row in found["rows"])


def test_a_soak_is_judged(capsys: Capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    # That lateness is noisy in so short a run is no failure here.
    monkeypatch.setattr(soak, "SHORTEST_S", 5.0)
    found = run(capsys, "soak", "--duration", "6s", "--json").document()
    rows = {row["measure"]: row for row in found["rows"]}
    assert set(rows) == {"rss_bytes", "open_files", "late_p99"}
    assert rows["rss_bytes"]["first"] > 30e6
    assert rows["open_files"]["growth"]["median"] == pytest.approx(0, abs=1)
    books = found["verdicts"][-1]
    assert (books["status"], books["observed"]) == (
        "passed",
        "planned 6,000, started 6,000, not ok 0",
    )


@pytest.mark.timed
def test_a_service_is_measured_with_watching_and_without(
    pair: cores.Cores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observing, "_WARM_UP_S", 1)
    bench = Bench(pair, tmp_path)
    ways = observing._paused(bench, 5.0) | observing._untraced(bench, 2.0)
    assert set(ways) == {observing.WATCHED, observing.UNWATCHED, observing.UNTRACED}
    for found in ways.values():
        assert 1e-4 < found["cpu_s"] < 0.05
        assert 1e-4 < found["p50_s"] <= found["p99_s"] < 5


_COMMAND = """
import signal
import sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in background jobs of a shell
from loadkit.cli import bench
from loadkit.cli.command import Parser
parser = Parser(prog="loadkit bench")
bench.add_arguments(parser)
sys.exit(bench.execute(parser.parse_args(sys.argv[1:]), []))
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_everything_and_shows_what_was_measured(
    number: signal.Signals, tmp_path: Path
) -> None:
    kept = tmp_path / "kept.json"
    words = ["memory", "--count", "100_000_000", "--only", "loadkit", "--output", str(kept)]
    bench = subprocess.Popen(
        [sys.executable, "-c", _COMMAND, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    try:
        deadline = time.monotonic() + 30
        while not (children := psutil.Process(bench.pid).children()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        bench.send_signal(number)
        out, err = bench.communicate(timeout=60)
    finally:
        with bench:
            bench.kill()
    assert bench.returncode == 130, err
    assert "interrupted: what was measured until then" in out
    assert json.loads(kept.read_text(encoding="utf-8"))["interrupted"] is True
    for child in children:
        _wait_for_end(child.pid)


# -- wrong usage -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["generators", "--only", "ab"], "no load generator 'ab'"),
        (["memory", "--only", "ab"], "no recorder 'ab'"),
        (["generators", "--rounds", "0"], "not a whole number above 0"),
        (["generators", "--duration", "-1s"], "duration"),
        (["generators", "--threads", "2"], "unknown option --threads"),
        (["soak", "--duration", "19s"], "cannot tell growth from noise"),
        (["memory", "--count", "many"], "not a whole number"),
        (["nothing"], "invalid choice"),
        (["show", "no-such-file.json"], "cannot be read"),
    ],
)
def test_wrong_usage_is_said_at_once(words: list[str], what: str, capsys: Capsys) -> None:
    with pytest.raises(UsageError, match=what) as caught:
        run(capsys, *words)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("name", ["none/kept.json", "."])
def test_a_result_that_cannot_be_kept_is_said_before_measuring(
    name: str, capsys: Capsys, tmp_path: Path
) -> None:
    since = time.monotonic()
    with pytest.raises(UsageError, match="--output") as caught:
        run(capsys, "memory", "--output", str(tmp_path / name))
    assert "Name a file" in str(caught.value)
    assert time.monotonic() - since < 20


def test_a_tool_that_was_asked_for_and_is_not_there_is_inconclusive(
    capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    done = run(capsys, "generators", "--rounds", "1", "--only", "wrk")
    assert done.status == 5
    assert "wrk is not on PATH" in done.out
