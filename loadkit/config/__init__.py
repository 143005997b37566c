"""Settings: ``loadkit.toml``, the environment and options, each value with its origin.

::

    config = load_config(Path.cwd())
    config.prometheus.url                 # None, or what somebody said
    config.origin("prometheus.url")       # "loadkit.toml:7", "environment LOADKIT_PROMETHEUS_URL"

Order: option, environment, file, default; the first that says something holds.
"""

from loadkit.config.origins import with_options
from loadkit.config.read import load_config
from loadkit.config.secret import Secret
from loadkit.config.shape import (
    FILE,
    LOOPBACK,
    Abort,
    Alertmanager,
    Config,
    Log,
    Metrics,
    Process,
    Prometheus,
    Rules,
    RunSettings,
    Service,
    Signals,
    Targets,
    Tls,
)

__all__ = [
    "FILE",
    "LOOPBACK",
    "Abort",
    "Alertmanager",
    "Config",
    "Log",
    "Metrics",
    "Process",
    "Prometheus",
    "Rules",
    "RunSettings",
    "Secret",
    "Service",
    "Signals",
    "Targets",
    "Tls",
    "load_config",
    "with_options",
]
