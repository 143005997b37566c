"""What was to be recorded and is not there."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse import text
from loadkit.analyse.facts import Facts
from loadkit.model import Finding, Severity


def missing_sources(facts: Facts) -> dict[str, str]:
    """Name of each source that failed → what it said."""
    return {
        name: state
        for name, state in facts.context.manifest.collectors.items()
        if state != "ok"
    }  # fmt: skip


def data_missing(facts: Facts) -> Iterator[Finding]:
    """A collector failed."""
    missing = missing_sources(facts)
    if missing:
        yield Finding(
            "data-missing",
            Severity.WARNING,
            f"Not everything was recorded: {text.listing(missing)} failed. What rests on it is "
            "left out or inconclusive.",
            missing,
        )


def rows_lost(facts: Facts) -> Iterator[Finding]:
    """Rows did not reach the disk."""
    lost = {name: count for name, count in facts.context.manifest.lost_rows.items() if count}
    if lost:
        yield Finding(
            "rows-lost",
            Severity.ERROR,
            f"{text.plural(sum(lost.values()), 'row')} could not be written; tables: "
            f"{text.listing(lost)}.",
            {name: f"{count:,}" for name, count in lost.items()},
        )


def spans_dropped(facts: Facts) -> Iterator[Finding]:
    """Traces are incomplete."""
    table = facts.context.run.span_counts
    given_up = int(table["dropped"].fillna(0).sum()) if len(table) else 0
    exporter = sum(
        float(series.v[-1]) for series in facts.metrics.select("otel_dropped_spans_total")
    )
    if given_up or exporter:
        yield Finding(
            "spans-dropped",
            Severity.WARNING,
            "Spans were lost, so that some span trees are incomplete.",
            {
                "given up by loadkit": f"{given_up:,}",
                "lost by the service's exporter": f"{exporter:,.0f}",
            },
        )


def profile_failed(facts: Facts) -> Iterator[Finding]:
    """A stage was given to the profiler and there is no profile of it."""
    for profile in facts.profiles:
        if profile.flame is None:
            yield Finding(
                "profile-failed",
                Severity.WARNING,
                f"There is no profile of {profile.process} in {profile.stage}: "
                f"{profile.message or 'no sample was taken'}.",
            )


def signals_unknown(facts: Facts) -> Iterator[Finding]:
    """A correction in [signals] names a metric that the run has not."""
    for unknown in facts.unknown_signals:
        near = f"; near: {text.listing(unknown.near)}" if unknown.near else ""
        yield Finding(
            "signals-unknown",
            Severity.WARNING,
            f"[signals] {unknown.setting} names {unknown.name}, which no scraped series is "
            f"called{near}. What was guessed is shown instead.",
            {"setting": f"[signals] {unknown.setting}", "names near it": ", ".join(unknown.near)},
        )
