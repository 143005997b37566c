"""Abort rules end a load early, in order, and say why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from steering_tools import Service, bundle_of, loadkit, prometheus, report_json, service

from loadkit import load_run

pytestmark = pytest.mark.integration

LONG = "90"


@pytest.fixture(scope="module")
def shop() -> Iterator[Service]:
    with service() as found:
        yield found


def aborted(done: Any, folder: Path) -> tuple[Path, dict[str, Any]]:
    """The bundle of a run that a rule ended, and its report."""
    bundle = bundle_of(done, folder)
    manifest = load_run(bundle).manifest
    assert manifest.state == "aborted", done.stderr
    assert manifest.load_end is not None
    assert manifest.load_end["reason"] == "aborted"
    report = report_json(bundle)
    assert report["state"] == "aborted"
    assert "aborted" in report["headline"]
    assert "aborted" in {finding["slug"] for finding in report["findings"]}
    # On a machine that others keep busy the generator may be the one to blame.
    assert (done.returncode, report["verdict"]) in {(3, "failed"), (5, "invalid")}
    assert (bundle / "report.html").stat().st_size > 10_000
    return bundle, report


def test_a_storm_of_errors_in_a_warm_up_ends_the_load(shop: Service, tmp_path: Path) -> None:
    (tmp_path / "loadkit.toml").write_text('[abort]\nerrors = "50 % for 2 s"\n')
    done = loadkit(
        *("run", "--url", f"{shop.url}/fail", "--rate", "20", "--duration", LONG),
        *("--warm-up", LONG),
        cwd=tmp_path,
    )
    bundle, report = aborted(done, tmp_path)
    run = load_run(bundle)
    abort = run.manifest.abort
    assert abort is not None
    assert abort["rules"] == ["errors: 50 % for 2 s"]
    assert abort["held"]["rule"] == "errors: 50 % for 2 s"
    assert abort["held"]["since_s"] <= abort["held"]["at_s"] - 2
    assert abort["held"]["observed"].startswith("100 % of ")
    assert "aborting: 100 % of " in done.stderr
    assert "50 % for 2 s" in report["headline"]
    assert [text for text in report["missing"] if "run" in text]
    flow = run.flow.groupby("event")["count"].sum()
    assert flow["failed"] == flow["sent"] == flow["started"]
    assert run.flow.second.max() < 60


def test_a_service_that_does_not_answer_breaches_an_objective_over_workers(
    shop: Service, tmp_path: Path
) -> None:
    done = loadkit(
        *("run", "--url", f"{shop.url}/late/9", "--users", "4", "--duration", LONG),
        *("--abort-slo", "p95 < 500 ms for 2 s", "--workers", "2"),
        cwd=tmp_path,
    )
    bundle, _ = aborted(done, tmp_path)
    abort = load_run(bundle).manifest.abort
    assert abort is not None
    assert abort["held"]["observed"] == "p95 above 500 ms over 2 s, 4 requests unanswered"


def test_promql_ends_a_load_when_it_returns_anything_for_so_long(
    shop: Service, tmp_path: Path
) -> None:
    with prometheus(tmp_path) as url:
        done = loadkit(
            *("run", "--url", f"{shop.url}/ok", "--rate", "5", "--duration", LONG),
            *("--prometheus", url, "--abort-promql", "up > 5 for 1 s"),
            *("--abort-promql", "up == 1 for 3 s"),
            cwd=tmp_path,
        )
    bundle, _ = aborted(done, tmp_path)
    abort = load_run(bundle).manifest.abort
    assert abort is not None
    held = abort["held"]
    assert held["rule"] == "promql: up == 1 for 3 s"
    assert held["at_s"] - held["since_s"] >= 3
    assert held["observed"] == "it returned 1 series, the first 1"
    findings = load_run(bundle).findings
    said = findings[findings.slug == "aborted"].iloc[0]
    assert json.loads(said.evidence)["breached since"].endswith(" s")


def test_rules_that_hold_end_nothing_and_a_query_that_fails_is_said_once(
    shop: Service, tmp_path: Path
) -> None:
    # Many series on one side: Prometheus answers 422, though it is PromQL.
    broken = 'up / on() {__name__=~"prometheus_tsdb_head_.*"} for 1 s'
    (tmp_path / "calm.py").write_text(f"""
from locust import task
from loadkit import HttpUser, Rate, Scenario, Stage

scenario = Scenario(
    [Stage("steady", load=Rate(20), duration=4)],
    abort=["errors: 5 % for 1 s", "slo: @steady: p50 < 30 s for 2 s"],
)

class Reader(HttpUser):
    host = "{shop.url}"

    @task
    def read(self):
        self.client.get("/ok")
""")
    with prometheus(tmp_path) as url:
        done = loadkit(
            "run", "calm.py", "--prometheus", url, "--abort-promql", broken, cwd=tmp_path
        )
    run = load_run(bundle_of(done, tmp_path))
    assert run.manifest.load_end is not None
    assert run.manifest.load_end["reason"] == "finished"
    assert run.manifest.abort == {
        "rules": [
            "errors: 5 % for 1 s",
            "slo: @steady: p50 < 30 s for 2 s",
            f"promql: {broken}",
        ],
        "held": None,
    }
    said = run.findings[run.findings.slug == "abort-unwatched"]
    assert len(said) == 1
    assert "422" in said.iloc[0].summary
