"""Those who were not let in: said, but not so often that it drowns the rest. Pure."""

from __future__ import annotations

from collections import Counter

from loadkit.model import Finding, Severity

AGAIN_AFTER_S = 5.0
MOST_REASONS = 20
OTHERS = "other reasons"


class Refusals:
    """Turns refusals into findings: each reason at once, and again after a while with a count."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def take(self, address: str, reason: str, now: float) -> Finding | None:
        """The finding for a refusal, ``now`` in seconds; None when it is only counted."""
        if reason not in self._said and len(self._said) >= MOST_REASONS:
            reason = OTHERS  # who invents reasons must not fill the bundle
        if reason in self._said and now - self._said[reason] < AGAIN_AFTER_S:
            self._unsaid[reason] += 1
            return None
        self._said[reason] = now
        evidence = {"address": address, "reason": reason}
        more = self._unsaid.pop(reason, 0)
        if more:
            evidence["like it since the last one said"] = f"{more:,}"
        return Finding(
            "worker-refused",
            Severity.WARNING,
            f"A worker from {address} was refused: {reason}.",
            evidence,
        )

    def rest(self) -> list[Finding]:
        """What was only counted, for the end."""
        left, self._unsaid = self._unsaid, Counter()
        return [
            Finding(
                "worker-refused",
                Severity.WARNING,
                f"{count:,} more connections were refused: {reason}.",
                {"reason": reason},
            )
            for reason, count in sorted(left.items())
        ]
