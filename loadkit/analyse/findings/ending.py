"""How the run ended, where it did not end well."""

from __future__ import annotations

from collections.abc import Iterator

from loadkit.analyse import text
from loadkit.analyse.facts import Facts
from loadkit.model import Finding, Severity


def supervisor_died(facts: Facts) -> Iterator[Finding]:
    """loadkit itself was gone before it could close the bundle."""
    if facts.context.manifest.state == "running" and not facts.live:
        yield Finding(
            "supervisor-died",
            Severity.ERROR,
            "loadkit ended before it could close this bundle; what follows is what had been "
            f"written until {text.at(facts.context.end_s)}.",
            {"cut tables": text.listing(facts.context.run.cut) or "none"},
        )


def load_child_died(facts: Facts) -> Iterator[Finding]:
    """The load generator was gone before the load's end."""
    end = facts.context.manifest.load_end or {}
    if end.get("reason") in ("died", "error"):
        yield Finding(
            "load-child-died",
            Severity.ERROR,
            f"The load ended by an error after {text.duration(facts.context.reached_s)} of "
            f"{text.duration(facts.context.plan_end_s)}.",
            {"message": str(end.get("message") or "none")},
        )


def run_interrupted(facts: Facts) -> Iterator[Finding]:
    """Somebody stopped it."""
    context = facts.context
    if facts.state != "interrupted" and context.end_reason != "interrupted":
        return
    open_stages = [stage.name for stage in context.stages if not context.whole(stage)]
    yield Finding(
        "run-interrupted",
        Severity.WARNING,
        f"Interrupted after {text.duration(context.reached_s)} of "
        f"{text.duration(context.plan_end_s)}; not run to the end: "
        f"{text.listing(open_stages) or 'nothing'}.",
    )


def component_died(facts: Facts) -> Iterator[Finding]:
    """A server of the stack was gone."""
    for name, component in (facts.context.manifest.stack.get("components") or {}).items():
        if component.get("died_at_s") is not None:
            yield Finding(
                "component-died",
                Severity.ERROR,
                f"{name} ended by itself at {text.at(float(component['died_at_s']))}; what it "
                "would have told is missing from then on.",
            )
