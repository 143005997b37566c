from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from loadkit.errors import StackError
from loadkit.stack import prometheus_config

SOURCE = """
global:
  scrape_interval: 15s
  evaluation_interval: 15s
  external_labels: {cluster: c}
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ['localhost:9090']}]
  - job_name: llm-cost-ops
    static_configs: [{targets: ['app:9090']}]
    metrics_path: /m
    scrape_interval: 10s
    scrape_timeout: 5s
  - job_name: postgres
    static_configs: [{targets: ['postgres-exporter:9187']}]
"""


def generate(**ports: int) -> str:
    return prometheus_config.generate(
        SOURCE,
        ports={name.replace("_", "-"): port for name, port in ports.items()},
        alertmanager_port=9,
        rule_files=[Path("/r/a.yml")],
        scale=15,
    )


def test_only_jobs_with_a_source_are_scraped_on_loopback_under_their_old_instance() -> None:
    config = yaml.safe_load(generate(prometheus=1, llm_cost_ops=2))
    assert config["global"] == {
        "scrape_interval": "1s",
        "scrape_timeout": "1s",
        "evaluation_interval": "1s",
        "external_labels": {"cluster": "c"},
    }
    assert config["rule_files"] == ["/r/a.yml"]
    assert config["alerting"]["alertmanagers"] == [
        {"static_configs": [{"targets": ["127.0.0.1:9"]}]}
    ]
    own, app = config["scrape_configs"]
    assert own["job_name"] == "prometheus"
    assert own["static_configs"] == [
        {"targets": ["127.0.0.1:1"], "labels": {"instance": "localhost:9090"}}
    ]
    assert (app["job_name"], app["metrics_path"]) == ("llm-cost-ops", "/m")
    assert (app["scrape_interval"], app["scrape_timeout"]) == ("667ms", "667ms")
    assert app["static_configs"][0]["labels"] == {"instance": "app:9090"}


def test_a_source_without_a_job_is_an_error() -> None:
    with pytest.raises(StackError, match="no job 'jaeger'"):
        generate(prometheus=1, jaeger=2)


def test_what_a_file_leaves_out_is_prometheus_default() -> None:
    found = prometheus_config.intervals("global: {}\n", 15)
    assert (found.scrape_ms, found.evaluation_ms) == (4000, 4000)
