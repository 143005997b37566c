"""A staircase to where the service breaks: the last step it holds is what it can take.

    loadkit run scenarios/breakpoint.py

An objective is missed on purpose, so the run ends with exit status 3: the report names the highest
step that held. If the last one still holds, set it higher: ``--set step-6.rate=2000``. Each step is
a stage, so each is judged by itself; one that comes after the break also has to work off what the
ones before it left behind. It is a plain Locust file too:
``locust -f scenarios/breakpoint.py --headless -u 5 -r 5 --host URL``.
"""

from cost_users import CostUser

from loadkit import Rate, Scenario, Stage

__all__ = ["CostUser", "scenario"]

RATES = (100, 200, 300, 400, 600, 800)

scenario = Scenario(
    [
        Stage("warm-up", load=Rate(50), duration=10),
        *(
            # Beyond the break lines grow: users enough to show it, not one for every arrival.
            Stage(f"step-{number}", load=Rate(rate, max_users=1000), duration=12)
            for number, rate in enumerate(RATES, start=1)
        ),
    ],
    slos=["p95 < 500 ms", "errors < 1 %"],
    stack="embedded",
)
