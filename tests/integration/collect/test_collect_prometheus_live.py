"""The Prometheus collectors against real servers, also ones that die or are something else."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import Counter
from pathlib import Path

import httpx
import pytest
import yaml
from collect_servers import Tables, alertmanager, prometheus, until

from loadkit.collect.access import Access
from loadkit.collect.alertmanager import AlertmanagerPoller
from loadkit.collect.alerts import AlertsPoller
from loadkit.collect.httpd import HttpServer, Request, Response
from loadkit.collect.notifications import NotificationReceiver
from loadkit.collect.prometheus import PrometheusCollector
from loadkit.errors import CollectError

pytestmark = pytest.mark.integration


def test_samples_rules_and_alerts_are_read_once_each(tmp_path: Path) -> None:
    tables = Tables()

    async def scenario() -> tuple[dict[str, list[list[object]]], list[tuple[str, str, float]]]:
        async with prometheus(tmp_path) as server:
            collector = PrometheusCollector(server.url, sink=tables, note=tables.note, step_s=0.5)
            alerts = AlertsPoller(server.url, sink=tables, note=tables.note, every_s=0.3)
            await collector.start()
            await alerts.start()
            await until(lambda: len(tables.values("up")) >= 4)
            await until(lambda: any(state == "firing" for _, state, _ in alerts.active))
            active = alerts.active
            await alerts.stop()
            await collector.stop()
            # what Prometheus itself has, asked in one piece
            async with httpx.AsyncClient(trust_env=False) as client:
                answer = await client.get(
                    f"{server.url}/api/v1/query", params={"query": '{__name__!=""}[5m]'}
                )
            whole = {
                entry["metric"]["__name__"] + json.dumps(entry["metric"], sort_keys=True): entry[
                    "values"
                ]
                for entry in answer.json()["data"]["result"]
            }
            return whole, active

    whole, active = asyncio.run(scenario())
    assert active[0][:2] == ("AlwaysFiring", "firing")
    assert active[0][2] >= 0
    names = {row["name"] for row in tables.of("series")}
    assert {
        "up",
        "ALERTS",
        "ALERTS_FOR_STATE",
        "tests:up:sum",
        "process_cpu_seconds_total",
    } <= names
    assert "prometheus_tsdb_head_series" in names
    assert "prometheus_tsdb_head_chunks" not in names
    numbers = [row["series"] for row in tables.of("series")]
    assert len(numbers) == len(set(numbers))
    doubles = Counter((row["series"], row["wall_ns"]) for row in tables.of("metrics"))
    assert set(doubles.values()) == {1}
    _compare(tables, whole, "up")
    _compare(tables, whole, "process_cpu_seconds_total")
    states = {row["state"] for row in tables.of("alert_states")}
    assert "firing" in states
    assert {row["value"] for row in tables.of("alert_states")} == {0.25}
    assert tables.findings == []


def _compare(tables: Tables, whole: dict[str, list[list[object]]], name: str) -> None:
    (row,) = [row for row in tables.of("series") if row["name"] == name]
    labels = {**json.loads(row["labels"]), "__name__": name}
    expected = {
        (round(float(str(stamp)) * 1_000) * 1_000_000, float(str(value)))
        for stamp, value in whole[name + json.dumps(labels, sort_keys=True)]
    }
    ours = {
        (sample["wall_ns"], sample["value"])
        for sample in tables.of("metrics")
        if sample["series"] == row["series"]
    }
    last = max(stamp for stamp, _ in ours)
    assert ours == {(stamp, value) for stamp, value in expected if stamp <= last}
    assert len(ours) >= 4


def test_prometheus_killed_is_a_finding_and_rows_stay(tmp_path: Path) -> None:
    tables = Tables()

    async def scenario() -> None:
        async with prometheus(tmp_path) as server:
            collector = PrometheusCollector(server.url, sink=tables, note=tables.note, step_s=0.3)
            alerts = AlertsPoller(server.url, sink=tables, note=tables.note, every_s=0.2)
            await collector.start()
            await alerts.start()
            await until(lambda: len(tables.values("up")) >= 2)
            os.kill(server.process.pid, signal.SIGKILL)
            await until(lambda: len(tables.findings) >= 2)
            assert await collector.latest() == {}
            assert alerts.active == []
            await alerts.stop()
            await collector.stop()

    asyncio.run(scenario())
    assert Counter(tables.slugs()) == {"prometheus-lost": 1, "alerts-lost": 1}
    evidence = tables.findings[0].evidence
    assert "last answer" in evidence
    assert "refused" in evidence["error"]
    assert "query" not in evidence["error"]
    assert len(tables.values("up")) >= 2


def test_prometheus_that_comes_back_is_asked_for_what_was_missed(tmp_path: Path) -> None:
    tables = Tables()

    async def scenario() -> None:
        async with prometheus(tmp_path) as server:
            collector = PrometheusCollector(server.url, sink=tables, note=tables.note, step_s=0.3)
            await collector.start()
            await until(lambda: len(tables.values("up")) >= 2)
            # stopped and not asked meanwhile: its scrapes are late, its connection hangs
            os.kill(server.process.pid, signal.SIGTERM)
            await until(lambda: tables.slugs() == ["prometheus-lost"])
        async with prometheus(tmp_path, port=server.port):
            before = len(tables.values("up"))
            await until(lambda: len(tables.values("up")) >= before + 2)
            await collector.stop()

    asyncio.run(scenario())
    assert tables.slugs() == ["prometheus-lost", "source-recovered"]
    doubles = Counter((row["series"], row["wall_ns"]) for row in tables.of("metrics"))
    assert set(doubles.values()) == {1}


def test_jobs_can_be_chosen_and_too_many_series_are_refused(tmp_path: Path) -> None:
    tables = Tables()

    async def scenario() -> str:
        async with prometheus(tmp_path) as server:

            def collector(jobs: list[str] | None, most: int = 20_000) -> PrometheusCollector:
                return PrometheusCollector(
                    server.url,
                    sink=tables,
                    note=tables.note,
                    job_selectors=jobs,
                    most_series=most,
                    step_s=0.3,
                )

            other = collector(["another"])
            await other.start()
            await until(lambda: len(tables.values("ALERTS")) >= 2)
            await other.stop()
            found = collector(None, most=3)
            async with httpx.AsyncClient(trust_env=False) as client:
                for _ in range(200):
                    up = await client.get(f"{server.url}/api/v1/query", params={"query": "up"})
                    if up.json()["data"]["result"]:
                        break
                    await asyncio.sleep(0.05)
            with pytest.raises(CollectError) as caught:
                await found.start()
            await found.stop()
            return str(caught.value)

    message = asyncio.run(scenario())
    assert "more than 3" in message
    assert "--prometheus-job" in message
    assert not {"up", "process_cpu_seconds_total"} & {row["name"] for row in tables.of("series")}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Response(200, b"<html>hello</html>", "text/html"), "its JSON API"),
        (Response(200, b'{"status":"success"}', "application/json"), "its JSON API"),
        (Response(200, b"[1]", "application/json"), "its JSON API"),
        (Response(401, b"who?"), "LOADKIT_PROMETHEUS_HEADERS"),
        (Response(503, b"token=s3cret too busy"), "answered 503"),
    ],
)
def test_something_else_lives_there(answer: Response, words: str) -> None:
    tables = Tables()

    async def scenario() -> list[str]:
        server = HttpServer(lambda _: answer)
        await server.start()
        url = f"http://127.0.0.1:{server.port}"
        messages = []
        for collector in (
            PrometheusCollector(url, sink=tables, note=tables.note),
            AlertsPoller(url, sink=tables, note=tables.note),
            AlertmanagerPoller(url, sink=tables, note=tables.note),
        ):
            with pytest.raises(CollectError) as caught:
                await collector.start()
            messages.append(str(caught.value))
            await collector.stop()
        await server.stop()
        return messages

    for message in asyncio.run(scenario()):
        assert words in message
        assert "s3cret" not in message


def test_headers_are_sent_and_nobody_there_is_told() -> None:
    tables = Tables()
    seen: list[str] = []

    def handle(request: Request) -> Response:
        seen.append(request.headers.get("x-scope-orgid", ""))
        return Response(403)

    async def scenario() -> str:
        server = HttpServer(handle)
        await server.start()
        url = f"http://127.0.0.1:{server.port}"
        headers = {"X-Scope-OrgID": "team"}
        for collector in (
            PrometheusCollector(url, sink=tables, note=tables.note, access=Access(headers=headers)),
            AlertsPoller(url, sink=tables, note=tables.note, access=Access(headers=headers)),
        ):
            with pytest.raises(CollectError):
                await collector.start()
            await collector.stop()
        await server.stop()
        gone = PrometheusCollector(url, sink=tables, note=tables.note)
        with pytest.raises(CollectError) as caught:
            await gone.start()
        await gone.stop()
        return str(caught.value)

    assert "does not answer" in asyncio.run(scenario())
    assert seen == ["team", "team"]


def test_alertmanager_delivers_to_us_and_is_followed(tmp_path: Path) -> None:
    tables = Tables()

    async def scenario() -> None:
        receiver = NotificationReceiver(sink=tables, note=tables.note)
        await receiver.start()
        config = _alertmanager_config(receiver.url)
        async with (
            alertmanager(tmp_path / "alertmanager", config) as manager,
            prometheus(tmp_path / "prometheus", alertmanager_port=manager.port) as server,
        ):
            poller = AlertmanagerPoller(
                manager.url, sink=tables, note=tables.note, every_s=0.2, states=True
            )
            await poller.start()
            await until(lambda: receiver.count >= 3, 20)
            rules = tmp_path / "prometheus" / "rules.yml"
            rules.write_text(yaml.safe_dump({"groups": []}))
            async with httpx.AsyncClient(trust_env=False) as client:
                (await client.post(f"{server.url}/-/reload")).raise_for_status()
            await until(lambda: receiver.count >= 6, 20)
            await until(lambda: _followed(tables) == ["firing", "resolved"])
            await poller.stop()
        await receiver.stop()

    asyncio.run(scenario())
    rows = [row for row in tables.of("notifications") if row["integration"] != "alertmanager"]
    seen = sorted((row["integration"], row["status"], row["receiver"]) for row in rows)
    assert seen == [
        (integration, status, "critical team")
        for integration in ("pagerduty", "slack", "webhook")
        for status in ("firing", "resolved")
    ]
    assert {row["alert"] for row in tables.of("notifications")} == {"AlwaysFiring"}
    everything = json.dumps(tables.rows)
    assert "hunter2" not in everything
    assert "routing-s3cret" not in everything
    assert {row["state"] for row in tables.of("alert_states")} == {"firing"}
    assert tables.findings == []


def _followed(tables: Tables) -> list[str]:
    return [r["status"] for r in tables.of("notifications") if r["integration"] == "alertmanager"]


def _alertmanager_config(url: str) -> dict[str, object]:
    here = f"{url}/notify/critical%20team"
    return {
        "global": {"resolve_timeout": "2s"},
        "route": {
            "group_by": ["alertname", "severity"],
            "group_wait": "200ms",
            "group_interval": "500ms",
            "repeat_interval": "1h",
            "receiver": "critical team",
        },
        "receivers": [
            {
                "name": "critical team",
                "slack_configs": [
                    {
                        "api_url": f"{here}/slack",
                        "channel": "#alerts",
                        "send_resolved": True,
                        "title": "CRITICAL: {{ .GroupLabels.alertname }}",
                        "text": "{{ range .Alerts }}{{ .Annotations.description }}{{ end }}",
                    }
                ],
                "pagerduty_configs": [
                    {"routing_key": "routing-s3cret", "url": f"{here}/pagerduty"}
                ],
                "webhook_configs": [{"url": f"{here}/webhook"}],
            }
        ],
    }
