"""Memory from the tables of a bundle: growth, allocators, flame graphs, findings."""

from __future__ import annotations

from typing import Any

import pytest
from analyse_run import Book, mono, stage, wall

from loadkit.analyse import analyse
from loadkit.analyse.memory_result import MemoryResult
from loadkit.analyse.result import Analysis

RATE, WARM, TRACKED = 50, 10, 20


def book(*, leak: int = 0, rss: int = 0, how: str = "tracker", message: str | None = None) -> Book:
    """A run of 60 s; ``leak`` bytes a request are kept while tracked, ``rss`` all along."""
    tracked = stage("some-memory", 40, TRACKED, RATE) | {"profile": True, "memory": True}
    made = Book(stage("warm-up", 0, WARM, RATE), stage("steady", WARM, 30, RATE), tracked)
    made.steady(0, 60, RATE, 0.01)
    made.idle_generator(60)
    made.rows["processes"] = [
        {"mono_ns": mono(t), "process": name, "pid": 7, "rss_bytes": 60_000_000 + grows * t * RATE}
        for t in range(60)
        for name, grows in (("service", rss), ("prometheus", 5_000))
    ]
    made.rows["memory_runs"] = [
        {
            "stage": "some-memory",
            "process": "service",
            "pid": 7,
            "how": how,
            "mono_ns": mono(40.5),
            "end_mono_ns": mono(59.7),
            "start_s": 0.02 if how == "tracker" else 1.5,
            "stall_s": None if how == "tracker" else 1.25,
            "allocations": None if message else 3000,
            "allocated_bytes": None if message else 1_000_000,
            "peak_bytes": None if message else 400_000,
            "left_bytes": None if message else 300_000,
            "file": None if message else "memory/some-memory-service.bin",
            "message": message,
        }
    ]
    if message is None:
        _tracked(made, leak)
    return made


def _tracked(made: Book, leak: int) -> None:
    of = {"stage": "some-memory", "process": "service"}
    for number in range(380):
        t = 40.5 + number * 0.05
        kept = leak * (t - 40.5) * RATE
        last = number >= 323
        values = {None: 50_000 + kept, "leak_bytes (app.py)": kept, "steady (app.py)": 20_000.0}
        for name, size in values.items():
            lasting = None if last else round(size)
            made.rows["memory_growth"].append(
                {**of, "wall_ns": wall(t), "function": name, "heap_bytes": round(size) + 7_000,
                 "lasting_bytes": lasting, "rss_bytes": 1 if name is None else None}
            )  # fmt: skip
    made.rows["memory_stacks"] = [
        {**of, "kind": kind, "stack": stack, "bytes": size, "count": count}
        for kind, stack, size, count in (
            ("kept", "main (app.py:1);leak_bytes (app.py:9)", 700, 7),
            ("kept", "main (app.py:1);steady (app.py:5)", 300, 1),
            ("peak", "main (app.py:1)", 1000, 4),
            ("allocated", "leak_bytes (app.py:9)", 5000, None),
            ("allocated", "often (app.py:3)", None, 900),
            ("allocated", "both (app.py:4)", 7000, 800),
        )
    ]


def memory(analysis: Analysis) -> MemoryResult:
    assert analysis.memory is not None
    return analysis.memory


def slugs(analysis: Analysis) -> list[str]:
    return [f.slug for f in analysis.findings if f.slug.startswith("memory")]


def test_a_leak_is_growth_of_its_size_by_its_function() -> None:
    analysis = analyse(book(leak=1024).run())
    (run,) = memory(analysis).runs
    assert run.growth is not None
    assert run.growth.what == "lasting memory"
    assert run.growth.growth.verdict == "growth"
    assert run.growth.growth.slope == pytest.approx(1024, rel=0.01)
    # The last 15 % have no lasting bytes, the first quarter of the rest is left out.
    assert run.growth.growth.requests == pytest.approx(0.75 * 323 * 0.05 * RATE, rel=0.02)
    assert [one.what for one in run.functions] == ["leak_bytes (app.py)", "steady (app.py)"]
    assert [one.growth.verdict for one in run.functions] == ["growth", "none"]
    (finding,) = [f for f in analysis.findings if f.slug == "memory-growth"]
    assert "grew by 1.00 KiB a request" in finding.summary
    assert finding.evidence == {"leak_bytes (app.py)": "1.00 KiB a request"}


def test_a_healthy_service_gets_no_finding() -> None:
    analysis = analyse(book().run())
    (run,) = memory(analysis).runs
    assert run.growth is not None and run.growth.growth.verdict == "none"
    assert slugs(analysis) == []


def test_resident_memory_is_looked_at_where_nothing_is_tracked() -> None:
    analysis = analyse(book(rss=2048).run())
    (resident,) = memory(analysis).resident  # what measures is no process of interest
    assert (resident.process, resident.start_s, resident.end_s) == ("service", 10, 40.5)
    assert resident.growth.slope == pytest.approx(2048, rel=0.02)
    # What was tracked says more: it did not grow.
    assert slugs(analysis) == []
    made = book(rss=2048)
    for name in ("memory_runs", "memory_stacks", "memory_growth"):
        made.rows[name] = []
    untracked = analyse(made.run())
    assert slugs(untracked) == ["memory-growth"]
    assert memory(untracked).runs == ()


def test_allocators_are_ranked_both_ways_and_flames_add_up() -> None:
    (run,) = memory(analyse(book().run())).runs
    assert [(one.frame, one.size) for one in run.by_size] == [
        ("both (app.py:4)", 7000),
        ("leak_bytes (app.py:9)", 5000),
    ]
    assert [(one.frame, one.count) for one in run.by_count] == [
        ("often (app.py:3)", 900),
        ("both (app.py:4)", 800),
    ]
    assert run.kept is not None and run.peak is not None
    assert (run.kept.count, run.peak.count) == (1000, 1000)
    (main,) = run.kept.children
    assert [(child.name, child.count) for child in main.children] == [
        ("leak_bytes (app.py:9)", 700),
        ("steady (app.py:5)", 300),
    ]


def test_what_attaching_cost_is_said() -> None:
    made = book(how="attach")
    for _ in range(20):
        made.request(40.0, 1.4, arrival=False)
    analysis = analyse(made.run())
    (run,) = memory(analysis).runs
    assert run.worst_response_s == pytest.approx(1.4)
    (finding,) = [f for f in analysis.findings if f.slug == "memory-attach-stall"]
    assert "held it for 1.25 s" in finding.summary
    assert finding.evidence == {"longest response of requests due then": "1.4 s"}


def test_a_failure_has_its_reason_and_no_numbers() -> None:
    analysis = analyse(book(message="process 7 is not there").run())
    (run,) = memory(analysis).runs
    assert (run.message, run.growth, run.kept) == ("process 7 is not there", None, None)
    assert run.allocated_bytes is None


def test_slow_requests_leave_it_open_but_not_the_function_that_leaks() -> None:
    made = book(leak=1024)
    made.request(50.0, 2.5)
    analysis = analyse(made.run())
    (run,) = memory(analysis).runs
    assert run.growth is not None
    assert run.growth.growth.verdict == "inconclusive"
    assert "requests took up to 2.5 s" in run.growth.growth.why
    assert run.functions[0].growth.verdict == "growth"
    assert slugs(analysis) == ["memory-growth-open"]


@pytest.mark.parametrize("table", ["flow", "memory_growth", "processes"])
def test_missing_tables_are_no_growth_and_no_crash(table: str) -> None:
    run = book(leak=1024, rss=2048).run()
    setattr(run, table, getattr(run, table).iloc[0:0])
    found: Any = analyse(run).memory
    for one in (*found.resident, *(r.growth for r in found.runs if r.growth)):
        expected = "inconclusive" if table == "flow" else "growth"
        assert one.growth.verdict == expected
