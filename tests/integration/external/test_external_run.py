"""The external stack, whole: everything in loadkit.toml, nothing on the command line."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from external_servers import Shop, certificates, free_port, front, loadkit, monitoring, shop
from run_helpers import judged

from loadkit import load_run
from loadkit.cli import main

pytestmark = pytest.mark.integration

SCENARIO = """
from locust import task

from loadkit import HttpUser, Rate, Scenario, Stage

scenario = Scenario(
    [
        Stage("steady", load=Rate(25), duration=7),
        Stage("profile", load=Rate(25), duration=5, profile=True),
    ],
    stack="external",
    expect=["ShopBusy"],
)


class Reader(HttpUser):
    @task
    def items(self) -> None:
        self.client.get("/items")
"""

SHORT = """
from locust import task

from loadkit import HttpUser, Rate, Scenario, Stage

scenario = Scenario([Stage("steady", load=Rate(20), duration=2)])


class Reader(HttpUser):
    host = "http://192.0.2.7"  # the option is stronger

    @task
    def items(self) -> None:
        self.client.get("/items")
"""

NEW_RULE = """
groups:
  - name: new
    rules:
      - alert: NotLoadedYet
        expr: up == 0
"""

SETTINGS = """
[service]
url = "{service}"
[prometheus]
url = "https://127.0.0.1:{front}/prom"
selector = '{{namespace="shop"}}'
tenant = "team-a"
headers = {{ Authorization = "Bearer env:MONITORING_TOKEN" }}
ca_file = "tls/ca.pem"
cert_file = "tls/client.pem"
key_file = "tls/client.key"
[alertmanager]
url = "https://127.0.0.1:{front}/alerts"
tenant = "team-a"
headers = {{ Authorization = "Bearer file:token" }}
ca_file = "tls/ca.pem"
cert_file = "tls/client.pem"
key_file = "tls/client.key"
[rules]
files = ["rules/*.yml"]
[[process]]
name = "shop"
port = {port}
[[log]]
file = "shop.log"
"""

TOKEN = "planted-token-of-the-monitoring"


def test_a_run_is_watched_through_the_settings_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LOADKIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MONITORING_TOKEN", TOKEN)
    monkeypatch.setenv("NO_COLOR", "1")
    certs = certificates(tmp_path / "tls")
    Path("token").write_text(f"{TOKEN}\n")
    Path("scenario.py").write_text(SCENARIO)
    with (
        shop(tmp_path) as service,
        monitoring(tmp_path, service) as (prometheus, alertmanager),
        front(
            certs,
            {"prom": prometheus, "alerts": alertmanager},
            {"Authorization": f"Bearer {TOKEN}", "X-Scope-OrgID": "team-a"},
        ) as books,
    ):
        text = SETTINGS.format(service=service.url, front=books.port, port=service.port)
        Path("loadkit.toml").write_text(text)
        told = everything_is_there(capsys)
        told += names_of_alerts_are_held_to_the_rules(capsys)
        done = loadkit("run", "scenario.py", cwd=tmp_path)
        bundle = judged(done, tmp_path)
        refused = books.refused
    assert refused == []
    assert {"/prom/api/v1/query", "/prom/api/v1/alerts", "/alerts/api/v2/alerts"} <= set(
        books.passed
    )
    what_was_watched(bundle, service)
    assert main(["report", str(bundle), "--format", "json", "--output", "-"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {one["name"]: one["verdict"] for one in report["alerts"]}["ShopBusy"] == "passed"

    for artefact in [*bundle.rglob("*"), tmp_path / "loadkit.toml"]:
        if artefact.is_file():
            assert TOKEN.encode() not in artefact.read_bytes(), artefact
    assert TOKEN not in done.stdout + done.stderr + told


def everything_is_there(capsys: pytest.CaptureFixture[str]) -> str:
    """What ``loadkit config`` and its check say."""
    assert main(["config", "--check"]) == 0
    checked = capsys.readouterr().out
    assert [line.split("  ")[0] for line in checked.splitlines()] == [
        *("service", "prometheus", "alertmanager", "rules", "process shop", "log shop"),
    ]
    assert all("  ok  " in line for line in checked.splitlines())
    assert "promtool agrees" in checked
    assert main(["config"]) == 0
    shown = capsys.readouterr().out
    assert "Authorization = Bearer env:MONITORING_TOKEN" in shown
    return checked + shown


def names_of_alerts_are_held_to_the_rules(capsys: pytest.CaptureFixture[str]) -> str:
    """First to those of the files, then to what is loaded; nothing is sent."""
    settings = Path("loadkit.toml")
    whole = settings.read_text()
    words = ["run", "scenario.py", "--expect"]
    assert main([*words, "ShopBsy"]) == 2
    told = capsys.readouterr().err
    assert "no rule file defines the alert 'ShopBsy'\n       Did you mean ShopBusy?" in told
    Path("rules/new.yml").write_text(NEW_RULE)
    assert main([*words, "NotLoadedYet"]) == 2
    told += capsys.readouterr().err
    assert "/prom: no rule that is loaded defines the alert 'NotLoadedYet'" in told
    Path("rules/new.yml").write_text(NEW_RULE.replace("up == 0", "up =="))
    assert main([*words, "ShopBusy"]) == 2
    told += capsys.readouterr().err
    assert "rules/new.yml: Prometheus refuses the rule file:" in told
    Path("rules/new.yml").unlink()
    settings.write_text(whole.replace('files = ["rules/*.yml"]', ""))
    assert main([*words, "ShopBsy"]) == 2
    told += capsys.readouterr().err
    assert "/prom: no rule that is loaded defines the alert 'ShopBsy'" in told
    settings.write_text(whole)
    return told


def what_was_watched(bundle: Path, service: Shop) -> None:
    """The tables of the bundle, and what its manifest knows."""
    run = load_run(bundle)
    stack = run.manifest.stack
    assert (stack["kind"], stack["scale"]) == ("external", 1)
    assert stack["rules_source"] == "rules/shop.yml"
    told = stack["processes"]["shop"]
    assert told["pid"] == service.pid
    assert set(told["workers"]) == set(service.workers)
    assert told["profiled"] in service.workers

    # Only what the selector lets through, alerts included.
    labels = [json.loads(text) for text in run.series["labels"]]
    assert {one.get("namespace") for one in labels} == {"shop"}
    assert {"up", "shop_requests_total", "ALERTS"} <= set(run.series["name"])
    assert set(run.alert_states["alert"]) == {"ShopBusy"}
    assert "ShopBusy" in set(run.notifications["alert"])

    assert {"shop", "shop worker 1", "shop worker 2"} <= set(run.processes["process"])
    assert set(run.profile_runs["process"]) == {"shop"}
    assert set(run.profile_runs["pid"]) <= set(service.workers)
    assert set(run.logs["source"]) == {"shop"}
    assert run.logs["message"].str.contains("served /items").any()


def test_what_does_not_answer_is_missing_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "scenario.py").write_text(SHORT)
    with shop(tmp_path) as service:
        (tmp_path / "loadkit.toml").write_text(
            f'[prometheus]\nurl = "http://127.0.0.1:{free_port()}"\n'
            f'[[process]]\nname = "shop"\npid = {service.pid}\nprofile = false\n'
            '[[log]]\nname = "nobody"\nfile = "never.log"\n'
        )
        done = loadkit("run", "scenario.py", "--host", service.url, cwd=tmp_path)
    bundle = judged(done, tmp_path)
    assert "does not answer: Connection refused; the run goes on without" in done.stderr
    assert (bundle / "report.html").is_file()
    run = load_run(bundle)
    assert run.manifest.stack["kind"] == "external"
    assert {"collector-failed", "logs-missing"} <= set(run.findings["slug"])
    assert "shop" in set(run.processes["process"])
    assert len(run.profile_runs) == 0
