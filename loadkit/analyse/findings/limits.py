"""What the cap on the rate changed."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse import text
from loadkit.analyse.facts import Facts
from loadkit.model import Finding, Severity


def rate_capped(facts: Facts) -> Iterator[Finding]:
    """Requests of a closed model waited for the cap before they were sent."""
    held = {stage.name: facts.flow.total("held", stage.name) for stage in facts.stages}
    held = {name: count for name, count in held.items() if count}
    if held:
        cap = facts.context.manifest.max_rate
        yield Finding(
            "rate-capped",
            Severity.WARNING,
            f"{text.plural(sum(held.values()), 'request')} in {text.listing(held)} had to wait "
            f"before they were sent, because no more than {text.rate(cap)} may be: the users "
            "would have sent more, so the rate is the cap's and not the service's.",
            {name: f"{count:,}" for name, count in held.items()},
        )
