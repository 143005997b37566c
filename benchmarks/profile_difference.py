"""Burns CPU at a step of the reference service, and asks whether the profiles name who did.

    python benchmarks/profile_difference.py [--runs 5] [--burn 5ms] [--json]

Each run is `loadkit run` of a scenario with a profile stage at a low and one at a higher load, in
the second of which each request burns so much CPU at one step, another step each run. It is named
when the difference of the two profiles puts the burning function first, its interval beyond 0; said
too is whether it is clear among all functions at once, and which function of the service it hangs
below. Exit status 1 when one of the runs fails that.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from loadkit.analyse import analyse
from loadkit.analyse.profile_result import DifferenceFrame, FunctionChange
from loadkit.bundle.reader import load_run

ROOT = Path(__file__).parents[1]
BURNER = "burn_cpu (loadkit/reference/faults/cpu.py)"
STEPS = (
    "calculate_total", "store_cost", "validate_request", "fetch_pricing_data", "apply_discount",
)  # fmt: skip

_SCENARIO = """
import sys
sys.path.insert(0, {users!r})
from cost_users import CostUser
from loadkit import Rate, Scenario, Stage

scenario = Scenario(
    [
        Stage("warm-up", load=Rate(60), duration=2),
        Stage("base-profile", load=Rate(60), duration={seconds}),
        Stage("peak", load=Rate(90), duration=2),
        Stage("peak-profile", load=Rate(90), duration={seconds}),
    ],
    stack="embedded",
)
"""


@dataclass(frozen=True, slots=True)
class Named:
    """What one run's difference says."""

    step: str
    first: str  # the function with the strongest evidence
    beyond: bool  # whether its 95 % interval leaves 0 out
    clear: bool  # whether it still does with all functions compared
    change: str  # percentage points with the interval
    below: str  # the function of the service that the burn hangs below in the flame graph
    burn: str  # place and change of the burning function, wherever it came
    served: float  # requests completed at the peak profile, as a share of those offered

    @property
    def right(self) -> bool:
        """Whether the burning function came first, and more than slices differ by themselves."""
        return self.first == BURNER and self.beyond


def main() -> int:
    """The exit status."""
    given = _arguments()
    found = []
    for number in range(given.runs):
        named = _run(STEPS[number % len(STEPS)], given.burn, given.seconds)
        found.append(named)
        if not given.json:
            print(
                f"{named.step:18} {'named' if named.right else 'MISSED':7} {named.first}, "
                f"{named.change} points{', clear' if named.clear else ''}, below {named.below}"
                + ("" if named.right else f"; the burn: {named.burn}")
                + ("" if named.served > 0.9 else f"; only {named.served:.0%} of the load served"),
                flush=True,
            )
    right = sum(named.right for named in found)
    if given.json:
        print(json.dumps({"right": right, "runs": [asdict(named) for named in found]}, indent=1))
    else:
        print(f"named first in {right} of {len(found)}")
    return 0 if right == len(found) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--burn", default="5ms", help="CPU burned in each request (default 5ms)")
    parser.add_argument(
        "--seconds", type=int, default=15, help="length of each profile stage (default 15)"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def _run(step: str, burn: str, seconds: int) -> Named:
    with tempfile.TemporaryDirectory(prefix="loadkit-difference-") as folder:
        file = Path(folder) / "burn.py"
        text = _SCENARIO.format(users=str(ROOT / "scenarios"), seconds=seconds)
        file.write_text(text, encoding="utf-8")
        done = subprocess.run(
            [
                *(sys.executable, "-m", "loadkit", "run", str(file), "--reports", folder),
                *("--fault", f"cpu:{step}={burn}@peak-profile"),
            ],
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
            cwd=folder,
        )
        if not done.stdout.strip():
            raise SystemExit(f"the run failed:\n{done.stderr}")
        return _named(step, Path(folder) / done.stdout.strip())


def _named(step: str, bundle: Path) -> Named:
    found = analyse(load_run(bundle))
    differences = found.profile_differences
    (peak,) = (stage for stage in found.stages if stage.name == "peak-profile")
    served = (peak.achieved or 0.0) / peak.offered if peak.offered else 0.0
    if not differences or not differences[0].changes:
        return Named(step, "(no profiles)", False, False, "", "", "", served)
    first = differences[0].changes[0]
    burn = [
        f"{place}. {_points(change)}"
        for place, change in enumerate(differences[0].changes, 1)
        if change.function == BURNER
    ]
    return Named(
        step,
        first.function,
        first.itself.distance > 0,
        first.clear,
        _points(first),
        _caller(differences[0].flame),
        burn[0] if burn else "not seen",
        served,
    )


def _points(change: FunctionChange) -> str:
    itself = change.itself
    ends = f"{100 * (itself.low or 0):+.0f} to {100 * (itself.high or 0):+.0f}"
    return f"{100 * itself.value:+.0f} ({ends})"


def _caller(flame: DifferenceFrame) -> str:
    """The nearest caller outside the faults' own code, on the path that burns most."""
    paths = sorted(_burning(flame, ()), key=lambda found: -found[1])
    if not paths:
        return "(nothing)"
    own = ("loadkit/reference/faults/", "loadkit/reference/exchange.py")  # what strikes a step
    names = [n for n in paths[0][0] if "loadkit/" in n and not any(part in n for part in own)]
    return names[-1] if names else paths[0][0][0]


def _burning(
    frame: DifferenceFrame, above: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], float]]:
    if frame.name == BURNER:
        yield above, frame.peak - frame.base
        return
    for child in frame.children:
        yield from _burning(child, (*above, frame.name))


if __name__ == "__main__":
    sys.exit(main())
