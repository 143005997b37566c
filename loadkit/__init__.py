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

from loadkit.model import Fault, Rate, Scenario, Slo, Stage, Users

if TYPE_CHECKING:
    from loadkit.bundle.reader import load_run as load_run

__all__ = ["Fault", "Rate", "Scenario", "Slo", "Stage", "Users", "load_run"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # A scenario file imports loadkit in the load child: pandas must not come along.
    if name == "load_run":
        from loadkit.bundle.reader import load_run

        return load_run
    raise AttributeError(f"module 'loadkit' has no attribute {name!r}")
