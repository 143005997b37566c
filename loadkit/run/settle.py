"""Options over environment over file over what the scenario says: what holds for this run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from loadkit.collect.fetch import base_url
from loadkit.config import Alertmanager, Config, Metrics, Process, Prometheus, with_options
from loadkit.run.request import RunRequest

OPTIONS: Mapping[str, tuple[str, Callable[[RunRequest], Any]]] = {
    "service.url": ("--host", lambda request: _url(request.host)),
    "run.stack": ("--stack", lambda request: request.stack),
    "run.reports": ("--reports", lambda request: request.reports),
    "run.max_rate": ("--max-rate", lambda request: request.max_rate),
    "run.trace_ratio": ("--trace-ratio", lambda request: request.trace_ratio),
    "run.fail_on": ("--fail-on", lambda request: request.fail_on),
    "run.metrics_listen": ("--metrics-listen", lambda request: request.metrics_listen),
    "prometheus.url": ("--prometheus", lambda request: request.prometheus),
    "prometheus.jobs": ("--prometheus-job", lambda request: request.jobs or None),
    "metrics.urls": ("--metrics", lambda request: request.metrics or None),
    "alertmanager.url": ("--alertmanager", lambda request: request.alertmanager),
    "abort.errors": ("--abort-errors", lambda request: request.abort_errors),
    "abort.slo": ("--abort-slo", lambda request: request.abort_slo or None),
    "abort.promql": ("--abort-promql", lambda request: request.abort_promql or None),
    "process": ("--pid", lambda request: request.pid),
}
"""Setting → (option, what the request has of it; None is "not given")."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The request with everything filled in, and the settings with the options over them.

    Of another stack than the external one ``config`` names no sources but what options name.
    """

    request: RunRequest
    config: Config


def settle(request: RunRequest, config: Config, scenario_stack: str | None) -> Settled:
    """Decides what holds.

    The stack is that of ``--stack``; external with ``--prometheus`` or ``--alertmanager``; that
    of the environment or the file; the scenario's; external where the settings name anything to
    watch; none.

    Args:
        request: options as given.
        config: file and environment.
        scenario_stack: what the scenario says; None without a scenario.

    Raises:
        UsageError: an option has a wrong value.
    """
    for option, url in (
        ("--prometheus", request.prometheus),
        ("--alertmanager", request.alertmanager),
    ):
        if url is not None:
            base_url(url, option)
    given = {key: (option, of(request)) for key, (option, of) in OPTIONS.items()}
    laid = with_options(config, given)
    stack = _stack(request, laid, scenario_stack)
    if stack != "external":
        laid = _without_sources(laid, request)
    filled = replace(
        request,
        host=request.host if stack == "embedded" else laid.service.url,
        stack=stack,
        reports=laid.run.reports,
        max_rate=laid.run.max_rate,
        trace_ratio=laid.run.trace_ratio,
        fail_on=laid.run.fail_on,
        metrics_listen=laid.run.metrics_listen,
        abort_errors=laid.abort.errors,
        abort_slo=laid.abort.slo,
        abort_promql=laid.abort.promql,
        prometheus=laid.prometheus.url,
        jobs=laid.prometheus.jobs,
        alertmanager=laid.alertmanager.url,
        sources=sources(laid),
    )
    return Settled(filled, laid)


def sources(config: Config) -> tuple[str, ...]:
    """What the settings name to be watched, as sections."""
    named = {
        "[prometheus]": config.prometheus.url,
        "[alertmanager]": config.alertmanager.url,
        "[metrics]": config.metrics.urls,
        "[[process]]": config.processes,
        "[[log]]": config.logs,
    }
    return tuple(section for section, value in named.items() if value)


def _stack(request: RunRequest, config: Config, scenario_stack: str | None) -> str:
    if request.stack is not None:
        return request.stack
    if request.prometheus is not None or request.alertmanager is not None or request.metrics:
        return "external"
    if config.run.stack is not None:
        return config.run.stack
    if scenario_stack not in (None, "none"):
        return str(scenario_stack)
    named = sources(config)
    only_pid = named == ("[[process]]",) and request.pid is not None
    return "external" if named and not only_pid else "none"


def _without_sources(config: Config, request: RunRequest) -> Config:
    """What the file names belongs to the external stack; what an option names, to this run."""
    url, jobs = request.prometheus, request.jobs
    process = (Process(name=f"pid {request.pid}", pid=request.pid),) if request.pid else ()
    return replace(
        config,
        prometheus=Prometheus(url=url, jobs=jobs),
        alertmanager=Alertmanager(url=request.alertmanager),
        metrics=Metrics(urls=request.metrics),
        processes=process,
        logs=(),
    )


def _url(host: str | None) -> str | None:
    return host if host is None or "//" in host else f"http://{host}"
