"""When an abort rule was held, on rows as the load child sends them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pytest

from loadkit.bundle.histogram import Histogram
from loadkit.model import AbortRule
from loadkit.run.breach import Breach, RuleWatch

NS = 1_000_000_000
Rows = dict[str, list[dict[str, Any]]]


def flow(second: int, stage: str = "peak", operation: str = "GET /", **events: int) -> Rows:
    return {
        "flow": [
            {"stage": stage, "second": second, "operation": operation, "event": name, "count": n}
            for name, n in events.items()
        ]
    }


def times(
    second: int,
    seconds: Iterable[float],
    *,
    stage: str = "peak",
    operation: str = "GET /",
    measure: str = "response",
) -> Rows:
    histogram = Histogram()
    for value in seconds:
        histogram.record(round(value * NS))
    order = sorted(histogram.buckets)
    row = {
        "stage": stage,
        "second": second,
        "operation": operation,
        "outcome": "ok",
        "measure": measure,
        "count": histogram.count,
        "sum_ns": histogram.sum_ns,
        "min_ns": histogram.min_ns,
        "max_ns": histogram.max_ns,
        "buckets": order,
        "counts": [histogram.buckets[index] for index in order],
    }
    ended = flow(second, stage, operation, sent=histogram.count, ok=histogram.count)
    return {"intervals": [row], **ended}


def watch(kind: str, text: str, spans: Sequence[tuple[float, float]] | None = None) -> RuleWatch:
    return RuleWatch(AbortRule(kind, text), spans, None if spans is None else frozenset({"peak"}))


def first_breach(rule: RuleWatch, seconds: Iterable[Rows]) -> Breach | None:
    for second, rows in enumerate(seconds):
        rule.take(rows)
        breach = rule.judge(second + 1)
        if breach is not None:
            return breach
    return None


def shares(*percents: int) -> list[Rows]:
    return [flow(s, ok=100 - share, failed=share) for s, share in enumerate(percents)]


def test_a_storm_of_errors_is_held_after_its_whole_length() -> None:
    breach = first_breach(watch("errors", "50 % for 4 s"), shares(0, 0, 60, 70, 80, 90, 99))
    assert breach is not None
    assert (breach.since_s, breach.at_s) == (2.0, 6.0)
    assert breach.observed == "75 % of 400 requests failed over 4 s"
    assert breach.evidence == {"requests ended": "400", "of them failed": "300"}


def test_exactly_the_share_is_a_breach() -> None:
    assert first_breach(watch("errors", "50 % for 2 s"), shares(50, 50)) is not None
    assert first_breach(watch("errors", "50 % for 2 s"), shares(50, 49, 50, 49)) is None


def test_a_burst_is_no_breach_of_the_whole_length() -> None:
    # 100 of 300: a third over three seconds, but only in one of them.
    assert first_breach(watch("errors", "30 % for 3 s"), shares(0, 100, 0, 0, 0)) is None


def test_a_better_second_in_between_ends_no_breach() -> None:
    breach = first_breach(watch("errors", "50 % for 3 s"), shares(0, 90, 40, 90))
    assert breach is not None
    assert (breach.since_s, breach.at_s) == (1.0, 4.0)


def test_raised_is_failed_and_cancelled_is_neither() -> None:
    seconds = [flow(s, ok=50, raised=50, cancelled=900) for s in range(2)]
    assert first_breach(watch("errors", "50 % for 2 s"), seconds) is not None


def test_without_any_request_nothing_is_known() -> None:
    assert first_breach(watch("errors", "1 % for 1 s"), [flow(0, sent=5), flow(1, sent=5)]) is None


def test_an_objective_is_judged_on_all_requests_of_the_window_together() -> None:
    # 94 quick ones and 6 slow ones in each second: the 95th percentile is a slow one.
    seconds = [times(s, [0.01] * 94 + [0.5] * 6) for s in range(3)]
    breach = first_breach(watch("slo", "p95 < 300 ms for 3 s", [(0, 10)]), seconds)
    assert breach is not None
    assert (breach.since_s, breach.at_s) == (0.0, 3.0)
    assert breach.observed == "p95 500 ms over 3 s"
    quick = [times(s, [0.01] * 96 + [0.5] * 4) for s in range(9)]
    assert first_breach(watch("slo", "p95 < 300 ms for 3 s", [(0, 10)]), quick) is None


def test_late_answers_count_in_the_second_in_which_they_were_due() -> None:
    rule = watch("slo", "max < 1 s for 1 s", [(0, 10)])
    rule.take(times(0, [0.2]))
    assert rule.judge(1) is None
    rule.take(flow(1, sent=1))
    assert rule.judge(2) is None
    late = times(1, [2.5])
    late["flow"] = flow(3, ok=1)["flow"]
    rule.take(late)
    breach = rule.judge(2)
    assert breach is not None
    assert breach.observed.startswith("max 2.5 s over 1 s")


def test_requests_without_an_answer_are_longer_than_the_objective_allows() -> None:
    seconds = [times(0, [0.1] * 10), *(flow(s, sent=2) for s in range(1, 8))]
    breach = first_breach(watch("slo", "p95 < 500 ms for 3 s", [(0, 20)]), seconds)
    assert breach is not None
    # Sent from second 1 on; at the end of second 2 the first ones are overdue.
    assert (breach.since_s, breach.at_s) == (2.0, 5.0)
    assert breach.observed == "p95 above 500 ms over 3 s, 6 requests unanswered"
    assert breach.evidence["still unanswered"] == "6"


def test_requests_of_a_lost_worker_are_unknown_and_not_slow() -> None:
    rule = watch("slo", "p95 < 500 ms for 2 s", [(0, 20)])
    rule.take(flow(0, sent=50))  # of the worker that is lost now
    rule.forgive()
    for second in range(1, 8):
        rule.take(times(second, [0.1] * 20))
        assert rule.judge(second + 1) is None
    for second in range(8, 12):
        rule.take(flow(second, sent=20))
    assert rule.judge(12) is not None


def test_what_was_forgotten_still_counts_as_ended() -> None:
    rule = watch("slo", "p95 < 500 ms for 1 s", [(0, 1_000)])
    for second in range(400):
        rule.take(times(second, [0.1] * 3))
        assert rule.judge(second + 1) is None
    assert len(rule._counts) < 130


@pytest.mark.parametrize("stage", ["warm-up", "other"])
def test_an_objective_looks_only_at_its_stages(stage: str) -> None:
    seconds = [times(s, [9.0], stage=stage) for s in range(6)]
    assert first_breach(watch("slo", "p50 < 1 s for 2 s", [(3, 10)]), seconds) is None


def test_a_window_lies_wholly_in_what_is_measured() -> None:
    seconds = [times(s, [9.0]) for s in range(6)]
    breach = first_breach(watch("slo", "p50 < 1 s for 2 s", [(1.5, 10)]), seconds)
    assert breach is not None
    assert (breach.since_s, breach.at_s) == (2.0, 4.0)


def test_an_objective_of_one_operation_and_of_service_time() -> None:
    slow = [times(s, [2.0], operation="GET /slow") for s in range(3)]
    assert first_breach(watch("slo", "GET /: p50 < 1 s for 2 s", [(0, 9)]), slow) is None
    assert first_breach(watch("slo", "GET /slow: p50 < 1 s for 2 s", [(0, 9)]), slow) is not None
    assert first_breach(watch("slo", "service p50 < 1 s for 2 s", [(0, 9)]), slow) is None


@pytest.mark.parametrize(("metric", "held"), [("rate > 60 /s", True), ("rate > 40 /s", False)])
def test_a_rate_that_is_too_low(metric: str, held: bool) -> None:
    seconds = [flow(s, completed=50, ok=50) for s in range(4)]
    breach = first_breach(watch("slo", f"{metric} for 2 s", [(0, 9)]), seconds)
    assert (breach is not None) is held


def test_the_mean_and_the_share_of_an_objective() -> None:
    slow = [times(s, [0.1, 0.5]) for s in range(3)]
    assert first_breach(watch("slo", "mean < 290 ms for 2 s", [(0, 9)]), slow) is not None
    assert first_breach(watch("slo", "mean < 310 ms for 2 s", [(0, 9)]), slow) is None
    assert first_breach(watch("slo", "errors < 10 % for 2 s", [(0, 9)]), shares(9, 9, 9)) is None
    breach = first_breach(watch("slo", "errors < 10 % for 2 s", [(0, 9)]), shares(9, 11, 12))
    assert breach is not None
    assert breach.observed == "errors 12 % over 2 s"
