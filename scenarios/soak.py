"""Hours of an ordinary day in which nothing may grow: memory, latency, the length of any line.

    loadkit run scenarios/soak.py --set day.duration=8h

By default it takes four minutes, enough to see that it works. The load comes and goes once a
minute, and arrivals come by chance, as those of many independent callers do. It is a plain Locust
file too: ``locust -f scenarios/soak.py --headless -u 5 -r 5 --host URL``.
"""

from cost_users import CostUser

from loadkit import Rate, Scenario, Sine, Stage

__all__ = ["CostUser", "scenario"]

scenario = Scenario(
    [
        Stage("warm-up", load=Rate(50), duration=10),
        # From the bottom of the wave: 30/s to 90/s and back.
        Stage(
            "day",
            load=Sine(60, 30, period=60, phase=0.75, arrivals="poisson"),
            duration=240,
        ),
    ],
    slos=["@day: p95 < 300 ms", "@day: p99 < 1 s", "errors < 0.1 %"],
    forbid=["HighErrorRate", "SlowResponseTime"],
    stack="embedded",
)
