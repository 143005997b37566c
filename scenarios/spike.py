"""A sudden rush: eight times the ordinary load for ten seconds, and what it leaves behind.

    loadkit run scenarios/spike.py

On two cores that is about as much as the service takes; on less a part of it waits in line. What is
asked is that nobody is turned away, and that half a minute later it is as if nothing had been.
``--set rush.rate=800`` doubles all of that stage, ``--set rush.duration=2m`` gives it longer to get
over it. It is a plain Locust file too:
``locust -f scenarios/spike.py --headless -u 5 -r 5 --host URL``.
"""

from cost_users import CostUser

from loadkit import Rate, Scenario, Spike, Stage

__all__ = ["CostUser", "scenario"]

scenario = Scenario(
    [
        Stage("warm-up", load=Rate(50), duration=10),
        Stage("before", load=Rate(50), duration=20),
        # Two seconds to rise and two to fall, as people come and go.
        Stage(
            "rush",
            load=Spike(50, 400, begin=10, length=14, edge=2, max_users=1000),
            duration=50,
        ),
        Stage("after", load=Rate(50), duration=30),
    ],
    slos=[
        "@before: p95 < 300 ms",
        "@rush: p99 < 15 s",
        "@after: p95 < 300 ms",
        "errors < 1 %",
    ],
    forbid=["HighErrorRate"],
    stack="embedded",
)
