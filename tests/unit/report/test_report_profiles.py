"""Profiles on the page: threads, peak against base, and the flame graph of both."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from report_sample import bare, peak

from loadkit.analyse.proportions import Estimate
from loadkit.report import profiling
from loadkit.report.flame_difference import DifferenceFlame, difference_flame
from loadkit.report.html import render


def _flame() -> DifferenceFlame:
    return difference_flame(peak().profile_differences[0])


def test_widths_are_the_mean_of_both_sides_and_siblings_do_not_overlap() -> None:
    boxes = {box.name: box for box in _flame().boxes}
    assert boxes["all"].width == boxes["thread MainThread"].width == 100
    assert boxes["gone (c.py)"].width == 15  # it has a place though it vanished
    assert boxes["burn (b.py)"].width == 20
    row = sorted((box for box in _flame().boxes if box.depth == 2), key=lambda box: box.left)
    for left, right in pairwise(row):
        assert right.left == pytest.approx(left.left + left.width)
    assert row[-1].left + row[-1].width == pytest.approx(100)


def test_colour_says_which_way_and_how_far() -> None:
    css = {box.name: box.css for box in _flame().boxes}
    assert css == {
        "all": "root", "thread MainThread": "same", "execute (sqlite3.py)": "up3",
        "burn (b.py)": "up3", "select (selectors.py)": "down3", "gone (c.py)": "down3",
        "steady (d.py)": "same",
    }  # fmt: skip
    burn = next(box for box in _flame().boxes if box.name == "burn (b.py)")
    assert burn.short == "+40 burn"
    assert "0 % at base, 40.0 % at peak, +40.0 (+36.0 to +44.0) points" in burn.title


def test_a_change_within_its_interval_has_no_colour() -> None:
    difference = peak().profile_differences[0]
    thread = difference.flame.children[0]
    unsure = replace(thread.children[1], change=Estimate(0.4, -0.1, 0.9))
    flame = replace(
        difference.flame, children=(replace(thread, children=(unsure, *thread.children[2:])),)
    )
    css = {box.name: box.css for box in difference_flame(replace(difference, flame=flame)).boxes}
    assert css["burn (b.py)"] == "same"
    without = replace(difference, flame=flame, note="No intervals: …")
    css = {box.name: box.css for box in difference_flame(without).boxes}
    assert css["burn (b.py)"] == "up3"


def test_appeared_and_vanished_have_tables_of_their_own() -> None:
    both, appeared, vanished = profiling.changes(peak().profile_differences[0])
    assert both.caption == "Seen in both"
    assert [row[0].text for row in both.rows] == [
        "select (selectors.py)", "execute (sqlite3.py)", "steady (d.py)",
    ]  # fmt: skip
    assert both.rows[0][3].text == "−30.0 (−34.0 to −26.0)"
    assert [row[5].text for row in both.rows] == ["clear", "clear", "—"]
    assert [row[0].text for row in appeared.rows] == ["burn (b.py)"]
    assert appeared.caption.startswith("Appeared")
    assert [row[0].text for row in vanished.rows] == ["gone (c.py)"]


def test_the_headline_names_the_strongest_or_nobody() -> None:
    difference = peak().profile_differences[0]
    assert "burn (b.py) took 40.0 % of the samples at peak and 0 % at base, +40.0" in (
        profiling.headline(difference)
    )
    steady = replace(difference, changes=difference.changes[-1:])
    assert "none took a share at peak that differs" in profiling.headline(steady)
    assert profiling.headline(replace(difference, changes=())).startswith("Of 5 functions none")
    assert profiling.headline(replace(difference, note="No intervals.")) == "No intervals."


def test_threads_show_shares_with_intervals_and_dashes_for_the_unknown() -> None:
    table = profiling.threads(peak().profiles[1])
    main, late = ([cell.text for cell in row] for row in table.rows)
    assert main == [
        "MainThread (4711)", "72 % (57 to 83)", "19 % (10 to 33)", "9 % (3 to 20)", "81.0 %",
        "EpollSelector.select (selectors.py)",
    ]  # fmt: skip
    assert late == ["late_0 (4720)", "0 %", "0 %", "100 %", "—", "—"]


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (Estimate(0.0, None, None), "0.0"),
        (Estimate(-0.0001, -0.02, 0.02), "0.0 (−2.0 to +2.0)"),
        (Estimate(0.105, 0.1, 0.11), "+10.5 (+10.0 to +11.0)"),
    ],
)
def test_points(estimate: Estimate, text: str) -> None:
    assert profiling.points(estimate) == text


def test_the_page_has_them_and_a_run_without_profiles_does_not() -> None:
    page = render(peak())
    assert "service: peak-profile against base-profile" in page
    assert "<code>profiles/peak-profile-service.speedscope.json</code>" in page
    assert "lock was held 71 % (64 to 78) of the time" in page
    assert "looked at 60 times" in page
    assert 'class="flame difference"' not in render(bare())
