"""Analyses to render: a peak run with a fault, a bare run with load only, and their variants."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import replace

from memory_sample import growth_of, run_of

from loadkit.analyse.memory_result import MemoryResult
from loadkit.analyse.profile_result import (
    DifferenceFrame,
    FunctionChange,
    ProfileDifference,
    ThreadUse,
)
from loadkit.analyse.proportions import Estimate
from loadkit.analyse.result import (
    Accounting,
    AlertResult,
    AlertSpell,
    Analysis,
    Answer,
    Association,
    ChangePoint,
    ErrorKind,
    Exemplar,
    FaultResult,
    Frame,
    GeneratorResult,
    HotFunction,
    Lag,
    LeadLag,
    Line,
    LogGroup,
    NotificationResult,
    OperationResult,
    Percentiles,
    ProfileResult,
    RoleResult,
    Signal,
    SloResult,
    SpanNode,
    SpanTree,
    StageResult,
    Strip,
)
from loadkit.analyse.steps import Step, Timeline
from loadkit.bundle.histogram import COARSE, Histogram
from loadkit.model import Finding, Severity, Status, Verdict

PLAN = (
    ("warm-up", 10, 20.0, 50.0),
    ("base", 20, 50.0, 50.0),
    ("base-profile", 10, 50.0, 50.0),
    ("ramp", 15, 50.0, 150.0),
    ("peak", 45, 150.0, 150.0),
    ("peak-profile", 15, 150.0, 150.0),
    ("recovery", 25, 50.0, 50.0),
)
END = 145
OPERATIONS = (
    "POST /api/v1/costs",
    "GET /api/v1/costs",
    "GET /api/v1/usage/summary",
    "GET /api/v1/pricing",
)
FAULT = (55.0, 100.0)


def percentiles(p50: float, count: int) -> Percentiles:
    """A plausible skewed distribution around a median, seconds."""
    return Percentiles(
        count=count,
        p50=p50,
        p90=p50 * 2.1,
        p95=p50 * 3.4,
        p99=p50 * 7.3,
        p999=p50 * 15.7,
        max=p50 * 26.2,
        mean=p50 * 1.4,
    )


NOTHING = Percentiles(0, None, None, None, None, None, None, None)


def _rate_at(second: int) -> float:
    start = 0
    for _, length, first, last in PLAN:
        if second < start + length:
            return first + (last - first) * (second - start) / length
        start += length
    return 0.0


def _stages() -> tuple[StageResult, ...]:
    result, start = [], 0.0
    for name, length, first, last in PLAN:
        warm, profile = name == "warm-up", name.endswith("-profile")
        mean = (first + last) / 2
        count = round(mean * length)
        failures = round(count * 0.08) if name == "peak" else 0
        p50 = 0.0091 if first < 100 else 0.0124
        result.append(
            StageResult(
                name=name,
                start_s=start,
                duration_s=float(length),
                measured=not (warm or profile),
                warmup=warm,
                profile=profile,
                planned_rate=(first, last),
                users=None,
                offered=mean,
                achieved=mean - (0.13 if name == "peak" else 0.0),
                count=count,
                failures=failures,
                error_ratio=failures / count,
                service=percentiles(p50 * 0.97, count),
                response=percentiles(p50, count),
                lateness=percentiles(0.00009, count),
            )
        )
        start += length
    return tuple(result)


def steps_of(histograms: Iterable[Histogram]) -> tuple[Step, ...]:
    """Histograms of COARSE as the analysis has them."""
    found = []
    for one in histograms:
        buckets = tuple(sorted(one.buckets))
        counts = tuple(one.buckets[bucket] for bucket in buckets)
        found.append(Step(one.count, one.min_ns or 0, one.max_ns or 0, buckets, counts))
    return tuple(found)


def timeline() -> Timeline:
    """Histograms of each second, of skewed times around the medians of the stages."""
    random_ = random.Random(11)
    response = [Histogram(COARSE) for _ in range(END)]
    service = [Histogram(COARSE) for _ in range(END)]
    due, failed = [], []
    for second in range(END):
        count = round(_rate_at(second))
        for _ in range(count):
            took = round(random_.lognormvariate(math.log(0.009e9), 0.8))
            service[second].record(took)
            response[second].record(took + random_.randrange(300_000))
        due.append(count)
        failed.append(round(count * 0.08) if FAULT[0] <= second < FAULT[1] else 0)
    steps = (steps_of(response), steps_of(service))
    return Timeline(1, *steps, tuple(due), tuple(failed), tuple(due))


def _operations(stages: tuple[StageResult, ...]) -> tuple[OperationResult, ...]:
    shares = (0.6, 0.2, 0.15, 0.05)
    return tuple(
        OperationResult(
            operation=operation,
            stage=stage.name,
            count=round(stage.count * share),
            failures=round(stage.failures * share),
            service=percentiles(0.008 * (1 + n / 3), round(stage.count * share)),
            response=percentiles(0.0083 * (1 + n / 3), round(stage.count * share)),
        )
        for stage in stages
        if stage.measured
        for n, (operation, share) in enumerate(zip(OPERATIONS, shares, strict=True))
    )


def line(name: str, unit: str, value: Callable[[int], float | None], seconds: int = END) -> Line:
    """A line with one value a second, at the middle of it."""
    return Line(
        name, unit, tuple(s + 0.5 for s in range(seconds)), tuple(map(value, range(seconds)))
    )


def _faulty(second: int) -> bool:
    return FAULT[0] <= second < FAULT[1]


def _lines(random_: random.Random) -> dict[str, tuple[Line, ...]]:
    noise = random_.gauss

    def busy(base: float, each: float) -> Callable[[int], float | None]:
        def value(second: int) -> float | None:
            if 120 <= second < 124:
                return None
            return min(1.0, max(0.0, base + each * _rate_at(second) / 150 + noise(0, 0.012)))

        return value

    def latency(p50_factor: float, spread: float) -> Callable[[int], float | None]:
        def value(second: int) -> float | None:
            base = 0.009 + 0.004 * (_rate_at(second) / 150) ** 2
            return float(base * p50_factor * math.exp(noise(0, spread)))

        return value

    return {
        "rate_lines": (
            line("offered", "1/s", _rate_at),
            line("achieved", "1/s", lambda s: max(0.0, _rate_at(s) + noise(0, 1.4))),
        ),
        "latency_lines": (
            line("p50", "s", latency(1, 0.04)),
            line("p95", "s", latency(3.4, 0.07)),
            line("p99", "s", latency(7.3, 0.12)),
            line("p99.9", "s", latency(13, 0.25)),
        ),
        "error_lines": (
            line("503", "1/s", lambda s: 12 + noise(0, 0.5) if _faulty(s) else 0.0),
            line("timeout", "1/s", lambda s: 1.0 if s in (71, 84) else 0.0),
        ),
        "saturation_lines": (
            line("service event loop", "ratio", busy(0.08, 0.63)),
            line("service CPU", "ratio", busy(0.06, 0.58)),
            line("store pool in use", "ratio", busy(0.03, 0.3)),
            line("store queue", "ratio", busy(0.01, 0.12)),
            line("host CPU", "ratio", busy(0.15, 0.5)),
            line("host memory", "ratio", busy(0.41, 0.02)),
        ),
    }


def _spell(
    name: str,
    pending: float | None,
    firing: float | None,
    resolved: float | None,
    until: float,
    *,
    receiver: str | None = None,
) -> AlertSpell:
    return AlertSpell(
        name=name,
        labels={"severity": "critical"},
        pending_at=pending,
        firing_at=firing,
        resolved_at=resolved,
        notified_at=None if firing is None or receiver is None else firing + 0.71,
        notified_resolved_at=None if resolved is None or receiver is None else resolved + 8.2,
        receiver=receiver,
        active_until=until,
    )


def _alerts() -> tuple[AlertResult, ...]:
    return (
        AlertResult(
            "HighErrorRate",
            "forbidden",
            "critical",
            Verdict("never fires", "fired at 1:28.1 for 19.9 s", Status.FAILED),
            (_spell("HighErrorRate", 68.1, 88.1, 108.0, 108.0, receiver="slack-critical"),),
            None,
        ),
        AlertResult(
            "SlowResponseTime",
            "forbidden",
            "warning",
            Verdict("never fires", "never active", Status.PASSED),
            (),
            None,
        ),
        AlertResult(
            "DatabaseDown",
            "shown",
            "critical",
            Verdict("never fires", "withheld", Status.INCONCLUSIVE),
            (),
            "no source: this stack has no job postgres",
        ),
        AlertResult(
            "DiskSpaceLow",
            "shown",
            "warning",
            None,
            (_spell("DiskSpaceLow", None, -4.0, None, 145.0, receiver="slack"),),
            None,
        ),
        AlertResult(
            "HighCPUUsage",
            "shown",
            "warning",
            None,
            (_spell("HighCPUUsage", 96.0, None, 105.0, 105.0),),
            None,
        ),
    )


def _tree() -> SpanTree:
    steps = (
        ("POST /api/v1/costs", 0, 0.0011, 0.0098, 1.0),
        ("authenticate_user", 1, 0.0003, 0.0012, 0.12),
        ("fetch_user_from_db", 2, 0.0009, 0.0009, 0.09),
        ("validate_request", 1, 0.0004, 0.0004, 0.04),
        ("calculate_cost", 1, 0.0002, 0.0016, 0.16),
        ("fetch_pricing_data", 2, 0.0008, 0.0008, 0.08),
        ("calculate_tokens", 2, 0.0002, 0.0002, 0.02),
        ("calculate_total", 2, 0.0002, 0.0002, 0.02),
        ("apply_discount", 2, 0.0001, 0.0001, 0.01),
        ("store_cost", 1, 0.0004, 0.0047, 0.48),
        ("insert_database", 2, 0.0043, 0.0043, 0.44),
        ("send_notification", 1, 0.0008, 0.0008, 0.08),
    )

    def nodes(factor: float, store: float) -> tuple[SpanNode, ...]:
        return tuple(
            SpanNode(
                name,
                depth,
                own * (store if name == "insert_database" else factor),
                total * (store if name in ("insert_database", "store_cost") else factor),
                share,
                212,
            )
            for name, depth, own, total, share in steps
        )

    return SpanTree(
        "POST /api/v1/costs",
        nodes(1.0, 1.0),
        nodes(2.2, 14.0),
        typical_traces=212,
        slow_traces=41,
        note="Typical: between p45 and p55 of the kept traces; slow: from p99 on.",
    )


def _flame(store: int) -> Frame:
    def leaf(name: str, count: int) -> Frame:
        return Frame(name, count)

    app = Frame(
        "app (loadkit/reference/routes.py:88)",
        420 + store,
        (
            Frame(
                "track_cost (loadkit/reference/services.py:41)",
                330 + store,
                (
                    leaf("calculate_total (loadkit/reference/pricing.py:61)", 70),
                    Frame(
                        "store_cost (loadkit/reference/storage/writer.py:120)",
                        store + 150,
                        (leaf("execute (sqlite3.py:0)", store + 90),),
                    ),
                    leaf("authenticate (loadkit/reference/auth.py:33)", 60),
                ),
            ),
            leaf("dump_json (pydantic/main.py:477)", 62),
        ),
    )
    return Frame(
        "service",
        1000,
        (
            Frame(
                "run_once (asyncio/base_events.py:1922)",
                880,
                (app, leaf("select (selectors.py:468)", 300 - store)),
            ),
            leaf("_worker (concurrent/futures/thread.py:81)", 110),
        ),
    )


def _profiles() -> tuple[ProfileResult, ...]:
    return (
        ProfileResult("base-profile", "service", 1000, 2, 0, 100, True, _flame(10), None),
        replace(
            ProfileResult("peak-profile", "service", 1500, 9, 3, 100, True, _flame(180), None),
            slices=8,
            looks=60,
            held=Estimate(0.71, 0.64, 0.78),
            threads=(
                ThreadUse(
                    "MainThread (4711)", 60, Estimate(0.72, 0.57, 0.83), Estimate(0.19, 0.1, 0.33),
                    Estimate(0.09, 0.03, 0.2), 0.81, "EpollSelector.select (selectors.py)",
                ),
                ThreadUse(
                    "late_0 (4720)", 4, Estimate(0.0, None, None), Estimate(0.0, None, None),
                    Estimate(1.0, None, None), None, None,
                ),
            ),
            file="profiles/peak-profile-service.txt",
        ),
    )  # fmt: skip


def _difference() -> ProfileDifference:
    def node(name: str, base: float, peak: float, *below: DifferenceFrame) -> DifferenceFrame:
        change = Estimate(peak - base, peak - base - 0.04, peak - base + 0.04)
        return DifferenceFrame(name, base, peak, change, below)

    def change(function: str, kind: str, base: float, peak: float) -> FunctionChange:
        itself = Estimate(peak - base, peak - base - 0.04, peak - base + 0.04)
        return FunctionChange(
            function, kind, base, peak, itself, base, peak, itself, abs(peak - base) > 0.05
        )

    flame = node(
        "all", 1.0, 1.0,
        node("thread MainThread", 1.0, 1.0,
             node("execute (sqlite3.py)", 0.1, 0.3),
             node("burn (b.py)", 0.0, 0.4),
             node("select (selectors.py)", 0.5, 0.2),
             node("gone (c.py)", 0.3, 0.0),
             node("steady (d.py)", 0.1, 0.1)),
    )  # fmt: skip
    changes = (
        change("burn (b.py)", "appeared", 0.0, 0.4),
        change("gone (c.py)", "vanished", 0.3, 0.0),
        change("select (selectors.py)", "changed", 0.5, 0.2),
        change("execute (sqlite3.py)", "changed", 0.1, 0.3),
        change("steady (d.py)", "changed", 0.1, 0.1),
    )
    return ProfileDifference(
        "service", "base-profile", "peak-profile", 1000, 1500, 8, 8, 5, changes, flame, None
    )


def _signals(lines: dict[str, tuple[Line, ...]]) -> tuple[Signal, ...]:
    latency, rate = lines["latency_lines"], lines["rate_lines"]
    busy, errors = lines["saturation_lines"], lines["error_lines"]
    return (
        Signal("golden", "Latency", "POST /api/v1/costs", "load", "31 ms", "42 ms", latency[1]),
        Signal("golden", "Traffic", "all operations", "load", "50.0/s", "150/s", rate[1]),
        Signal("golden", "Errors", "all operations", "load", "0 %", "8.00 %", errors[0]),
        Signal("golden", "Saturation", "event loop", "Prometheus", "29 %", "71 %", busy[0]),
        Signal("RED", "Rate", "service", "Prometheus", "50.1/s", "149/s", rate[1]),
        Signal("RED", "Errors", "service", "Prometheus", "0 %", "8.00 %", errors[0]),
        Signal("RED", "Duration", "service", "Prometheus", "30 ms", "41 ms", latency[1]),
        Signal("USE", "Utilization", "CPU", "node exporter", "32 %", "65 %", busy[4]),
        Signal("USE", "Saturation", "store queue", "Prometheus", "2 %", "13 %", busy[3]),
        Signal("USE", "Errors", "network", "node exporter", None, None, None),
    )


def _notifications() -> tuple[NotificationResult, ...]:
    text = "Error rate is 8.1% for the last 20 s, above 5%."
    title = "CRITICAL: HighErrorRate"
    return (
        NotificationResult(
            88.81, "slack-critical", "slack", "firing", "HighErrorRate", title, text
        ),
        NotificationResult(
            116.2, "slack-critical", "slack", "resolved", "HighErrorRate", title, text
        ),
    )


def _findings() -> tuple[Finding, ...]:
    return (
        Finding(
            "alert-before-load",
            Severity.WARNING,
            "DiskSpaceLow was already firing when the load began.",
            {"alert": "DiskSpaceLow", "since": "−0:04"},
        ),
        Finding(
            "alerts-withheld",
            Severity.INFO,
            "DatabaseDown was not given to Prometheus: this stack has no job postgres.",
        ),
    )


def _lead_lag() -> LeadLag:
    """A pool that moved before p95, and a CPU at a planned step."""

    def strip(name: str, latency: bool, at_s: float, planned: str = "") -> Strip:
        low, high = (0.010, 0.085) if latency else (0.2, 0.9)
        course = line(name, "s" if latency else "ratio", lambda t: low if t < at_s else high)
        change = ChangePoint(at_s, at_s - 0.6, at_s + 0.7, low, high, planned)
        return Strip(name, course.unit, course, (change,), latency)

    return LeadLag(
        strips=(
            strip("p95 response time", True, 52.0),
            strip("database pool", False, 50.0),
            strip("machine CPU", False, 40.0, "the planned step from base to peak at 40 s"),
        ),
        lags=(Lag("p95 response time", "database pool", 52.0, 50.0, 2.0, 0.8, 3.1, "before"),),
        watched=9,
    )


def peak() -> Analysis:
    """A peak run with an error rate of 8 % on purpose: two objectives, one missed; one alert."""
    random_ = random.Random(7)
    stages = _stages()
    lines = _lines(random_)
    failed = sum(stage.failures for stage in stages)
    sent = sum(stage.count for stage in stages)
    return Analysis(
        timeline=timeline(),
        memory=MemoryResult((run_of(),), (growth_of(12, "none", "resident memory"),)),
        name="peak",
        started="2026-11-24T22:10:03Z",
        verdict="failed",
        headline=(
            "peak missed its error objective: 8.00 % of requests failed (objective 1 %), "
            "from second 55 on"
        ),
        exit_status=4,
        state="complete",
        answers=(
            Answer(
                "How much can it take?",
                "At least 150/s: p95 stayed at 42.2 ms. The limit was not reached.",
                "Generator valid; one run.",
            ),
            Answer(
                "What gives first, and why?",
                "The service's event loop was the busiest resource, at 71 %.",
                "Moved together with p95 (ρ 0.91); not a proof of cause.",
            ),
            Answer(
                "Would anyone have been told?",
                "Yes: HighErrorRate fired 33.1 s after the fault; Slack had it 0.7 s later.",
                "Intervals divided by 15.",
            ),
            Answer("Is it worse than before?", "Not asked in this run.", "—"),
        ),
        stages=stages,
        operations=_operations(stages),
        accounting=Accounting(
            sent, sent, 3, 0, sent, sent - 2, sent - 2 - failed, failed, 0, 2, 0, True
        ),
        generator=GeneratorResult("valid", (), (), 0.071, 0.124, 0.0011, 0.0042, 0.0006, 0.0021),
        slos=(
            SloResult(
                "p95 < 300 ms",
                "base",
                Verdict("p95 < 300 ms", "30.9 ms", Status.PASSED),
                0.3,
                0.0309,
                None,
            ),
            SloResult(
                "p95 < 300 ms",
                "peak",
                Verdict("p95 < 300 ms", "42.2 ms", Status.PASSED),
                0.3,
                0.0422,
                None,
            ),
            SloResult(
                "errors < 1 %",
                "peak",
                Verdict("errors < 1 %", "8.00 %", Status.FAILED),
                0.01,
                0.08,
                55.0,
            ),
        ),
        alerts=_alerts(),
        notifications=_notifications(),
        faults=(FaultResult("error_rate", None, 0.08, "peak", *FAULT),),
        signals=_signals(lines),
        span_trees=(_tree(),),
        logs=(
            LogGroup("error", "store_cost", "FaultInjected", 540, 55.1, "fault: 503", "ab" * 16),
            LogGroup("warning", "send_notification", "QueueFull", 3, 61.0, "queue full", None),
        ),
        profiles=_profiles(),
        profile_differences=(_difference(),),
        hot=(
            HotFunction("execute (sqlite3)", 0.1, 0.27, 0.1, 0.27),
            HotFunction("calculate_total (pricing.py)", 0.07, 0.07, 0.07, 0.07),
            HotFunction("store_cost (writer.py)", 0.06, 0.06, 0.16, 0.33),
            HotFunction("select (selectors.py)", 0.29, 0.12, 0.29, 0.12),
        ),
        errors=(
            ErrorKind("503", "POST /api/v1/costs", 540, "Service Unavailable", 55.0),
            ErrorKind("timeout", "GET /api/v1/costs", 2, "read timed out after 30 s", 71.3),
        ),
        exemplars=(
            Exemplar(83.2, OPERATIONS[0], "peak", "ok", 0.325, 0.3249, "4b" * 16, True),
            Exemplar(
                91.7, OPERATIONS[1], "peak", "failed", 0.281, 0.2801, "c0ffee" + "0" * 26, False
            ),
        ),
        associations=(
            Association("service event loop", 0.91, 105),
            Association("service CPU", 0.88, 105),
            Association("host memory", -0.12, 105),
        ),
        findings=_findings(),
        method=(
            (
                "Load model",
                "open: arrivals are due at planned times; response time counts from then",
            ),
            (
                "Percentiles",
                "nearest rank, from log-linear histograms, error at most 0.1 % a stage",
            ),
            ("Time scale of alerts", "every interval, window and for divided by 15"),
            ("Versions", "loadkit 0.1.0, Locust 2.47.0, Python 3.11.2, Prometheus 2.42.0"),
            ("Cost of observing", "not measured on this machine"),
        ),
        end_s=float(END),
        missing=("Prometheus: no samples from 2:00 to 2:04.",),
        rate_lines=lines["rate_lines"],
        latency_lines=lines["latency_lines"],
        error_lines=lines["error_lines"],
        saturation_lines=lines["saturation_lines"],
        roles=(
            RoleResult("rate", "http_requests_total", "counter, label status"),
            RoleResult("errors", 'http_requests_total{status=~"5.."}', "as [signals] says", True),
            RoleResult("duration", None, "no histogram or summary of request times was found"),
            RoleResult("saturation", "pool_in_use / pool_size", "gauges of the same name"),
        ),
        lead_lag=_lead_lag(),
    )


def bare() -> Analysis:
    """A closed model without a stack, and without a name for anything but the load."""
    full = peak()
    stage = replace(
        full.stages[1],
        name="run",
        start_s=0.0,
        duration_s=60.0,
        planned_rate=None,
        users=(20, 20),
        offered=None,
        achieved=212.4,
        count=12744,
        lateness=None,
    )
    seconds = 60
    random_ = random.Random(3)
    return replace(
        full,
        name="locustfile",
        verdict="passed",
        headline="run: 212/s with 20 users, p95 30.9 ms, no request failed; no objective was set",
        exit_status=0,
        answers=(
            Answer("How much can it take?", "At least 212/s with 20 users.", "One run."),
            Answer("What gives first, and why?", "Not asked in this run.", "—"),
            Answer("Would anyone have been told?", "Not asked in this run.", "—"),
            Answer("Is it worse than before?", "Not asked in this run.", "—"),
        ),
        stages=(stage,),
        operations=(OperationResult("GET /", "run", 12744, 0, stage.service, stage.response),),
        accounting=Accounting(None, None, None, None, 12744, 12744, 12744, 0, 0, 0, 0, True),
        slos=(),
        alerts=(),
        notifications=(),
        faults=(),
        rate_lines=(
            Line("offered", "1/s", (), ()),
            line("achieved", "1/s", lambda s: 212 + random_.gauss(0, 5), seconds),
        ),
        latency_lines=(line("p50", "s", lambda s: 0.009, seconds),),
        error_lines=(),
        saturation_lines=(),
        signals=(),
        span_trees=(),
        logs=(),
        profiles=(),
        profile_differences=(),
        hot=(),
        errors=(),
        exemplars=(),
        associations=(),
        findings=(),
        missing=(),
        end_s=60.0,
    )


def invalid() -> Analysis:
    """The generator could not keep up."""
    full = peak()
    return replace(
        full,
        verdict="invalid",
        headline="The generator was the bottleneck: 23 of 105 measured seconds are not sound",
        exit_status=5,
        generator=replace(
            full.generator,
            verdict="invalid",
            reasons=("event loop lag above 100 ms in 23 measured seconds", "CPU above 0.9 core"),
            bad_seconds=tuple(range(60, 83)),
            cpu_max=0.99,
        ),
        accounting=replace(full.accounting, sent=None, balanced=None, in_flight=None),
    )


def crowded() -> Analysis:
    """Thirty operations with long names, names that are markup, ten series, and many faults."""
    full = peak()
    nasty = "<script>alert('x')</script>"
    long = "GET /api/v1/organisations/{organisation}/projects/{project}/costs/{identifier}/details"
    operations = tuple(
        OperationResult(
            f"{long}/{n}" if n else f"POST /{nasty}",
            stage.name,
            stage.count // 30,
            stage.failures // 30,
            percentiles(0.004 + n / 1000, stage.count // 30) if n != 7 else NOTHING,
            percentiles(0.005 + n / 1000, stage.count // 30) if n != 7 else NOTHING,
        )
        for stage in full.stages
        if stage.measured
        for n in range(30)
    )
    return replace(
        full,
        name=nasty,
        headline=f"{nasty} & more",
        operations=operations,
        saturation_lines=tuple(
            replace(full.saturation_lines[n % 6], name=f"resource {n} {nasty if n == 3 else ''}")
            for n in range(10)
        ),
        faults=(
            *full.faults,
            FaultResult("latency", "store_cost", 0.2, "peak", 60.0, 90.0),
            FaultResult("cpu", None, 0.01, "recovery", 125.0, None),
        ),
        alerts=(
            *full.alerts,
            AlertResult(
                "SLOViolation-Availability-With-A-Very-Long-Name",
                "expected",
                "critical",
                Verdict("fires", "never active", Status.FAILED),
                (),
                None,
            ),
        ),
        logs=(LogGroup("error", nasty, nasty, 1, None, f"{nasty} </script> \u2028 &", None),),
        errors=(ErrorKind(nasty, long, 1, "x" * 300, None),),
    )


def lasting(seconds: int = 7200) -> Analysis:
    """A run of hours, with more points than may be drawn."""
    full = peak()
    random_ = random.Random(11)
    stage = replace(full.stages[4], start_s=0.0, duration_s=float(seconds))
    return replace(
        full,
        name="soak",
        stages=(stage,),
        faults=(),
        alerts=(),
        end_s=float(seconds),
        rate_lines=(
            line("offered", "1/s", lambda s: 150.0, seconds),
            line("achieved", "1/s", lambda s: 150 + random_.gauss(0, 4), seconds),
        ),
        latency_lines=(
            line(
                "p95",
                "s",
                lambda s: None if 3000 <= s < 3300 else 0.04 * math.exp(random_.gauss(0, 0.1)),
                seconds,
            ),
        ),
        error_lines=(),
        saturation_lines=(),
    )


def nothing() -> Analysis:
    """A run that ended before anything was measured."""
    empty = bare()
    return replace(
        empty,
        timeline=None,
        verdict="broken",
        headline="The load generator died before the first request",
        exit_status=1,
        state="crashed",
        answers=(),
        stages=(),
        operations=(),
        accounting=Accounting(None, None, None, None, None, None, 0, 0, 0, 0, None, None),
        generator=GeneratorResult("invalid", ("it died",), (), None, None, None, None, None, None),
        rate_lines=(),
        latency_lines=(),
        method=(),
        missing=("Everything after the start.",),
        end_s=0.0,
    )


VARIANTS: dict[str, Callable[[], Analysis]] = {
    "peak": peak,
    "bare": bare,
    "invalid": invalid,
    "crowded": crowded,
    "lasting": lasting,
    "nothing": nothing,
}
