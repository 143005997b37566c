"""Saturation, signals, spans, profiles, logs, exemplars, associations, and numbers in words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable

import numpy as np
import pytest
from analyse_run import OPERATION, Book, mono, peak_book, stage, wall

from loadkit.analyse import analyse, text
from loadkit.analyse.association import associations, per_second, ranks, spearman
from loadkit.analyse.context import Context
from loadkit.analyse.profiles import UNROOTED
from loadkit.analyse.quantiles import Estimate, of_buckets
from loadkit.analyse.result import Line, Signal, SpanNode
from loadkit.analyse.saturation import Use
from loadkit.analyse.series import Metrics, Series, increase, rate
from loadkit.analyse.spans import self_time


def line(lines: Iterable[Line], name: str) -> Line:
    return next(one for one in lines if one.name == name)


def series(*points: tuple[float, float]) -> Series:
    t, v = zip(*points, strict=True)
    return Series("x_total", {}, np.array(t), np.array(v))


def test_rates_come_from_pairs_of_samples_and_survive_a_reset() -> None:
    counter = series((0, 10), (1, 20), (3, 60), (4, 5))
    x, y = rate(counter)
    assert x.tolist() == [0.5, 2, 3.5]
    assert y.tolist() == [10, 20, 5]
    assert increase(counter, 0, 4) == 55
    assert increase(counter, 0.5, 3) == 40
    assert increase(counter, 1, 1) == 0


def saturated() -> Book:
    book = peak_book()
    times = [float(t) for t in range(-2, 36)]
    book.series("process_cpu_seconds_total", [(t, t * 0.2 if t < 14 else 2.8 + (t - 14) * 0.9)
                                              for t in times])  # fmt: skip
    book.series("process_cpu_seconds_total", [(t, t * 0.01) for t in times], job="prometheus")
    book.series("database_pool_in_use", [(t, 3.0) for t in times])
    book.series("database_pool_size", [(t, 4.0) for t in times])
    book.series("database_pool_busy_seconds_total", [(t, 2 * (t + 2)) for t in times])
    book.series("store_queue_depth", [(t, 5.0) for t in times])
    book.series("store_queue_capacity", [(t, 100.0) for t in times])
    for cpu in "01":
        book.series(
            "node_cpu_seconds_total",
            [(t, t * 0.4) for t in times],
            job="node",
            cpu=cpu,
            mode="idle",
        )
    book.series("node_memory_MemAvailable_bytes", [(t, 25.0) for t in times], job="node")
    book.series("node_memory_MemTotal_bytes", [(t, 100.0) for t in times], job="node")
    book.series("event_loop_lag_max_seconds", [(t, 0.004) for t in times])
    book.series("notifications_dropped_total", [(t, float(t > 20)) for t in times])
    for path in ("/items", "/api/v1/health"):
        for status, share in (("200", 0.9), ("503", 0.1)):
            book.series(
                "http_requests_total", [(t, (t + 2) * 10 * share) for t in times],
                path=path, status=status,
            )  # fmt: skip
    for le, share in (("0.01", 0.5), ("0.1", 1.0), ("+Inf", 1.0)):
        book.series(
            "http_request_duration_seconds_bucket", [(t, (t + 2) * 10 * share) for t in times],
            path="/items", le=le,
        )  # fmt: skip
    return book


def test_saturation_lines_are_ratios_of_what_was_scraped() -> None:
    analysis = analyse(saturated().run())
    lines = analysis.saturation_lines
    cpu = line(lines, "llm-cost-ops CPU")
    assert cpu.x[0] == -1.5
    assert dict(zip(cpu.x, cpu.y, strict=True))[20.5] == pytest.approx(0.9)
    assert set(line(lines, "database pool").y) == {0.75}
    assert line(lines, "database pool busy").y == pytest.approx((0.5,) * 37)
    assert set(line(lines, "store queue").y) == {0.05}
    assert line(lines, "machine CPU").y == pytest.approx((0.6,) * 37)
    assert set(line(lines, "machine memory").y) == {0.75}
    assert not any(one.name == "prometheus CPU" for one in lines)  # never above 2 %
    high = [f for f in analysis.findings if f.slug == "saturation-high"]
    assert [f.summary for f in high] == [
        "llm-cost-ops CPU was 90 % busy or filled on average in peak."
    ]
    assert analysis.answers[1].answer == "llm-cost-ops CPU was fullest at peak, 90 % on average"


def test_a_process_of_many_threads_is_set_against_all_cores() -> None:
    book = peak_book()
    book.series("process_cpu_seconds_total", [(float(t), 1.6 * t) for t in range(34)], job="other")
    cpu = line(analyse(book.run()).saturation_lines, "other CPU")
    assert cpu.y == pytest.approx((0.8,) * 33)
    assert "all 2 cores" in cpu.note


def test_without_prometheus_processes_and_host_tell() -> None:
    book = peak_book()
    for t in range(34):
        for process, cpu in (("pid 7", 0.95), ("generator", 0.1), ("idle", 0.0)):
            book.rows["processes"].append(
                {"mono_ns": mono(t), "process": process, "cpu_ratio": cpu}
            )
        book.rows["host"].append({"mono_ns": mono(t), "cpu_ratio": 0.5, "memory_ratio": 0.3})
    analysis = analyse(book.run())
    names = [one.name for one in analysis.saturation_lines]
    assert names == ["machine CPU", "machine memory", "process pid 7 CPU", "load generator CPU"]
    assert "process pid 7 CPU" in analysis.answers[1].answer


def cell(signals: Iterable[Signal], method: str, name: str, word: str) -> Signal:
    return next(
        s
        for s in signals
        if (s.method, s.name) == (method, name) and (word in s.resource or word in s.source)
    )


def test_signals_set_base_against_peak_from_both_sides() -> None:
    analysis = analyse(saturated().run())
    found = analysis.signals
    assert (analysis.base_stage, analysis.peak_stage) == ("base", "peak")
    latency = cell(found, "golden", "Latency", "client")
    assert latency.base == "p50 10 ms, p95 10 ms, p99 10 ms"
    assert latency.peak == "p50 30 ms, p95 30 ms, p99 30 ms"
    assert latency.line is not None
    traffic = cell(found, "golden", "Traffic", "service")
    assert (traffic.base, traffic.peak) == ("10/s", "10/s")  # without the health path
    assert cell(found, "golden", "Traffic", "client").peak == "20/s"
    assert cell(found, "golden", "Errors", "service").peak == "10 %"
    assert cell(found, "golden", "Latency", "service").peak == (
        "p50 at most 10 ms, p95 about 91 ms (10–100 ms)"
    )
    assert cell(found, "golden", "Saturation", "llm-cost-ops CPU").peak == "mean 90 %, highest 90 %"
    assert cell(found, "RED", "Rate", OPERATION).base == "5/s"
    assert cell(found, "RED", "Errors", OPERATION).peak == "0 % (0 of 400)"
    assert cell(found, "RED", "Duration", OPERATION).peak == "p50 30 ms, p95 30 ms, p99 30 ms"
    assert (
        cell(found, "USE", "Utilization", "database_pool_in_use").peak == "mean 75 %, highest 75 %"
    )
    assert cell(found, "USE", "Saturation", "event loop lag").peak == "mean 4 ms, highest 4 ms"
    dropped = cell(found, "USE", "Errors", "notifications dropped")
    assert (dropped.base, dropped.peak) == ("0", "1")


def test_with_one_measured_stage_there_is_no_base() -> None:
    book = Book(stage("peak", 0, 10))
    book.steady(0, 10, 5, 0.01)
    analysis = analyse(book.run())
    assert (analysis.base_stage, analysis.peak_stage) == (None, "peak")
    assert {signal.base for signal in analysis.signals} == {None}


def test_quantiles_of_buckets_interpolate_within_sure_bounds() -> None:
    counts = {0.1: 50.0, 0.5: 90.0, math.inf: 100.0}
    half, more = of_buckets(0.5, counts), of_buckets(0.7, counts)
    assert half is not None
    assert more is not None
    assert (half.value, half.low, half.high) == pytest.approx((0.1, 0.0, 0.1))
    assert (more.value, more.low, more.high) == pytest.approx((0.3, 0.1, 0.5))
    assert of_buckets(0.99, counts) == Estimate(0.5, 0.5, math.inf)
    assert of_buckets(0.5, {}) is None
    assert of_buckets(0.5, {0.1: 0.0, math.inf: 0.0}) is None


# -- spans ------------------------------------------------------------------------------------


def test_self_time_counts_overlapping_children_once_and_within_the_parent() -> None:
    assert self_time(0, 100, []) == 100
    assert self_time(0, 100, [(10, 20), (20, 20)]) == 70
    assert self_time(0, 100, [(10, 50), (20, 10)]) == 50
    assert self_time(50, 100, [(0, 60), (140, 500)]) == 80
    assert self_time(0, 10, [(0, 100)]) == 0


def trace(book: Book, number: int, at: float, store_ms: float, kept: str = "sample") -> None:
    """POST / → validate 1 ms, store → insert (store less 1 ms), 1 ms of its own."""
    trace_id = f"{number:032x}"

    def span(name: str, own: str, parent: str, start_ms: float, ms: float, kind: str) -> None:
        book.rows["spans"].append(
            {
                "trace_id": trace_id, "span_id": own, "parent_id": parent, "name": name,
                "kind": kind, "wall_ns": wall(at) + round(start_ms * 1e6),
                "duration_ns": round(ms * 1e6), "kept": kept,
            }
        )  # fmt: skip

    span("insert", "d", "c", 2.5, store_ms - 1, "client")
    span("store", "c", "a", 2, store_ms, "internal")
    span("validate", "b", "a", 0.5, 1, "internal")
    span("POST /", "a", "of-the-client", 0, store_ms + 2, "server")


def test_span_trees_of_ordinary_and_of_slow_requests() -> None:
    book = peak_book()
    for i in range(100):
        trace(book, i, 14 + i / 10, 10 + i / 10)
    for i in range(100, 104):
        trace(book, i, 30, 500, kept="slowest")
    trace(book, 200, 1.0, 9000, kept="slowest")  # in the warm-up
    (tree,) = analyse(book.run()).span_trees
    assert tree.root == "POST /"
    names = [(node.name, node.depth) for node in tree.slow]
    assert names == [("POST /", 0), ("validate", 1), ("store", 1), ("insert", 2)]
    assert names == [(node.name, node.depth) for node in tree.typical]
    assert (tree.typical_traces, tree.slow_traces) == (21, 4 + 2)

    def of(nodes: tuple[SpanNode, ...], name: str) -> SpanNode:
        return next(node for node in nodes if node.name == name)

    root = of(tree.typical, "POST /")
    assert root.p50_self == pytest.approx(0.001)
    assert root.p50_total == pytest.approx(0.0169)
    assert root.share == 1
    store = of(tree.slow, "store")
    assert store.p50_total == pytest.approx(0.5)
    assert store.p50_self == pytest.approx(0.001)
    assert store.count == 6
    assert store.share == pytest.approx((4 * 500 + 19.8 + 19.9) / (4 * 502 + 21.8 + 21.9))
    assert "random sample of 100 traces" in tree.note
    assert "not how often" in tree.note


def test_broken_span_trees_do_no_harm() -> None:
    book = peak_book()
    for own, parent in (("a", "b"), ("b", "a")):
        book.rows["spans"].append(
            {
                "trace_id": "t", "span_id": own, "parent_id": parent, "name": own,
                "wall_ns": wall(20), "duration_ns": 5, "kept": "sample",
            }
        )  # fmt: skip
    (tree,) = analyse(book.run()).span_trees
    assert [node.name for node in tree.typical] == ["a", "b"]


# -- profiles, logs, exemplars -----------------------------------------------------------------


def test_profiles_make_a_flame_tree_and_set_base_against_peak() -> None:
    book = Book(
        stage("base", 0, 10, 5.0), stage("base-profile", 10, 5, 5.0),
        stage("peak", 15, 10, 20.0), stage("peak-profile", 25, 5, 20.0),
    )  # fmt: skip
    book.steady(0, 30, 5, 0.01)
    for name, stacks in (
        ("base-profile", [("main (a.py:1);work (a.py:5)", 6), ("main (a.py:1)", 4)]),
        ("peak-profile", [("main (a.py:1);work (a.py:5)", 5), ("main (a.py:2);work (a.py:6)", 4),
                          ("work (a.py:5);work (a.py:6)", 1)]),
    ):  # fmt: skip
        for stack, count in stacks:
            rooted = stack.startswith("main")
            book.rows["profiles"].append(
                {"stage": name, "process": "service", "stack": stack, "count": count,
                 "rooted": rooted}
            )  # fmt: skip
        book.rows["profile_runs"].append(
            {"stage": name, "process": "service", "samples": 10, "errors": 1, "rate_hz": 100,
             "blocking": True, "mono_ns": mono(1)}
        )  # fmt: skip
    book.rows["profile_runs"].append({"stage": "peak-profile", "process": "x", "message": "gone"})
    analysis = analyse(book.run())
    base, peak, failed = analysis.profiles
    assert base.flame is not None
    assert (base.flame.name, base.flame.count) == ("all", 10)
    assert [(f.name, f.count) for f in base.flame.children] == [("main (a.py)", 10)]
    assert peak.flame is not None
    assert [(f.name, f.count) for f in peak.flame.children] == [("main (a.py)", 9), (UNROOTED, 1)]
    assert (peak.unrooted, peak.errors, peak.blocking) == (1, 1, True)
    assert (failed.flame, failed.message) == (None, "gone")
    assert "profile-failed" in [f.slug for f in analysis.findings]
    work, main = analysis.hot
    assert (work.function, work.base_self, work.peak_self) == ("work (a.py)", 0.6, 1.0)
    assert (work.base_total, work.peak_total) == (0.6, 1.0)
    assert (main.base_self, main.peak_self, main.base_total, main.peak_total) == (0.4, 0, 1, 0.9)


def test_log_groups_are_the_worst_first() -> None:
    book = peak_book()
    for level, action, count, at in (
        ("info", "start", 9, 1), ("warning", "slow", 50, 3), ("error", "fail", 2, 9),
        ("error", "fail", 3, 5), ("error", "other", 9, 6), ("critical", "dead", 1, 8),
    ):  # fmt: skip
        book.rows["logs"].append(
            {"wall_ns": wall(at), "level": level, "action": action, "count": count,
             "error_type": "E", "message": f"at {at}", "trace_id": "t" if at == 9 else None}
        )  # fmt: skip
    groups = analyse(book.run()).logs
    assert [(g.level, g.action, g.count) for g in groups] == [
        ("critical", "dead", 1), ("error", "other", 9), ("error", "fail", 5),
        ("warning", "slow", 50),
    ]  # fmt: skip
    assert (groups[2].first_s, groups[2].example, groups[2].trace_id) == (5, "at 5", "t")


def test_exemplars_are_the_slowest_of_measured_stages() -> None:
    book = peak_book()
    trace(book, 1, 20, 10)
    for number, (name, at, ms) in enumerate(
        (("warm-up", 1, 900), ("peak", 20, 50), ("peak", 21, 70), ("base", 9, 60))
    ):
        book.rows["exemplars"].append(
            {"stage": name, "second": at, "operation": OPERATION, "outcome": "ok",
             "mono_ns": mono(at), "service_ns": ms * 10**5, "response_ns": ms * 10**6,
             "trace_id": f"{number:032x}"}
        )  # fmt: skip
    found = analyse(book.run()).exemplars
    assert [(e.stage, e.response_s, e.kept) for e in found] == [
        ("peak", 0.07, False), ("base", 0.06, False), ("peak", 0.05, True),
    ]  # fmt: skip
    assert found[0].service_s == pytest.approx(0.007)


def test_errors_are_grouped_by_kind_and_drawn_by_second() -> None:
    book = peak_book()
    for second, kind, count in ((20, "HTTP 503", 2), (22, "HTTP 503", 3), (21, "Refused", 1)):
        book.rows["errors"].append(
            {"stage": "peak", "second": second, "operation": OPERATION, "kind": kind,
             "message": f"at {second}", "count": count}
        )  # fmt: skip
    analysis = analyse(book.run())
    first = analysis.errors[0]
    assert (first.kind, first.count, first.message, first.first_s) == ("HTTP 503", 5, "at 20", 20)
    assert [one.name for one in analysis.error_lines] == ["HTTP 503", "Refused"]
    assert analysis.error_lines[0].y[19:23] == (0, 2, 0, 3)


# -- moving together --------------------------------------------------------------------------


def test_ranks_share_their_mean_and_spearman_is_that_of_ranks() -> None:
    assert ranks(np.array([10.0, 20.0, 20.0, 30.0])).tolist() == [1, 2.5, 2.5, 4]
    x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    assert spearman(x, np.exp(x)) == pytest.approx(1)
    assert spearman(x, -(x**3)) == pytest.approx(-1)
    assert spearman(x, np.array([2.0, 1.0, 4.0, 3.0, 5.0])) == pytest.approx(0.8)
    assert spearman(x, np.ones(5)) is None


def test_per_second_is_the_mean_of_the_points_in_it() -> None:
    found = per_second(np.array([0.1, 0.9, 2.5, -1.0]), np.array([1.0, 3.0, 5.0, 9.0]), 3)
    assert found.tolist()[0] == 2
    assert np.isnan(found[1])
    assert found[2] == 5


def test_associations_ask_for_enough_measured_seconds_and_a_strong_one() -> None:
    context = Context(Book(stage("warm-up", 0, 30), stage("peak", 30, 30)).run())
    x = np.arange(60.0)
    p95 = np.where(x < 30, 60 - x, x)
    noise = np.array([(i * 7919) % 13 for i in range(60)], float)
    uses = tuple(
        Use(name, "CPU", "", x[keep] + 0.5, y[keep])
        for name, y, keep in (
            ("rising", x, x >= 0),
            ("falling", -x, x >= 0),
            ("noise", noise, x >= 0),
            ("constant", x * 0, x >= 0),
            ("rarely seen", x, (x < 30) | (x > 40.5)),
        )
    )
    found = associations(context, p95, uses)
    assert [(a.series, round(a.rho, 6), a.n) for a in found] == [
        ("falling", -1, 30),
        ("rising", 1, 30),
    ]


# -- the rest ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"), (0, "0 ms"), (12e-6, "12 µs"), (0.0041, "4.1 ms"), (0.041, "41 ms"),
        (0.9996, "1 s"), (1.25, "1.25 s"), (10, "10 s"), (41.26, "41.3 s"), (125, "2 min 5 s"),
    ],
)  # fmt: skip
def test_durations_in_words(seconds: float | None, words: str) -> None:
    assert text.duration(seconds) == words


@pytest.mark.parametrize(
    ("ratio", "words"),
    [(0, "0 %"), (0.0002, "0.02 %"), (0.00001, "< 0.01 %"), (0.01, "1 %"), (0.015, "1.5 %"),
     (0.1, "10 %"), (1, "100 %"), (None, "–")],
)  # fmt: skip
def test_shares_in_words(ratio: float | None, words: str) -> None:
    assert text.share(ratio) == words


def test_rates_and_lists_in_words() -> None:
    assert [text.rate(v) for v in (150, 49.84, 0.25, 12345)] == [
        "150/s", "49.8/s", "0.25/s", "12,345/s",
    ]  # fmt: skip
    assert text.listing("abc") == "a, b and c"
    assert text.listing("abcdefg", 3) == "a, b, c and 4 more"


def test_faults_and_notifications_are_placed() -> None:
    book = peak_book()
    book.rows["faults"].append(
        {
            "kind": "error_rate",
            "value": 0.08,
            "stage": "peak",
            "mono_ns": mono(14),
            "end_mono_ns": None,
        }
    )
    book.notify(20, "Bad")
    analysis = analyse(book.run())
    fault = analysis.faults[0]
    assert (fault.kind, fault.step, fault.value, fault.start_s, fault.end_s) == (
        "error_rate", None, 0.08, 14, None,
    )  # fmt: skip
    assert [(n.at_s, n.alert, n.receiver) for n in analysis.notifications] == [(20, "Bad", "slack")]


def test_labels_that_are_no_json_are_no_labels() -> None:
    book = peak_book()
    book.rows["series"].append({"series": 1, "name": "x", "labels": "{", "job": "j"})
    book.rows["metrics"].append({"series": 1, "wall_ns": wall(1), "value": 2.0})
    (found,) = Metrics(book.run()).select("x")
    assert dict(found.labels) == {"job": "j"}
    assert json.dumps(found.v.tolist()) == "[2.0]"
