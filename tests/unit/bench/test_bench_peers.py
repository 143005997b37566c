"""Command lines of the load generators, and what they say; samples are of real runs."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from loadkit.bench import own
from loadkit.bench.peers import FAST, PEERS, chosen
from loadkit.bench.peers.peer import CAPPED, CLOSED, OPEN, Job, Said, whole_seconds
from loadkit.bench.peers.vegeta import Vegeta
from loadkit.bench.servers import BODY
from loadkit.errors import StackError, UsageError

SAMPLES = Path(__file__).parent / "samples"
URL = "http://127.0.0.1:8000/api/v1/costs"
KNOWN = {peer.name: peer for peer in PEERS}


def job(folder: Path, **changed: Any) -> Job:
    values = {"url": URL, "connections": 64, "duration_s": 5.5, "directory": folder, "body": BODY}
    return Job(**{**values, **changed})


def sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


def said(tool: str, folder: Path, name: str) -> Said:
    """What a tool's parser makes of a sample, wherever that tool puts its account."""
    files = {"k6": "k6.json", FAST: "locust.json"}
    if tool in files:
        (folder / files[tool]).write_text(sample(name), encoding="utf-8")
        return KNOWN[tool].said(job(folder), "")
    return KNOWN[tool].said(job(folder), sample(name))


@pytest.mark.parametrize(
    ("tool", "name", "expected"),
    [
        ("hey", "hey-503.txt", Said(60, 60, 0.0005, 0.0009, None, 0.0014)),
        ("hey", "hey-refused.txt", Said(8, 8, None, None, None, 0.0)),
        ("wrk", "wrk-503.txt", Said(56_868, 56_868, 51e-6, 529e-6, 1826e-6, 5108e-6)),
        ("wrk", "wrk.txt", Said(51_520, 0, 54e-6, 4236e-6, 6925e-6, 12_514e-6)),
        ("autocannon", "autocannon-503.json", Said(74, 74, 0.001, None, 0.014, 0.015)),
        ("autocannon", "autocannon.json", Said(9_510, 0, 0.0, None, 0.008, 0.031)),
        # Six were under way when the time was over: no errors.
        ("oha", "oha.json", Said(27_054, 0, 45.127e-6, 2005.093e-6, 5224.232e-6, 25_600.564e-6)),
        ("oha", "oha-refused.json", Said(8, 8)),
        ("k6", "k6-503.json", Said(51, 51, 0.358754e-3, 0.9158155e-3, 1.597018e-3, 2.135211e-3)),
        (FAST, "locust.json", Said(6_727, 0, 0.001, 0.001, 0.002, 0.020915965)),
    ],
)
def test_what_a_tool_said_is_understood(
    tool: str, name: str, expected: Said, tmp_path: Path
) -> None:
    found = said(tool, tmp_path, name)
    assert (found.requests, found.errors) == (expected.requests, expected.errors)
    for key in ("p50", "p95", "p99", "max"):
        wanted = getattr(expected, key)
        close = None if wanted is None else pytest.approx(wanted, rel=1e-6)
        assert getattr(found, key) == close, key
    assert found.unsent == 0


def test_a_quiet_hey_is_understood_as_a_busy_one(tmp_path: Path) -> None:
    found = said("hey", tmp_path, "hey.txt")
    assert found.errors == 0
    assert found.requests > 1000
    assert found.p50 is not None
    assert found.p99 is not None
    assert found.p50 <= found.p99


@pytest.mark.parametrize(
    ("name", "errors", "p99_ns"), [("vegeta-503.json", 15, 903_303), ("vegeta.json", 0, 6_075_764)]
)
def test_a_report_of_vegeta_is_understood(
    name: str, errors: int, p99_ns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In place of the program that turns its results into a report: a report it once gave.
    fake = tmp_path / "vegeta"
    fake.write_text(f"#!/bin/sh\ncat {SAMPLES / name}\n", encoding="utf-8")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    found = Vegeta().said(job(tmp_path), "")
    assert found.errors == errors
    assert found.p99 == pytest.approx(p99_ns / 1e9)


def test_dropped_iterations_of_k6_were_not_sent(tmp_path: Path) -> None:
    found = json.loads(sample("k6.json"))
    found["metrics"]["dropped_iterations"] = {"values": {"count": 12, "rate": 1.0}}
    (tmp_path / "k6.json").write_text(json.dumps(found), encoding="utf-8")
    assert KNOWN["k6"].said(job(tmp_path), "").unsent == 12


@pytest.mark.parametrize("tool", ["hey", "wrk", "autocannon", "oha", "k6", FAST])
@pytest.mark.parametrize("text", ["", "Segmentation fault", "[1, 2]"])
def test_what_is_not_understood_is_an_error_that_names_the_tool(
    tool: str, text: str, tmp_path: Path
) -> None:
    with pytest.raises(StackError, match="locust" if tool == FAST else tool):
        KNOWN[tool].said(job(tmp_path), text)


def test_a_closed_loop_is_asked_for_by_connections_and_time(tmp_path: Path) -> None:
    wanted = job(tmp_path)
    hey = KNOWN["hey"].command(wanted)
    assert hey[:6] == ["hey", "-z", "5.5s", "-c", "64", "-t"]
    assert "-q" not in hey
    assert hey[-1] == URL
    assert (tmp_path / "body.json").read_bytes() == BODY
    wrk = KNOWN["wrk"].command(wanted)
    assert wrk[:7] == ["wrk", "-t", "1", "-c", "64", "-d", "6s"]
    vegeta = KNOWN["vegeta"].command(wanted)
    assert {"-rate=0", "-max-workers=64", "-connections=64"} <= set(vegeta)
    assert "-R" not in KNOWN["autocannon"].command(wanted)
    assert "-q" not in KNOWN["oha"].command(wanted)
    KNOWN["k6"].command(wanted)
    script = (tmp_path / "k6.js").read_text(encoding="utf-8")
    assert '"executor": "constant-vus", "vus": 64, "duration": "5500ms"' in script
    assert "wait_time = constant(0)" in _locustfile(wanted)


def _locustfile(wanted: Job) -> str:
    KNOWN[FAST].command(wanted)
    text = (wanted.directory / "locustfile.py").read_text(encoding="utf-8")
    compile(text, "locustfile.py", "exec")
    return text


def test_a_rate_is_asked_for_as_each_tool_can(tmp_path: Path) -> None:
    wanted = job(tmp_path, rate=500.0, connections=50)
    hey = KNOWN["hey"].command(wanted)
    assert hey[hey.index("-q") + 1] == "10"  # each of 50 connections
    assert "-rate=500" in KNOWN["vegeta"].command(wanted)
    autocannon = KNOWN["autocannon"].command(wanted)
    assert autocannon[autocannon.index("-R") + 1] == "500"
    oha = KNOWN["oha"].command(wanted)
    assert oha[oha.index("-q") + 1] == "500"
    KNOWN["k6"].command(wanted)
    script = (tmp_path / "k6.js").read_text(encoding="utf-8")
    assert '"executor": "constant-arrival-rate", "rate": 500' in script
    assert "constant_throughput(10.0)" in _locustfile(wanted)
    KNOWN["loadkit"].command(wanted)
    plan = json.loads((tmp_path / "plan.json").read_text(encoding="utf-8"))
    (stage,) = plan["scenario"]["stages"]
    assert (stage["load"]["kind"], stage["load"]["from"]) == ("rate", 500.0)
    assert plan["host"] == "http://127.0.0.1:8000"


def test_get_has_no_body(tmp_path: Path) -> None:
    wanted = job(tmp_path, body=None)
    assert wanted.method == "GET"
    assert "POST" not in KNOWN["hey"].command(wanted)
    KNOWN["vegeta"].command(wanted)
    assert (tmp_path / "targets.txt").read_text(encoding="utf-8") == f"GET {URL}\n"
    assert "self.client.get('/api/v1/costs')" in _locustfile(wanted)
    assert not (tmp_path / "body.json").exists()


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_script_of_k6_parses(tmp_path: Path) -> None:
    KNOWN["k6"].command(job(tmp_path))
    text = (tmp_path / "k6.js").read_text(encoding="utf-8").replace("import http", "// import")
    (tmp_path / "k6.mjs").write_text(text, encoding="utf-8")
    checked = subprocess.run(
        ["node", "--check", str(tmp_path / "k6.mjs")], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


def test_the_user_of_loadkit_sends_the_body() -> None:
    text = own.user_file(BODY, "/x")
    compile(text, "scenario.py", "exec")
    names: dict[str, Any] = {}
    exec(text.split("BODY = ")[0].replace("import loadkit\nfrom locust import task", ""), names)
    line = next(line for line in text.splitlines() if line.startswith("BODY = "))
    exec(line, names)
    assert names["BODY"] == json.loads(BODY)
    assert "self.client.post('/x', json=BODY)" in text


def test_tools_are_chosen_by_name() -> None:
    assert chosen([]) == PEERS
    assert [peer.name for peer in chosen(["wrk", "loadkit"])] == ["loadkit", "wrk"]
    with pytest.raises(UsageError, match="'ab'") as caught:
        chosen(["ab"])
    assert "locust-fast" in str(caught.value)


def test_every_tool_says_its_model_and_title() -> None:
    assert len({peer.title for peer in PEERS}) == len(PEERS)
    assert {peer.model for peer in PEERS} == {OPEN, CAPPED, CLOSED}
    assert all(peer.note for peer in PEERS)


def test_a_tool_that_is_not_there_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    absent = {peer.name for peer in PEERS if peer.missing()}
    assert absent >= {"hey", "wrk", "vegeta", "autocannon", "oha", "k6"}
    assert FAST not in absent


def test_whole_seconds_are_never_fewer() -> None:
    assert [whole_seconds(value) for value in (0.2, 1.0, 1.2, 2.5)] == [1, 1, 2, 3]
