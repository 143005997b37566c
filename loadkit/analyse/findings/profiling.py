"""What the profiles of two stages say together."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse import text
from loadkit.analyse.facts import Facts
from loadkit.analyse.profile_result import FunctionChange
from loadkit.model import Finding, Severity

LEAST = 0.05  # of all samples, by the near end of the interval
MOST_NAMED = 3


def profile_shifted(facts: Facts) -> Iterator[Finding]:
    """A function takes clearly more of the interpreter at peak than at base."""
    for difference in facts.profile_differences:
        grown = [
            change
            for change in difference.changes
            if change.clear and (change.itself.low or 0.0) >= LEAST
        ][:MOST_NAMED]
        if grown:
            yield Finding(
                "profile-shifted",
                Severity.INFO,
                f"At peak {difference.process} spent more of its time with the interpreter's lock "
                f"in {text.listing(_named(change) for change in grown)}.",
                {
                    change.function: (
                        f"{change.base_self:.1%} of samples in {difference.base_stage}, "
                        f"{change.peak_self:.1%} in {difference.peak_stage}"
                    )
                    for change in grown
                },
            )


def _named(change: FunctionChange) -> str:
    itself = change.itself
    return (
        f"{change.function} ({100 * itself.value:+.0f} percentage points, 95 % interval "
        f"{100 * (itself.low or 0):+.0f} to {100 * (itself.high or 0):+.0f})"
    )
