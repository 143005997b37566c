"""How it was measured, and what is missing."""

from __future__ import annotations

from loadkit.analyse import text
from loadkit.analyse.expectations import prometheus_died
from loadkit.analyse.facts import Facts
from loadkit.analyse.findings.sources import missing_sources

_RESPONSE = (
    "from the moment a request was due until its end; service time from the moment it was sent. "
    "Requests count in the stage and second in which they were due."
)
_PERCENTILES = (
    "nearest rank over histograms of nanoseconds: within 0.1 % per stage, within 1 % per second. "
    "Cancelled requests have none; objectives allow for them."
)


def method(facts: Facts) -> tuple[tuple[str, str], ...]:
    """Label and text, in reading order."""
    rows = [
        ("Load", _load(facts)),
        (
            "Response time",
            _RESPONSE,
        ),
        (
            "Percentiles",
            _PERCENTILES,
        ),
        ("Left out", _left_out(facts)),
        ("Alerts", _alerts(facts)),
        (
            "Clock",
            "CLOCK_MONOTONIC; foreign stamps are placed by a pair of clocks read each second.",
        ),
        ("Cost of observing", _observing(facts)),
        ("Machine", _machine(facts)),
        ("Versions", _versions(facts)),
    ]
    rows += [
        ("Changed for this run", str(c)) for c in facts.context.manifest.stack.get("changes") or ()
    ]
    rows += [
        (f"Process {name}", str(process.get("how") or ""))
        for name, process in (facts.context.manifest.stack.get("processes") or {}).items()
    ]
    return tuple((label, words) for label, words in rows if words)


def _load(facts: Facts) -> str:
    kinds = {stage.kind for stage in facts.context.stages}
    if any(stage.users for stage in facts.context.stages):
        kinds.add("users")
    parts = []
    if "rate" in kinds:
        parts.append("open model: arrivals have due times, whether or not earlier ones are done")
    if "users" in kinds or None in kinds:
        parts.append("closed model: users wait for the answer before they go on")
    target = facts.context.manifest.target
    return "; ".join(parts) + (f". Target: {target}." if target else ".") if parts else ""


def _left_out(facts: Facts) -> str:
    names = [stage.name for stage in facts.context.stages if not stage.measured]
    if not names:
        return ""
    return f"{text.listing(names)}: shown, but outside every verdict and alert expectation."


def _alerts(facts: Facts) -> str:
    stack = facts.context.manifest.stack
    if not stack.get("alerts"):
        return ""
    scale = int(stack.get("scale") or 1)
    source = stack.get("rules_source")
    rules = f"rules: {source}; " if source else ""
    if scale == 1:
        return f"{rules}evaluated by Prometheus."
    return (
        f"{rules}evaluated by Prometheus with all intervals, windows and 'for' divided by {scale}; "
        "times shown are those of the run."
    )


def _observing(facts: Facts) -> str:
    found = facts.context.manifest.observing
    if not found:
        return "never measured here; loadkit bench observing does."
    cpu, p99 = found["cpu_ratio"], found["p99_ratio"]
    low, median, high = (100 * (cpu[key] - 1) for key in ("low", "median", "high"))
    return (
        f"{median:+.1f} % service CPU a request (95 % interval {low:+.1f} to {high:+.1f} %), p99 "
        f"{p99['median']:.2f} × ({p99['low']:.2f} to {p99['high']:.2f}): "
        f"{text.plural(int(found['pairs']), 'pair')} of runs on {found['date']}, "
        f"{found['machine']}."
    )


def _machine(facts: Facts) -> str:
    host = facts.context.manifest.host
    parts = []
    if host.get("os"):
        parts.append(str(host["os"]))
    if host.get("cpus"):
        parts.append(text.plural(int(host["cpus"]), "CPU"))
    if host.get("memory_bytes"):
        parts.append(f"{float(host['memory_bytes']) / 2**30:.1f} GiB")
    if host.get("python"):
        parts.append(f"Python {host['python']}")
    return ", ".join(parts)


def _versions(facts: Facts) -> str:
    versions = facts.context.manifest.versions
    return ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))


def missing(facts: Facts) -> tuple[str, ...]:
    """What is missing, in words."""
    context = facts.context
    words = [f"{name}: {state}" for name, state in missing_sources(facts).items()]
    died = prometheus_died(context)
    if died is not None:
        words.append(f"metrics and alerts from {text.at(died)} on: Prometheus died")
    running = facts.state == "running"
    # A stream that is being written has no end yet, nor has the plan been run to its.
    cut = () if running else context.run.cut
    words += [f"the last rows of table {name}: it was cut" for name in cut]
    words += [
        f"{text.plural(count, 'row')} of table {name}: could not be written"
        for name, count in context.manifest.lost_rows.items()
        if count
    ]
    words += [
        f"stage {stage.name}: "
        + ("never reached" if context.reached(stage) <= 0 else "not run to its end")
        for stage in context.stages
        if not context.whole(stage) and not running
    ]
    if facts.accounting.sent is None:
        words.append("how many requests were sent: a client is in use that loadkit does not know")
    return tuple(words)
