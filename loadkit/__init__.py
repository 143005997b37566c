"""loadkit: drive a service, watch everything it does, judge how far the answer can be trusted.

In a scenario file::

    from loadkit import Rate, Scenario, Stage

    scenario = Scenario([Stage("steady", load=Rate(200), duration=30)], slos=["p95 < 300 ms"])

In a notebook::

    import loadkit

    run = loadkit.load_run("reports/2026-11-24T22-10-03-peak")
    run.seconds  # a pandas frame

"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from loadkit.model import (
    Fault,
    Rate,
    Replay,
    Scenario,
    Sine,
    Slo,
    Spike,
    Stage,
    Steps,
    Users,
)

if TYPE_CHECKING:
    from loadkit.bundle.reader import load_run as load_run
    from loadkit.load.client.user import HttpUser as HttpUser
    from loadkit.load.feed.feeder import Feeder as Feeder
    from loadkit.load.secrets import secret as secret

__all__ = [
    "Fault",
    "Rate",
    "Replay",
    "Scenario",
    "Sine",
    "Slo",
    "Spike",
    "Stage",
    "Steps",
    "Users",
    "load_run",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # A scenario file imports loadkit in the load child: pandas must not come along.
    if name == "load_run":
        from loadkit.bundle.reader import load_run

        return load_run
    # Locust must not come along where a scenario is only read.
    if name == "HttpUser":
        from loadkit.load.client.user import HttpUser

        return HttpUser
    if name == "Feeder":
        from loadkit.load.feed.feeder import Feeder

        return Feeder
    if name == "secret":
        from loadkit.load.secrets import secret

        return secret
    raise AttributeError(f"module 'loadkit' has no attribute {name!r}")
