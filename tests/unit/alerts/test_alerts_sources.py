from __future__ import annotations

import pytest

from loadkit.alerts.rules import RuleFile
from loadkit.alerts.sources import Missing, without_source

JOBS = ("prometheus", "llm-cost-ops", "node")


def missing(*rules: tuple[str, str, str], lost: dict[str, Missing] | None = None) -> dict[str, str]:
    lines = ["groups:", "- name: g", "  rules:"]
    for kind, name, expr in rules:
        lines += [f"  - {kind}: {name}", "    expr: |", f"      {expr}"]
    parsed = RuleFile("f.yml", "\n".join(lines) + "\n").rules()
    found = without_source(parsed, JOBS, lost or {})
    return {parsed[at].name: why.job for at, why in found.items()}


@pytest.mark.parametrize(
    ("expr", "job"),
    [
        ('up{job="postgres"} == 0', "postgres"),
        ('absent(up{job="postgres"})', "postgres"),
        ('up{job=~"postgres|redis"} == 0', "postgres|redis"),
        ('up{job=~"post.*"} == 0', "post.*"),
        ('up{job="node"} == 0 or up{job="nats"} == 0', "nats"),
        ('up{job!~"prometheus|llm.*|node"} == 0', 'job!~"prometheus|llm.*|node"'),
        ("pg_up == 0", "postgres"),
        ("rate(redis_commands_total[5m]) > 5", "redis"),
        ("container_memory_usage_bytes > 1", "cadvisor"),
        ("gnatsd_varz_connections > 1", "nats"),
        ('{__name__=~"pg_.*"} > 1', "postgres"),
        ('{__name__="pg_up"} == 0', "postgres"),
    ],
)
def test_rules_without_a_source(expr: str, job: str) -> None:
    assert missing(("alert", "A", expr)) == {"A": job}


@pytest.mark.parametrize(
    "expr",
    [
        "up == 0",
        'up{job="node"} == 0',
        'up{job=~"node|postgres"} == 0',
        'up{job!="postgres"} == 0',
        'http_requests_total{path="job=postgres"} > 1',
        "node_load1 > 5",
        "pgx_pool > 1",
        'pg_up{job="llm-cost-ops"} == 0',
        'ALERTS{alertstate="firing"}',
    ],
)
def test_rules_with_one(expr: str) -> None:
    assert missing(("alert", "A", expr)) == {}


def test_what_reads_a_withheld_recording_is_withheld_as_well_whatever_the_order() -> None:
    rules = (
        ("alert", "Far", "far:x > 1"),
        ("record", "far:x", "near:x * 2"),
        ("record", "near:x", "rate(pg_stat_x[5m])"),
        ("alert", "OnAlert", 'ALERTS{alertname="Far"}'),
        ("alert", "Fine", "up == 0"),
    )
    assert missing(*rules) == dict.fromkeys(["Far", "far:x", "near:x", "OnAlert"], "postgres")


def test_a_name_that_another_rule_still_records_is_there() -> None:
    rules = (
        ("record", "x:y", "pg_up"),
        ("record", "x:y", "node_load1"),
        ("alert", "A", "x:y > 1"),
    )
    assert missing(*rules) == {"x:y": "postgres"}


def test_a_recording_may_be_called_like_an_exporters_metric_and_may_have_lost_its_job() -> None:
    rules = (
        ("record", "pg_like", "sum(up)"),
        ("alert", "A", "pg_like > 1"),
        ("alert", "B", 'pg_like{job=""} > 1'),
    )
    assert missing(*rules) == {}


def test_what_prometheus_refused_is_not_there() -> None:
    lost = {"gone:x": Missing("", "Prometheus refuses gone:x")}
    assert missing(("alert", "A", "gone:x > 1"), lost=lost) == {"A": ""}
