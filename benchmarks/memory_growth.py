"""Whether a leak is found by its size and a healthy service is left alone, again and again.

    python benchmarks/memory_growth.py --runs 5

Runs the reference service under an even load, leaking and healthy in turn, with its memory tracked
in a stage of its own, and compares what the report says with the bytes that were truly kept: of
the leak's value, which counts the object, its header and its place in the list that holds it.
Exits 1 when a verdict is wrong or a slope is off by more than 15 %. About a minute a run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import loadkit
from loadkit.analyse import analyse
from loadkit.analyse.memory_result import Growth

SCENARIO = """
import sys

sys.path.insert(0, {folder!r})

from cost_users import CostUser

from loadkit import Rate, Scenario, Stage

__all__ = ["CostUser", "scenario"]

scenario = Scenario(
    [
        Stage("warm-up", load=Rate(2 * {rate}), duration={warm_up}),
        Stage("growth-memory", load=Rate({rate}), duration={seconds}),
    ],
    stack="embedded",
)
"""
LIMIT = 0.15


@dataclass(frozen=True)
class Seen:
    """What one run said, and what was true. Bytes a request."""

    found: Growth
    kept: float

    @property
    def right(self) -> bool:
        """Whether the verdict is, and the slope near enough."""
        if not self.kept:
            return self.found.verdict == "none"
        slope = self.found.slope
        near = slope is not None and abs(slope / self.kept - 1) <= LIMIT
        return near and self.found.verdict == "growth"

    def line(self, number: int) -> str:
        """A row of the table."""
        found = self.found
        slope = "–" if found.slope is None else f"{found.slope:,.0f}"
        ends = "–" if found.low is None else f"{found.low:,.0f} to {found.high:,.0f}"
        off = f"{found.slope / self.kept - 1:+.1%}" if self.kept and found.slope else "–"
        kind = f"leak {self.kept:,.0f}" if self.kept else "healthy"
        verdict = found.verdict + (f" ({found.why})" if found.why else "")
        right = "yes" if self.right else "NO"
        return f"| {number} | {kind} | {verdict} | {slope} | {ends} | {off} | {right} |"


def measure(options: argparse.Namespace, leak: int, folder: Path) -> Seen:
    """One run.

    Raises:
        RuntimeError: it did not come to its end, or tracked nothing.
    """
    file = folder / "growth.py"
    scenarios = Path(__file__).parents[1] / "scenarios"
    file.write_text(
        SCENARIO.format(
            folder=str(scenarios),
            rate=options.rate,
            warm_up=options.warm_up,
            seconds=options.seconds,
        )
    )
    command = [sys.executable, "-m", "loadkit", "run", str(file), "--reports", str(folder)]
    if leak:
        command += ["--fault", f"leak={leak}@growth-memory"]
    if not (bundles := _bundles(folder)):
        ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if not (bundles := _bundles(folder)):
            raise RuntimeError(ended.stderr[-2000:])
    analysis = analyse(loadkit.load_run(bundles[-1]))
    runs = analysis.memory.runs if analysis.memory else ()
    if not runs or runs[0].growth is None:
        raise RuntimeError(f"nothing was tracked: {[run.message for run in runs]}")
    return Seen(runs[0].growth.growth, float(leak))


def _bundles(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob("*/manifest.json"))


def main() -> int:
    """Prints a table; 0 when all of it is right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5, help="of each kind (default 5)")
    parser.add_argument("--leak", type=int, default=1024, help="bytes a request (default 1024)")
    parser.add_argument("--rate", type=float, default=25.0, help="arrivals a second (default 25)")
    parser.add_argument("--warm-up", type=float, default=20.0, help="seconds (default 20)")
    parser.add_argument("--seconds", type=float, default=30.0, help="of tracking (default 30)")
    parser.add_argument(
        "--keep",
        type=Path,
        metavar="DIR",
        help="keep the bundles there; those there are judged again",
    )
    options = parser.parse_args()
    print("| run | service | verdict | bytes a request | 95 % interval | off by | right |")
    print("|---|---|---|---|---|---|---|")
    seen = []
    for number in range(1, options.runs + 1):
        for leak in (options.leak, 0):
            with tempfile.TemporaryDirectory(prefix="loadkit-growth-") as folder:
                kept = options.keep / f"{number}-{leak}" if options.keep else Path(folder)
                kept.mkdir(parents=True, exist_ok=True)
                seen.append(measure(options, leak, kept))
            print(seen[-1].line(number), flush=True)
    right = sum(one.right for one in seen)
    print(f"\n{right} of {len(seen)} right.")
    return 0 if right == len(seen) else 1


if __name__ == "__main__":
    sys.exit(main())
