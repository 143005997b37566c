"""From nearly nothing to more than the usual peak, evenly: where latency begins to bend."""

from cost_users import CostUser

from loadkit import Rate, Scenario, Stage

__all__ = ["CostUser", "scenario"]

scenario = Scenario(
    [
        Stage("warm-up", load=Rate(10), duration=5),
        Stage("ramp", load=Rate(10, to=150), duration=45),
        Stage("hold", load=Rate(150), duration=10),
    ],
    slos=["p95 < 500 ms", "errors < 1 %"],
    forbid=["HighErrorRate"],
    stack="embedded",
)
