"""Two runs side by side: matched by name, and what makes them hard to compare."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from analyse_run import NS, Book, mono, stage

from loadkit.analyse import analyse
from loadkit.analyse.difference import Difference, Place, difference, laid_over
from loadkit.analyse.result import Line
from loadkit.analyse.setting import digest
from loadkit.bundle.manifest import Manifest


def _book(took_s: float, start: int = 0, name: str = "peak", **manifest: Any) -> Book:
    """A stage ``base`` and one of ``name``, which begins at ``start + 3``."""
    book = Book(stage("base", start, 3), stage(name, start + 3, 3), **manifest)
    book.idle_generator(start + 6)
    book.up(0, start + 6.0)
    book.steady(start, start + 3, 10, 0.002)
    book.steady(start + 3, start + 6, 10, took_s)
    return book


def _against(now: Book, before: Book) -> Difference:
    a, b = now.run(), before.run()
    return difference(analyse(a), analyse(b), a.manifest, b.manifest)


def test_stages_and_operations_are_matched_by_name() -> None:
    now, before = _book(0.2), _book(0.1)
    for n in range(6):
        now.request(3.05 + n * 0.1, 0.2, outcome="failed")
    found = _against(now, before)
    assert [pair.stage for pair in found.stages] == ["base", "peak"]
    peak = found.stages[1]
    assert (peak.now.count, peak.before.count) == (36, 30)
    assert peak.now.error_ratio == pytest.approx(6 / 36) and peak.before.error_ratio == 0.0
    assert peak.now.p95 == pytest.approx(0.2, rel=0.002)
    assert peak.before.p95 == pytest.approx(0.1, rel=0.002)
    operation = next(pair for pair in found.operations if pair.stage == "peak")
    assert operation.operation == "GET /items"
    assert (operation.now.rate, operation.before.rate) == (12.0, 10.0)  # due, over 3 s
    assert found.obstacles == ()


def test_what_only_one_of_them_has_is_named_without_its_parts() -> None:
    now, before = _book(0.1), _book(0.1, name="other")
    now.request(1.5, 0.01, operation="GET /new")
    before.request(4.5, 0.01, operation="GET /old")
    before.request(1.5, 0.01, operation="GET /both")
    now.request(3.5, 0.01, operation="GET /both")
    found = _against(now, before)
    assert [pair.stage for pair in found.stages] == ["base"]
    assert found.only_now == ("stage peak", "operation GET /new")
    assert found.only_before == (
        "stage other",
        "operation GET /old",
        "operation GET /both in base",
    )


def test_saturations_are_means_of_the_stage() -> None:
    books = []
    for use in (0.9, 0.3):
        book = _book(0.1)
        for second in range(6):
            full = use if second >= 3 else 0.1
            book.rows["host"].append(
                {"mono_ns": mono(second + 0.5), "cpu_ratio": full, "memory_ratio": 0.5}
            )
        books.append(book)
    uses = {(use.stage, use.resource): use for use in _against(*books).uses}
    cpu = uses["peak", "machine CPU"]
    assert cpu.now == pytest.approx(0.9) and cpu.before == pytest.approx(0.3)
    assert uses["base", "machine CPU"].now == pytest.approx(0.1)


def test_alerts_of_either_run_are_told_and_silent_ones_are_not() -> None:
    now, before = _book(0.1), _book(0.1)
    now.alert("TooSlow", firing=[4.0, 4.7])
    before.alert("Gone", firing=[2.0, 2.7])
    before.alert("OnlyPending", pending=[2.0, 2.7])
    found = {one.name: one for one in _against(now, before).alerts}
    assert set(found) == {"TooSlow", "Gone"}
    assert found["TooSlow"].now == 1 and found["TooSlow"].now_s == pytest.approx(4.0)
    assert found["TooSlow"].before is None
    assert found["Gone"].before == 1 and found["Gone"].now is None


def test_findings_of_one_run_only() -> None:
    now, before = _book(0.1), _book(0.1)
    now.request(4.0, 0.1, outcome="failed")
    found = {(one.slug, one.here) for one in _against(now, before).findings}
    assert ("errors-appeared", True) in found
    assert all(slug != "errors-appeared" or here for slug, here in found)


SCENARIO = {"name": "peak", "stages": [], "slos": ["p95 < 1 s"], "seed": 0}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"host": {"cpus": 8}}, "CPUs 2, baseline 8"),
        ({"host": {"cpus": 2, "memory_bytes": 1 << 33}}, ""),
        ({"host": {}}, "machine one of them ran is not known"),
        ({"scenario": SCENARIO | {"slos": []}}, "slos differs"),
        ({"scenario": None}, "Only one of them declares a scenario"),
        ({"loadkit_version": "9"}, "Another version of loadkit: 0, baseline 9"),
        ({"versions": {"service": "2"}}, "service unknown, baseline 2"),
        ({"stack": {"kind": "embedded", "scale": 15}}, "divided by 1, baseline 15"),
        ({"stack": {"kind": "external"}}, "Another stack: unknown, baseline external"),
        ({"target": "http://user:pw@db:80/x"}, "Another target: unknown, baseline db:80"),
        ({"faults": ["error_rate=1@peak"]}, "Faults: none, baseline error_rate=1@peak"),
        ({"state": "interrupted"}, "The baseline is interrupted"),
    ],
)
def test_what_makes_them_hard_to_compare_is_said(changed: dict[str, Any], words: str) -> None:
    now = _book(0.1, scenario=SCENARIO)
    before = _book(0.1, **({"scenario": SCENARIO} | changed))
    said = " ".join(_against(now, before).obstacles)
    assert words in said
    assert (said == "") == (words == "")
    assert "pw" not in said


def test_another_plan_is_said_stage_by_stage() -> None:
    before = _book(0.1)
    before.manifest.stages[1]["load"]["from"] = 99.0
    assert _against(_book(0.1), before).obstacles == ("Planned otherwise: peak.",)


def test_a_generator_that_was_the_bottleneck_is_said() -> None:
    run, other = _book(0.1).run(), _book(0.1).run()
    analysis = analyse(run)
    broken = replace(analysis.generator, verdict="invalid", reasons=("it was late",))
    found = difference(
        analysis, replace(analyse(other), generator=broken), run.manifest, other.manifest
    )
    assert found.obstacles == ("The load generator of the baseline was invalid: it was late.",)


def test_stages_lie_over_those_of_their_name() -> None:
    found = _against(_book(0.1), _book(0.1, start=10))
    assert found.by_stage
    assert found.places == (Place(0.0, 3.0, -10.0), Place(3.0, 6.0, -10.0))
    line = Line("p95", "s", (9.0, 10.0, 11.0, 13.0), (9.0, 1.0, None, 3.0))
    over = laid_over(line, found.places)
    assert (over.x, over.y) == ((0.0, 1.0, 3.0), (1.0, None, 3.0))


def test_a_line_is_cut_where_stages_do_not_go_on() -> None:
    places = (Place(0.0, 2.0, 0.0), Place(5.0, 7.0, 3.0))
    line = Line("rate", "1/s", (0.0, 1.0, 2.0, 3.0), (1.0, 2.0, 3.0, 4.0))
    over = laid_over(line, places)
    assert over.y == (1.0, 2.0, None, 3.0, 4.0)
    assert over.x == (0.0, 1.0, 3.0, 5.0, 6.0)


def test_without_a_common_stage_the_starts_lie_together() -> None:
    now, before = _book(0.1), _book(0.1, name="other")
    before.manifest.stages[0]["name"] = "something"
    found = _against(now, before)
    assert not found.by_stage
    assert [(place.start_s, place.shift_s) for place in found.places] == [(0.0, 0.0)]


def test_a_digest_is_of_the_content_not_of_its_order() -> None:
    assert digest({"a": 1, "b": [1, 2]}) == digest({"b": [1, 2], "a": 1})
    assert digest({"a": 1}) != digest({"a": 2})


def test_a_run_against_itself_differs_in_nothing() -> None:
    found = _against(_book(0.1), _book(0.1))
    assert all(pair.now == pair.before for pair in (*found.stages, *found.operations))
    assert found.only_now == found.only_before == () and found.findings == ()
    assert found.obstacles == ()


def test_a_run_that_never_began_can_be_a_baseline() -> None:
    empty = Book(stage("peak", 0, 3), t0_mono_ns=None, load_end=None, end_mono_ns=None)
    found = _against(_book(0.1), empty)
    assert found.stages[0].before.count == 0 and found.stages[0].before.p95 is None
    assert isinstance(empty.manifest, Manifest) and NS == 10**9
