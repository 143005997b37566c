"""Whether the generator's own troubles touch the numbers."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse import text
from loadkit.analyse.facts import Facts
from loadkit.model import Finding, Severity


def _evidence(facts: Facts) -> dict[str, str]:
    own = facts.generator
    return {
        "CPU": f"mean {text.share(own.cpu_mean)}, highest {text.share(own.cpu_max)} of one core",
        "loop lag": f"p99 {text.duration(own.lag_p99_s)}, highest {text.duration(own.lag_max_s)}",
        "lateness": f"p99 {text.duration(own.lateness_p99_s)}",
        "longest garbage collection in a second": text.duration(own.gc_max_s),
        "bad seconds": text.listing((str(second) for second in own.bad_seconds), 12) or "none",
    }


def generator_invalid(facts: Facts) -> Iterator[Finding]:
    """The numbers are not the service's."""
    if facts.generator.verdict == "invalid":
        yield Finding(
            "generator-invalid",
            Severity.ERROR,
            f"The load generator could not do its work: {'; '.join(facts.generator.reasons)}.",
            _evidence(facts),
        )


def generator_degraded(facts: Facts) -> Iterator[Finding]:
    """Some numbers may be the generator's."""
    if facts.generator.verdict == "degraded":
        yield Finding(
            "generator-degraded",
            Severity.WARNING,
            f"The load generator was not at ease: {'; '.join(facts.generator.reasons)}.",
            _evidence(facts),
        )
