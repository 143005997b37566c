"""From an ordinary load to the busiest minute of the day and back.

    loadkit run scenarios/peak.py

runs it against the reference cost service with Prometheus and Alertmanager beside it. It is a
plain Locust file too: ``locust -f scenarios/peak.py --headless -u 5 -r 5 --host URL``.
"""

from cost_users import CostUser

from loadkit import Rate, Scenario, Stage

__all__ = ["CostUser", "scenario"]

scenario = Scenario(
    [
        Stage("warm-up", load=Rate(50), duration=10),
        Stage("base", load=Rate(50), duration=20),
        Stage("base-profile", load=Rate(50), duration=10),
        Stage("ramp", load=Rate(50, to=120), duration=15),
        # As long as an alert, scaled to a fifteenth, takes to fire and be delivered.
        Stage("peak", load=Rate(120), duration=45),
        Stage("peak-profile", load=Rate(120), duration=15),
        Stage("recovery", load=Rate(50), duration=25),
    ],
    slos=[
        "p95 < 300 ms",
        "POST /api/v1/costs@peak: p99 < 1 s",
        "errors < 1 %",
    ],
    forbid=["HighErrorRate", "SlowResponseTime"],
    stack="embedded",
)
