"""Secrets planted everywhere are in nothing that a run leaves behind."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from string import Template

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from answering import Answering, answering
from run_helpers import judged

pytestmark = pytest.mark.integration

PLACES = (
    "url",
    "query",
    "header",
    "cookie",
    "body",
    "environment",
    "file",
    "metrics",
    "answer",
    "setcookie",
    "log",
    "print",
    "raised",
)
SECRETS = {place: f"Zq7{place.upper()}x93kVw{n:02d}" for n, place in enumerate(PLACES)}

SCENARIO = Template(
    """
import loadkit
from locust import task

from loadkit import HttpUser, Rate, Scenario, Stage

TOKEN = loadkit.secret("SHOP_TOKEN")
KEY = loadkit.secret("file:key.txt")
scenario = Scenario([Stage("steady", load=Rate(20), duration=4)], slos=["errors < 1 %"])
print("password: $print")


class Buyer(HttpUser):
    @task
    def buy(self):
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        self.client.get("/ok?api_key=$query", headers={"X-Api-Key": "$header"})
        self.client.get("/ok", headers=bearer, cookies={"session": "$cookie"})
        self.client.post("/fail", json={"user": "ann", "password": "$body", "key": KEY})
        with self.client.get("/fail", catch_response=True) as answer:
            answer.failure(f"it said {answer.text} to {TOKEN} and {KEY}")

    @task
    def breaks(self):
        self.client.get("/gone", auth=("ann", TOKEN))
        raise RuntimeError("no luck with token=$raised")
"""
)

SETTINGS = Template(
    """
[metrics]
urls = ["http://127.0.0.1:$port/metrics"]
headers = { Authorization = "env:METRICS_AUTHORIZATION" }

[[log]]
name = "shop"
file = "shop.log"
"""
)


@contextmanager
def shop(log: Path) -> Iterator[tuple[int, list[str]]]:
    """A service that tells secrets wherever it can; its port, and what it was sent."""
    seen: list[str] = []

    class Answer(Answering):
        def answer(self) -> None:
            seen.append(f"{self.path} {self.headers} {self.read().decode()}")
            if self.path == "/metrics":
                self.send(200, "# TYPE shop_orders_total counter\nshop_orders_total 1\n")
                return
            with log.open("a") as file:
                file.write(f"ERROR login failed: Authorization: Bearer {SECRETS['log']}\n")
            self.send(
                200 if self.path.startswith("/ok") else 500,
                json.dumps({"error": "refused", "access_token": SECRETS["answer"]}),
                Set_Cookie=f"session={SECRETS['setcookie']}; Path=/",
            )

    log.touch()
    with answering(Answer) as url:
        yield int(url.rpartition(":")[2]), seen


def _loadkit(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loadkit", *words],
        cwd=folder,
        env={
            **os.environ,
            "SHOP_TOKEN": SECRETS["environment"],
            "METRICS_AUTHORIZATION": f"Bearer {SECRETS['metrics']}",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    """Everything below a folder as text, tables with all their values written out."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path.relative_to(folder)), content.decode("utf-8", "replace")
        if path.suffix == ".parquet":
            table = pq.read_table(io.BytesIO(content))
            text = [column for column in table.columns if pa.types.is_string(column.type)]
            yield f"{path.name} (values)", "\n".join(str(column.to_pylist()) for column in text)


def _found(texts: Iterator[tuple[str, str]]) -> set[tuple[str, str]]:
    return {
        (name, place) for name, text in texts for place, value in SECRETS.items() if value in text
    }


def _read_in_a_notebook(bundle: Path) -> str:
    """Executes one on the bundle, which stays there with all its outputs."""
    made = _loadkit(bundle, "notebook", ".", "--no-open")
    assert made.returncode == 0, made.stderr
    path = bundle / made.stdout.strip()
    execute = [sys.executable, "-m", "nbconvert", "--execute", "--inplace", "--to", "notebook"]
    done = subprocess.run(
        [*execute, str(path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert '"image/png"' in path.read_text(encoding="utf-8")
    return made.stdout + made.stderr + done.stdout + done.stderr


def test_secrets_are_in_no_artefact(tmp_path: Path) -> None:
    with shop(tmp_path / "shop.log") as (port, seen):
        (tmp_path / "buy.py").write_text(SCENARIO.substitute(SECRETS))
        (tmp_path / "key.txt").write_text(SECRETS["file"])
        (tmp_path / "loadkit.toml").write_text(SETTINGS.substitute(SECRETS, port=port))
        host = ("--host", f"http://ann:{SECRETS['url']}@127.0.0.1:{port}")
        plan = _loadkit(tmp_path, "plan", "buy.py", *host)
        config = _loadkit(tmp_path, "config")
        run = _loadkit(tmp_path, "run", "buy.py", "--stack", "external", "--samples", *host)
    sent = "\n".join(seen)
    for place in ("query", "header", "cookie", "body", "environment", "file", "metrics"):
        assert SECRETS[place] in sent, f"{place} was never sent: the test shows nothing"
    bundle = judged(run, tmp_path, 3)
    said = [plan.stdout, plan.stderr, config.stdout, config.stderr, run.stdout, run.stderr]
    for form in ("html", "json", "markdown", "junit", "openmetrics"):
        said.append(_loadkit(tmp_path, "report", str(bundle), "--format", form).stderr)
    for form in ("csv", "parquet"):
        done = _loadkit(tmp_path, "export", str(bundle), "--table", "all", "--format", form)
        assert done.returncode == 0, done.stderr
    said.append(_read_in_a_notebook(bundle))
    found = _found(_texts(bundle)) | _found((f"terminal {n}", t) for n, t in enumerate(said))
    assert found == set()
    assert "[removed]" in (bundle / "report.html").read_text(encoding="utf-8")
