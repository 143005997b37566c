"""The run's own prometheus.yml: the guide's jobs with free ports, short intervals, fixed labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadkit.errors import StackError
from loadkit.stack import timescale
from loadkit.stack.freeports import LOOPBACK

EMBEDDED_JOBS = ("prometheus", "llm-cost-ops", "node")
"""The jobs that the embedded stack has a source for."""

DEFAULT_INTERVAL = "1m"
"""What Prometheus scrapes and evaluates at when a file doesn't say."""


@dataclass(frozen=True, slots=True)
class Intervals:
    """Scaled, in milliseconds: what everything without an interval of its own uses."""

    scrape_ms: int
    evaluation_ms: int


def intervals(text: str, scale: int) -> Intervals:
    """The global intervals of a prometheus.yml, divided."""
    settings = _mapping(yaml.safe_load(text), "prometheus.yml").get("global") or {}
    return Intervals(
        timescale.scale_ms(_interval(settings, "scrape_interval", DEFAULT_INTERVAL), scale),
        timescale.scale_ms(_interval(settings, "evaluation_interval", DEFAULT_INTERVAL), scale),
    )


def generate(
    text: str,
    *,
    ports: Mapping[str, int],
    alertmanager_port: int,
    rule_files: Sequence[Path],
    scale: int,
) -> str:
    """The configuration to run with.

    Args:
        text: the prometheus.yml to follow; its jobs' names, paths, intervals and targets.
        ports: job → where its source listens on loopback. Jobs without one are left out.
        alertmanager_port: where Alertmanager listens.
        rule_files: prepared rule files.
        scale: what intervals are divided by. ``scrape_timeout`` becomes the interval, because a
            timeout longer than the interval is refused.

    Returns:
        YAML. The ``instance`` label stays the address that the given file names.

    Raises:
        StackError: a job in ``ports`` is not in the file.
    """
    source = _mapping(yaml.safe_load(text), "prometheus.yml")
    jobs = {job["job_name"]: job for job in source.get("scrape_configs") or ()}
    missing = sorted(set(ports) - set(jobs))
    if missing:
        raise StackError(f"prometheus.yml has no job {missing[0]!r}")
    everything = intervals(text, scale)
    scrape = timescale.format_ms(everything.scrape_ms)
    config = {
        "global": {
            "scrape_interval": scrape,
            "scrape_timeout": scrape,
            "evaluation_interval": timescale.format_ms(everything.evaluation_ms),
            "external_labels": (source.get("global") or {}).get("external_labels") or {},
        },
        "alerting": {
            "alertmanagers": [
                {"static_configs": [{"targets": [f"{LOOPBACK}:{alertmanager_port}"]}]}
            ]
        },
        "rule_files": [str(path) for path in rule_files],
        "scrape_configs": [
            _job(job, ports[name], everything.scrape_ms, scale)
            for name, job in jobs.items()
            if name in ports
        ],
    }
    return yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=10_000)


def _job(job: Mapping[str, Any], port: int, default_ms: int, scale: int) -> dict[str, Any]:
    interval_ms = default_ms
    if "scrape_interval" in job:
        interval_ms = timescale.scale_ms(_interval(job, "scrape_interval", ""), scale)
    interval = timescale.format_ms(interval_ms)
    instance = job["static_configs"][0]["targets"][0]
    return {
        "job_name": job["job_name"],
        "metrics_path": job.get("metrics_path", "/metrics"),
        "scrape_interval": interval,
        "scrape_timeout": interval,
        "static_configs": [
            {"targets": [f"{LOOPBACK}:{port}"], "labels": {"instance": instance}},
        ],
    }


def _interval(settings: Mapping[str, Any], key: str, default: str) -> int:
    try:
        return timescale.parse_ms(str(settings.get(key, default)))
    except ValueError as error:
        raise StackError(f"{key}: {error}", where="prometheus.yml") from error


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise StackError("not a configuration of Prometheus", where=where)
    return value
