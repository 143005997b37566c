"""A load of several processes: the books of one that was lost, and the table of all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from analyse_run import Book, stage

from loadkit.analyse import analyse
from loadkit.report import books
from loadkit.report.html import render
from loadkit.report.json import render as render_json
from loadkit.report.workers import workers


def worker(name: str, **changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": name,
        "host": f"host-{name}",
        "pid": 7,
        "local": False,
        "versions": {},
        "state": "ended",
        "offset_ns": "0",
        "uncertainty_ns": "0",
        "drift_ns": "0",
        "lost_from_s": None,
        "lost_until_s": None,
        "unknown": None,
    }
    return values | changes


def crewed_book() -> Book:
    """Twenty seconds at 10 a second; the second worker was lost at 12.9 s."""
    lost = worker(
        "b", state="lost", lost_from_s=12.0, lost_until_s=12.9, unknown=4,
        offset_ns="-3000000000", uncertainty_ns="250000",
    )  # fmt: skip
    book = Book(stage("peak", 0, 20, rate=10), workers=[worker("a"), lost])
    book.steady(0, 20, 10, 0.02)
    for second in range(20):
        for name, cpu in (("a", 0.2), ("b", 0.6))[: 2 if second < 12 else 1]:
            book.generator(second, cpu=cpu)
            book.rows["generator"][-1]["worker"] = name
    book.flow["peak", 12, "", "planned"] += 4
    book.flow["peak", 12, "", "unknown"] += 4
    book.flow["peak", 13, "", "planned"] += 3
    book.flow["peak", 13, "", "never_started"] += 3
    return book


def test_the_books_of_a_lost_worker_balance_with_what_is_unknown() -> None:
    book = crewed_book()
    accounting = analyse(book.run()).accounting
    assert (accounting.planned, accounting.started) == (207, 200)
    assert (accounting.never_started, accounting.unknown) == (3, 4)
    assert accounting.balanced is True
    planned = books.equations(accounting)[0]
    assert planned.text == "planned 207 = started 200 + never started 3 + unknown 4"
    assert planned.holds is True
    book.flow["peak", 12, "", "unknown"] -= 1
    assert analyse(book.run()).accounting.balanced is False


def test_without_lost_workers_nothing_is_said_to_be_unknown() -> None:
    book = Book(stage("peak", 0, 20, rate=10))
    book.steady(0, 20, 10, 0.02)
    book.idle_generator(20)
    analysis = analyse(book.run())
    assert (analysis.accounting.unknown, analysis.workers) == (0, ())
    assert books.equations(analysis.accounting)[0].text == (
        "planned 200 = started 200 + never started 0"
    )
    assert "The load by worker" not in render(analysis)


def test_each_worker_has_a_row_with_its_clock_and_what_is_missing() -> None:
    analysis = analyse(crewed_book().run())
    first, second = analysis.workers
    assert first.cpu_mean == pytest.approx(0.2)
    assert first.cpu_max == pytest.approx(0.2)
    assert second.cpu_mean == pytest.approx(0.6)
    assert (second.state, second.unknown) == ("lost", 4)
    rows = [[cell.text for cell in row] for row in workers(analysis).rows]
    assert rows[0] == ["a", "host-a", "ended", "20.0 %", "20.0 %", "the same", "nothing"]
    assert rows[1][2] == "lost"
    assert rows[1][5] == "−3.00 s ± 250 µs"
    assert rows[1][6] == "12.0 s to 12.9 s, 4 arrivals"
    assert "The load by worker" in render(analysis)
    told = json.loads(render_json(analysis))["workers"][1]
    assert told["offset_s"] == -3.0
    assert told["lost_until_s"] == 12.9


def test_the_busiest_worker_is_the_generators_cpu() -> None:
    analysis = analyse(crewed_book().run())
    (line,) = [use for use in analysis.saturation_lines if use.name == "load generator CPU"]
    assert max(value for value in line.y if value is not None) == pytest.approx(0.6)
    assert line.y[15] == pytest.approx(0.2)


def test_a_run_that_lost_a_worker_is_not_called_valid() -> None:
    book = crewed_book()
    assert analyse(book.run()).generator.verdict == "valid"
    book.rows["findings"].append(
        {"mono_ns": 1, "slug": "worker-lost", "severity": "error", "summary": "b", "evidence": "{}"}
    )
    generator = analyse(book.run()).generator
    assert generator.verdict == "degraded"
    assert generator.reasons == ("1 worker ended before the load did",)
