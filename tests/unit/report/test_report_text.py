"""The summary at the end of a run."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from report_sample import VARIANTS, bare, invalid, nothing, peak

from loadkit.report.text import entry, summary

_ANSI = re.compile(r"\x1b\[[\d;]*m")


def test_a_failed_run() -> None:
    lines = summary(peak(), 120).splitlines()
    assert lines[0].startswith("FAILED   peak missed its error objective: 8.00 % of requests")
    row = next(line for line in lines if line.startswith("  peak "))
    assert " ".join(row.split()) == "peak 150/s 150/s 8.00 % 12.4 ms 42.2 ms 90.5 ms 325 ms"
    assert "  objective  errors < 1 % in peak: failed, 8.00 % from 0:55" in lines
    text = "\n".join(lines)
    assert "fired: HighErrorRate, DiskSpaceLow, none expected" in text
    assert "DatabaseDown: inconclusive, no source" in text
    assert "sent 13,600 = ok 13,058 + failed 540 + cancelled 2" in text
    assert "warm-up" not in text and "base-profile" not in text


def test_a_closed_model_has_no_offered_rate() -> None:
    text = summary(bare(), 100)
    assert text.startswith("PASSED   run: 212/s with 20 users")
    assert "offered" not in text and "alerts" not in text


def test_an_invalid_run_says_what_the_generator_could_not_do() -> None:
    text = " ".join(summary(invalid(), 100).split())
    assert text.startswith("INVALID The generator was the bottleneck")
    assert "CPU above 0.9 core" in text
    assert "sent unknown = ok 13,058" in text


def test_nothing_measured() -> None:
    text = summary(nothing(), 100)
    assert text.startswith("BROKEN   The load generator died")
    assert "CPU —" in text and "0 %" not in text


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    for line in _ANSI.sub("", summary(VARIANTS[name](), width, colour=True)).splitlines():
        longest_word = max((len(word) for word in line.split()), default=0)
        assert len(line) <= width or longest_word > width - 15, line


def test_colour_only_when_allowed() -> None:
    plain, painted = summary(peak(), 100), summary(peak(), 100, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[1;31mFAILED\x1b[0m" in painted
    assert _ANSI.sub("", painted) == plain


def test_a_terminal_is_not_given_orders() -> None:
    text = summary(replace(peak(), headline="a\x1b[2Jb", missing=("x\ry\x07",)), 100)
    assert "\x1b" not in text and "\r" not in text and "\x07" not in text


def test_entries_wrap_below_their_text() -> None:
    assert entry("report", "reports/x/report.html") == "  report     reports/x/report.html"
    assert entry("alerts", "word " * 12, 40).splitlines()[1].startswith(" " * 13 + "word")
