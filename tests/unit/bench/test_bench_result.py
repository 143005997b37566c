"""Results: kept, read again, judged, shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadkit.bench import tables
from loadkit.bench.result import (
    FAILED,
    INCONCLUSIVE,
    PASSED,
    Result,
    Verdict,
    interval_dict,
    judge_at_least,
    judge_at_most,
    load,
)
from loadkit.bench.stats import Interval
from loadkit.errors import UsageError

MACHINE = {
    "cpu": "A Processor",
    "cores": 2,
    "memory_bytes": 24 << 30,
    "os": "Linux 6",
    "python": "3.11.2",
    "load_average": 0.1,
}


def about(low: float, middle: float, high: float, count: int = 9) -> dict[str, Any]:
    return interval_dict(Interval(low, middle, high, count))


def made(bench: str = "generators", **changed: Any) -> Result:
    values: dict[str, Any] = {
        "rows": [{"x": 1}],
        "created": "2026-11-24T22:10:03Z",
        "machine": MACHINE,
        "versions": {"loadkit": "0.1.0"},
        "settings": {"rounds": 9, "duration_s": 5.0},
    }
    return Result(bench, **{**values, **changed})


def verdict(status: str) -> Verdict:
    return Verdict("what", "≤ 1", "2", status)


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({}, 0),
        ({"verdicts": [verdict(PASSED)]}, 0),
        ({"verdicts": [verdict(PASSED), verdict(INCONCLUSIVE)]}, 5),
        ({"verdicts": [verdict(INCONCLUSIVE), verdict(FAILED)]}, 3),
        ({"missing": {"k6": "not on PATH"}}, 0),
        ({"missing": {"k6": "not on PATH"}, "asked_for": ("k6",)}, 5),
        ({"failed": {"hey": "round 1: had errors"}}, 5),
        ({"rows": []}, 5),
        ({"interrupted": True, "verdicts": [verdict(FAILED)]}, 130),
    ],
)
def test_the_exit_status_says_what_was_not_measured(changed: dict[str, Any], status: int) -> None:
    assert made(**changed).exit_status == status


def test_an_interrupt_leaves_what_was_measured() -> None:
    result = made(rows=[])

    def measured() -> None:
        result.rows.append({"x": 1})
        raise KeyboardInterrupt

    with result.until_interrupted():
        measured()
    assert (result.rows, result.exit_status) == ([{"x": 1}], 130)
    assert "interrupted" in result.notes[0]


def test_a_result_is_read_as_it_was_kept(tmp_path: Path) -> None:
    kept = made(verdicts=[verdict(PASSED)], asked_for=("hey",), notes=["a note"])
    path = tmp_path / "result.json"
    path.write_text(kept.to_json(), encoding="utf-8")
    assert load(path) == kept
    assert json.loads(kept.to_json())["exit_status"] == 0


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "not a result"),
        ("[]", "not a result"),
        ("{}", "not a result"),
        ('{"format": "loadkit-bench/9"}', "loadkit-bench/9"),
        ('{"format": "loadkit-bench/1", "verdicts": []}', "not whole"),
        ('{"format": "loadkit-bench/1", "bench": "x", "verdicts": [{}]}', "not whole"),
    ],
)
def test_what_is_no_result_is_refused_by_name(text: str, what: str, tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=what) as caught:
        load(path)
    assert "result.json" in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path / "none.json")
    with pytest.raises(UsageError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("interval", "rounds", "status"),
    [
        (about(4.0, 4.5, 5), 9, PASSED),
        (about(3.9, 4.5, 5), 9, FAILED),  # the lower end decides
        (about(5, 5, 5), 8, INCONCLUSIVE),
    ],
)
def test_a_ratio_is_judged_by_its_lower_end(
    interval: dict[str, Any], rounds: int, status: str
) -> None:
    found = judge_at_least("x", 4.0, interval, rounds, 9)
    assert found.status == status
    assert ("9 rounds decide" in found.observed) == (status == INCONCLUSIVE)


def test_what_was_not_measured_is_no_pass() -> None:
    assert judge_at_most("x", 1.0, None, "ms").status == INCONCLUSIVE
    assert judge_at_most("x", 1.0, 1.0, "ms").status == PASSED
    assert judge_at_most("x", 1.0, 1.01, "ms").status == FAILED
    assert judge_at_most("x", 1000.0, 1162.0, "ns").observed == "1,160 ns"


ROWS: dict[str, list[dict[str, Any]]] = {
    "generators": [
        {
            "tool": "loadkit", "title": "loadkit.HttpUser", "method": "POST", "rounds": 9,
            "rate": about(19_000, 20_000, 21_000), "cpu_per_million": about(30, 31, 32),
            "busy": 0.99, "server_busy": 0.3, "server_bound": False,
        },
        {
            "tool": "wrk", "title": "wrk", "method": "POST", "rounds": 9,
            "rate": about(80_000, 90_000, 91_000), "cpu_per_million": about(9, 9.5, 10),
            "busy": 0.9, "server_busy": 0.97, "server_bound": True,
            "ratio_rate": about(0.2, 0.22, 0.25), "ratio_cpu": about(0.29, 0.306, 0.32),
        },
    ],
    "accuracy": [
        {
            "part": "A server that freezes", "tool": "hey", "title": "hey", "model": "capped",
            "requests": 14_000, "p50": 0.0002, "p95": 0.003, "p99": 5.99, "max": None,
            "off": {"p95": -0.9993},
        }
    ],
    "arrivals": [
        {
            "rate": 24_000.0, "share": 0.8, "planned": 100, "started": 100, "sent": 100,
            "answered": 99, "rate_error": 0.0005, "late_p50": 5e-5, "late_p99": 9e-4,
            "late_max": None, "busy": 0.8,
        }
    ],
    "memory": [
        {"recorder": "loadkit", "title": "loadkit, both times", "count": 10**8,
         "rss_bytes": 40 << 20, "ns": 741.4}
    ],
    "observing": [
        {"kind": "arm", "title": "watched", "rounds": 8, "cpu_s": about(1.7e-3, 1.8e-3, 1.9e-3),
         "p50_s": about(1e-3, 2e-3, 3e-3), "p99_s": about(0.01, 0.02, 0.03)},
        {"kind": "ratio", "title": "watched : not watched", "rounds": 8,
         "of": ["watched", "not watched"], "cpu_s": about(1.01, 1.02, 1.03),
         "p50_s": about(1, 1, 1), "p99_s": about(0.9, 1, 1.1)},
    ],
    "soak": [
        {"measure": "rss_bytes", "title": "memory", "unit": "bytes", "first": 170 * 2.0**20,
         "last": 171 * 2.0**20, "growth": about(-1e5, 1e5, 3e5, 24)}
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("bench", "cells"),
    [
        ("generators", ["20,000 (19,000–21,000)", "—", "0.306 (0.290–0.320)", "97.0 % (limit)"]),
        ("accuracy", ["3.00 ms (−99.9 %)", "5.99 s", "—", "14,000"]),
        ("arrivals", ["24,000/s (80 % of capacity)", "99 of 100", "0.0500 %", "900 µs", "—"]),
        ("memory", ["100,000,000", "40.0 MiB", "741"]),
        ("observing", ["1.80 ms (1.70 ms–1.90 ms)", "1.02 (1.01–1.03)"]),
        ("soak", ["171.00 MiB", "0.10 MiB (−0.10 MiB–0.29 MiB)"]),
    ],
)
def test_a_result_is_shown_with_its_intervals(bench: str, cells: list[str]) -> None:
    result = made(
        bench,
        rows=ROWS[bench],
        verdicts=[verdict(FAILED)],
        missing={"k6": "k6 is not on PATH"},
        failed={"oha": "had errors"},
    )
    for shown in (tables.text(result), tables.markdown(result)):
        for cell in cells:
            assert cell in shown
        assert "k6 is not on PATH" in shown
        assert "oha: had errors" in shown
        assert "A Processor, 2 cores, 24 GiB, Linux 6, Python 3.11.2" in shown
        assert "loadkit 0.1.0" in shown
        assert "2026-11-24" in shown
    assert "✗ what: ≤ 1 · 2" in tables.text(result)


def test_columns_are_aligned() -> None:
    text = tables.Table(["tool", "n"], [["a", "1"], ["bcd e", "12,345"]]).text()
    assert text.splitlines() == ["  tool        n", "  a           1", "  bcd e  12,345"]


def test_markdown_keeps_its_columns() -> None:
    text = tables.Table(["tool", "n"], [["a|b", "1"]]).markdown()
    assert text.splitlines() == ["| tool | n |", "| --- | ---: |", "| a\\|b | 1 |"]
