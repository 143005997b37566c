"""An ordinary load that does not change: what the service needs for it, and whether it drifts."""

from cost_users import CostUser

from loadkit import Rate, Scenario, Stage

__all__ = ["CostUser", "scenario"]

scenario = Scenario(
    [
        Stage("warm-up", load=Rate(50), duration=10),
        Stage("steady", load=Rate(50), duration=40),
        Stage("steady-profile", load=Rate(50), duration=10),
    ],
    slos=["p95 < 200 ms", "@steady: p99 < 500 ms", "errors < 0.1 %"],
    forbid=["HighErrorRate", "SlowResponseTime"],
    stack="embedded",
)
