"""What was taken for what, and lead and lag, as the report shows them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace

import pytest
from report_sample import peak

from loadkit.analyse.result import Lag, LeadLag, RoleResult
from loadkit.model.roles import Roles
from loadkit.report import leadlag, roles
from loadkit.report.charts.frame import frame
from loadkit.report.html import render
from loadkit.report.sections import absent, present


def section(page: str, key: str) -> str:
    found = re.search(rf'<section class="part" id="{key}">.*?</section>', page, re.S)
    assert found is not None
    return found[0]


def test_the_lines_to_paste_are_toml_that_corrections_are_read_from() -> None:
    said = tomllib.loads(roles.toml(peak().roles))["signals"]
    assert Roles.from_settings(said) == Roles(
        "http_requests_total",
        'http_requests_total{status=~"5.."}',
        "",
        ("pool_in_use / pool_size",),
    )
    assert '# duration = ""' in roles.toml(peak().roles)


def test_quotes_of_both_kinds_survive() -> None:
    metric = """x{a="it's",b=~"\\\\d+"}"""
    said = tomllib.loads(roles.toml([RoleResult("rate", metric, "")]))
    assert said["signals"]["rate"] == metric
    assert "# saturation = []" in roles.toml([])


def test_every_choice_stands_with_its_reason() -> None:
    text = section(render(peak()), "signals")
    assert "What was taken for what" in text
    assert "counter, label status" in text
    assert "no histogram or summary of request times was found" in text
    assert "except where [signals] of loadkit.toml says otherwise" in text
    assert "http_requests_total{status=~&#34;5..&#34;}" in text
    assert "What was taken for what" not in render(replace(peak(), roles=()))


def test_a_lead_is_told_with_its_interval_and_no_cause() -> None:
    text = section(render(peak()), "lead-lag")
    assert "database pool moved 2.0 s (0.8–3.1 s) before p95 response time." in text
    assert "p95 response time went from 10.0 ms to 85.0 ms" in text
    assert "at 52.0 s (51.4–52.7 s)" in text
    assert "machine CPU went from 20.0 % to 90.0 % at 40.0 s" in text
    assert "at the planned step from base to peak at 40 s" in text
    for word in ("because", "caused", "due to", "led to"):
        assert word not in text
    assert text.count('class="whisker"') == 3
    assert text.count("by-plan") == 1


@pytest.mark.parametrize(
    ("lag", "said"),
    [
        (
            Lag("p95", "pool", 52, 50, 2, 0.8, 3.1, "before"),
            "pool moved 2.0 s (0.8–3.1 s) before p95.",
        ),
        (
            Lag("p95", "pool", 52, 54, -2, -3.1, -0.8, "after"),
            "pool moved 2.0 s (0.8–3.1 s) after p95.",
        ),
        (
            Lag("p95", "pool", 52, 51.5, 0.5, -1, 2, ""),
            "pool moved at 51.5 s; no order can be told (from 2.0 s before to 1.0 s after).",
        ),
    ],
)
def test_lags_in_words(lag: Lag, said: str) -> None:
    assert leadlag.sentence(lag) == said


def test_nothing_moved_is_said_and_too_little_is_missing() -> None:
    analysis = peak()
    assert analysis.lead_lag is not None
    still = LeadLag(tuple(replace(s, changes=()) for s in analysis.lead_lag.strips), (), 9)
    calm = replace(analysis, lead_lag=still)
    text = section(render(calm), "lead-lag")
    assert "Nothing changed its level: in the measured stages 9 series" in text
    assert "<svg" not in text
    short = replace(analysis, lead_lag=None)
    assert "lead-lag" not in [s.key for s in present(short)]
    assert "Lead and lag" in absent(short)


def test_what_service_time_repeats_is_told_once() -> None:
    analysis = peak()
    assert analysis.lead_lag is not None
    first, *rest = analysis.lead_lag.strips
    again = replace(first, name="p95 service time")
    both = replace(analysis.lead_lag, strips=(first, again, *rest))
    found = leadlag.shown(replace(analysis, lead_lag=both), frame(analysis))
    assert found is not None
    assert len(found.lanes) == 4
    assert len(found.moved) == 1
