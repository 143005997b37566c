# ruff: noqa: RUF009 - _key makes a field(), which ruff knows by that name only
"""The settings there are: a dataclass a section, a field a key, with kind and meaning.

Reader, ``loadkit config`` and the table in docs/settings.md all follow from these fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from loadkit.config import kinds
from loadkit.config.kinds import Kind
from loadkit.config.secret import Secret

FILE = "loadkit.toml"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
DEFAULT = "default"


def _key(kind: Kind, default: Any, text: str) -> Any:
    made = {"default_factory": dict} if default is dict else {"default": default}
    return field(**made, metadata={"kind": kind, "help": text})


@dataclass(frozen=True, slots=True)
class Service:
    """``[service]``: what is under test."""

    url: str | None = _key(
        kinds.URL, None, "where the load goes; stronger than the host of a user class"
    )


@dataclass(frozen=True, slots=True)
class RunSettings:
    """``[run]``: defaults of ``loadkit run``. ``max_rate`` is arrivals a second."""

    stack: str | None = _key(
        kinds.choice("none", "embedded", "external"), None, "what is around the load"
    )
    reports: Path = _key(kinds.PATH, Path("reports"), "where bundles go")
    max_rate: float | None = _key(
        kinds.POSITIVE, None, "most planned arrivals a second, over all workers"
    )
    trace_ratio: float = _key(
        kinds.RATIO, 1.0, "share of requests whose traceparent asks for sampling"
    )
    fail_on: str | None = _key(
        kinds.choice("warning", "error"), None, "exit 3 when a finding is at least this severe"
    )
    metrics_listen: str | None = _key(
        kinds.LISTEN, None, "where loadkit serves its own metrics while it runs"
    )


@dataclass(frozen=True, slots=True)
class Targets:
    """``[targets]``."""

    allow: tuple[str, ...] = _key(
        kinds.HOSTS, (), "hosts that load may be sent to, besides loopback"
    )


@dataclass(frozen=True, slots=True)
class Tls:
    """How one server is talked to; what Prometheus, Alertmanager and expositions have in common.

    ``cert_file`` may hold the key too. ``verify`` false accepts any certificate.
    """

    headers: Mapping[str, Secret] = _key(
        kinds.HEADERS, dict, 'sent with every request; values are "env:NAME" or "file:PATH"'
    )
    ca_file: Path | None = _key(kinds.PATH, None, "certificates to trust, PEM")
    cert_file: Path | None = _key(kinds.PATH, None, "client certificate, PEM")
    key_file: Path | None = _key(kinds.PATH, None, "its private key, PEM")
    verify: bool = _key(kinds.FLAG, True, "whether the server's certificate is checked")


@dataclass(frozen=True, slots=True)
class Prometheus(Tls):
    """``[prometheus]``: one that is already there. ``selector`` is ``{name="value", …}``."""

    url: str | None = _key(kinds.URL, None, "its root, with the path prefix it may have")
    jobs: tuple[str, ...] = _key(
        kinds.TEXTS, (), "read only these jobs; names or regular expressions"
    )
    selector: str | None = _key(
        kinds.SELECTOR, None, "further matchers for everything that is read, alerts too"
    )
    tenant: str | None = _key(kinds.TEXT, None, "sent as X-Scope-OrgID (Mimir, Cortex, Thanos)")


@dataclass(frozen=True, slots=True)
class Alertmanager(Tls):
    """``[alertmanager]``: one that is already there."""

    url: str | None = _key(kinds.URL, None, "its root, with the path prefix it may have")
    tenant: str | None = _key(kinds.TEXT, None, "sent as X-Scope-OrgID")


@dataclass(frozen=True, slots=True)
class Metrics(Tls):
    """``[metrics]``: expositions that loadkit reads itself. ``interval`` is in seconds."""

    urls: tuple[str, ...] = _key(
        kinds.ENDPOINTS, (), "expositions to read directly, without a Prometheus"
    )
    interval: float = _key(kinds.DURATION, 1.0, "how often each is read")


@dataclass(frozen=True, slots=True)
class Rules:
    """``[rules]``."""

    files: tuple[str, ...] = _key(
        kinds.TEXTS, (), "alert rules, patterns allowed; checked, and --expect names held to them"
    )


@dataclass(frozen=True, slots=True)
class Process:
    """``[[process]]``: one to watch. Exactly one of ``pid``, ``command`` and ``port`` is set."""

    name: str = _key(kinds.TEXT, "", "as shown; default: how it is found")
    pid: int | None = _key(kinds.PID, None, "its id")
    command: str | None = _key(kinds.TEXT, None, "a part of its command line")
    port: int | None = _key(kinds.PORT, None, "the TCP port it listens on")
    profile: bool = _key(kinds.FLAG, True, "sample its stacks with py-spy")
    memory: bool = _key(kinds.FLAG, False, "attach memray to it")


@dataclass(frozen=True, slots=True)
class Log:
    """``[[log]]``: a file to follow from its end."""

    name: str = _key(kinds.TEXT, "", "as shown; default: the file's stem")
    file: Path = _key(kinds.PATH, Path(), "the file; it may appear later, and may be rotated")


@dataclass(frozen=True, slots=True)
class Signals:
    """``[signals]``: corrections of what is guessed; each a metric name, selector or expression."""

    rate: str | None = _key(kinds.METRIC, None, "counter of requests")
    errors: str | None = _key(kinds.METRIC, None, "counter of failed requests")
    duration: str | None = _key(kinds.METRIC, None, "histogram or summary of durations")
    saturation: tuple[str, ...] = _key(kinds.SHARES, (), "gauges, or used / limit")


@dataclass(frozen=True, slots=True)
class Abort:
    """``[abort]``: rules that end a run early, as text."""

    errors: str | None = _key(kinds.ABORT_ERRORS, None, "share of failed requests and how long")
    slo: tuple[str, ...] = _key(kinds.ABORT_SLO, (), "objectives breached that long")
    promql: tuple[str, ...] = _key(
        kinds.ABORT_PROMQL, (), "expressions that return anything that long"
    )


SECTIONS: Mapping[str, type] = MappingProxyType(
    {
        "service": Service,
        "run": RunSettings,
        "targets": Targets,
        "prometheus": Prometheus,
        "alertmanager": Alertmanager,
        "metrics": Metrics,
        "rules": Rules,
        "signals": Signals,
        "abort": Abort,
    }
)
LISTS: Mapping[str, tuple[str, type]] = MappingProxyType(
    {"process": ("processes", Process), "log": ("logs", Log)}
)
"""Sections that may be repeated: name in the file → (field of Config, class)."""


@dataclass(frozen=True, slots=True)
class Config:
    """All settings. ``origins`` has those that are not defaults: ``section.key`` → where from."""

    service: Service = Service()
    run: RunSettings = RunSettings()
    targets: Targets = Targets()
    prometheus: Prometheus = Prometheus()
    alertmanager: Alertmanager = Alertmanager()
    metrics: Metrics = Metrics()
    rules: Rules = Rules()
    processes: tuple[Process, ...] = ()
    logs: tuple[Log, ...] = ()
    signals: Signals = Signals()
    abort: Abort = Abort()
    origins: Mapping[str, str] = field(default_factory=dict)

    @property
    def allowed_targets(self) -> tuple[str, ...]:
        """Hosts that load may be sent to, loopback always among them."""
        return LOOPBACK + self.targets.allow

    def origin(self, key: str) -> str:
        """Where a value is from: ``loadkit.toml:12``, ``environment LOADKIT_RUN_MAX_RATE``,
        ``option --host`` or ``default``. Repeated sections count from 0: ``process.0.pid``."""
        return self.origins.get(key, DEFAULT)

    def said(self, key: str) -> bool:
        """Whether somebody said it, so that it is no default."""
        return key in self.origins


def keys(section: type) -> tuple[Field[Any], ...]:
    """The keys of a section, those of its own first."""
    shared = {key.name for key in fields(Tls)} if issubclass(section, Tls) else set()
    return tuple(sorted(fields(section), key=lambda key: key.name in shared))


def kind_of(key: Field[Any]) -> Kind:
    """What a key's value may be."""
    kind: Kind = key.metadata["kind"]
    return kind


def variable(section: str, key: str) -> str:
    """The environment variable of a key."""
    return f"LOADKIT_{section}_{key}".upper()
