"""Whether the books balance."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse import text
from loadkit.analyse.accounting import OUTCOMES
from loadkit.analyse.facts import Facts
from loadkit.analyse.latency import pick
from loadkit.model import Finding, Severity


def accounting_off(facts: Facts) -> Iterator[Finding]:
    """Requests or arrivals are missing, or histograms and counters disagree."""
    books = facts.accounting
    if books.balanced is False:
        yield Finding(
            "accounting-off",
            Severity.ERROR,
            "The books do not balance: requests or arrivals are counted that have no end, or "
            "ends that have no beginning.",
            {
                "arrivals": f"planned {text.number(books.planned)} = started "
                f"{text.number(books.started)} + never started {text.number(books.never_started)}"
                + (f" + unknown {books.unknown:,}" if books.unknown else ""),
                "requests": f"sent {text.number(books.sent)} = ok {books.ok:,} + failed "
                f"{books.failed:,} + raised {books.raised:,} + cancelled {books.cancelled:,} "
                f"+ in flight {text.number(books.in_flight)}",
            },
        )
    counted = sum(facts.flow.total(outcome) for outcome in OUTCOMES if outcome != "cancelled")
    rows = pick(facts.context.run.windows, "response")
    timed = int(rows["count"].sum()) if len(rows) else 0
    if timed != counted and not facts.live:
        yield Finding(
            "accounting-off",
            Severity.WARNING,
            f"{text.plural(counted, 'request')} ended, but {timed:,} response times were recorded.",
        )
