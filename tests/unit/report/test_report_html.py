"""The page as text: whole, safe, deterministic, and reaching for nothing."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from report_sample import VARIANTS, bare, crowded, invalid, nothing, peak

from loadkit.analyse.result import Frame
from loadkit.report import books, flame, spantree
from loadkit.report.html import render, script_json
from loadkit.report.sections import SECTIONS

_VOID = {"meta", "link", "br", "hr", "img", "input", "rect", "path"}


class _Reader(HTMLParser):
    """Checks nesting; collects text, ids, links and what refers outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.outside: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self.open.append(tag)
        self._attributes(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._attributes(tag, attrs)

    def _attributes(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for key, value in attrs:
            text = value or ""
            if key == "id":
                self.ids.append(text)
            if key in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
                if text.startswith("#"):
                    self.links.append(text[1:])
                elif not text.startswith("data:"):
                    self.outside.append(f"{tag} {key}={text}")
            if key.startswith("on"):
                self.outside.append(f"{tag} {key}")

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.faults.append(tag)

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.words.append(data)


def read(page: str) -> _Reader:
    reader = _Reader()
    reader.feed(page)
    reader.close()
    return reader


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_is_whole_and_fetches_nothing(name: str) -> None:
    page = render(VARIANTS[name]())
    reader = read(page)
    assert reader.faults == [] and reader.open == []
    assert reader.outside == []
    assert len(reader.ids) == len(set(reader.ids))
    anchors = {link for link in reader.links if not link.startswith("t=")}  # the rest are windows
    assert anchors <= set(reader.ids)
    style = "".join(re.findall(r"<style>(.*?)</style>", page, re.S))
    assert re.findall(r"@import|url\(|@font-face", style) == []
    assert "None" not in "".join(reader.words) and "nan" not in "".join(reader.words)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_run_gives_the_same_bytes(name: str) -> None:
    assert render(VARIANTS[name]()).encode() == render(VARIANTS[name]()).encode()


def test_text_from_a_run_is_never_markup() -> None:
    page = render(crowded())
    assert "<script>alert" not in page
    assert page.count("<script") == 2 and page.count("</script>") == 2
    assert "&lt;script&gt;alert" in page


def test_data_cannot_end_its_script() -> None:
    nasty = "</script><!-- & \u2028"
    text = script_json({"name": nasty})
    assert not set(text) & set("<>&\u2028")
    assert json.loads(text) == {"name": nasty}


def test_order_of_the_page() -> None:
    page = render(peak())
    marks = ['id="verdict"', "How much can it take?", 'class="numbers"', 'id="charts"']
    marks += [f'class="part" id="{section.key}"' for section in SECTIONS]
    places = [page.index(mark) for mark in marks]
    assert places == sorted(places)


def test_the_page_says_what_the_run_said() -> None:
    text = re.sub(r"[ \n]+", " ", " ".join(read(render(peak())).words))
    for said in (
        "8.00\u00a0% of requests failed",
        "Slack had it 0.7\u00a0s later",
        "CRITICAL: HighErrorRate",
        "Error rate is 8.1% for the last 20 s, above 5%.",
        "no source: this stack has no job postgres",
        "4b" * 16,
        "alert-before-load",
        "Prometheus: no samples from 2:00 to 2:04.",
        "need not cause each other",
        "540 of 6,750 in peak",
    ):
        assert said in text, said


def test_what_was_not_recorded_is_named_and_not_drawn() -> None:
    page = render(bare())
    assert 'id="spans"' not in page and 'id="profiles"' not in page
    assert "Not part of this run: objectives, alerts, signals, span tree, profiles" in page
    assert "No request failed." in page


def test_unknown_numbers_are_said_to_be_unknown() -> None:
    text = " ".join(" ".join(read(render(nothing())).words).split())
    assert "unknown sent" in text and "unknown completed" in text
    assert "its CPU is not known" in text
    assert "0 completed" not in text


def test_an_invalid_run_says_so_first() -> None:
    page = render(invalid())
    assert '<html lang="en" data-verdict="invalid" data-state="complete">' in page
    assert page.index("The generator was the bottleneck") < page.index("How much can it take?")
    assert "CPU above 0.9 core" in page


def test_books_that_do_not_balance_are_marked() -> None:
    analysis = peak()
    wrong = replace(analysis.accounting, sent=(analysis.accounting.sent or 0) + 7, balanced=False)
    page = render(replace(analysis, accounting=wrong))
    assert "equation broken" in page and "≠" in page and "the books do not balance" in page


def test_equations_add_up() -> None:
    planned, sent, completed = books.equations(peak().accounting)
    assert planned.text == "planned 13,600 = started 13,600 + never started 0"
    assert sent.text == (
        "sent 13,600 = ok 13,058 + failed 540 + raised 0 + cancelled 2 + in flight 0"
    )
    assert (planned.holds, sent.holds, completed.holds) == (True, True, True)
    assert [e.holds for e in books.equations(nothing().accounting)] == [None, None]


def test_span_trees_are_compared_step_by_step() -> None:
    steps = spantree.steps(peak().span_trees[0])
    assert [s.name for s in steps][:3] == [
        "POST /api/v1/costs",
        "authenticate_user",
        "fetch_user_from_db",
    ]
    store = next(s for s in steps if s.name == "store_cost")
    assert store.times == "× 14.0" and store.slow is not None and store.slow.total == 100.0


def test_a_step_only_slow_requests_have_keeps_its_place() -> None:
    tree = peak().span_trees[0]
    retry = replace(tree.slow[10], name="retry")
    changed = replace(tree, slow=(*tree.slow[:11], retry, *tree.slow[11:]))
    steps = spantree.steps(changed)
    names = [s.name for s in steps]
    assert names[names.index("insert_database") + 1] == "retry"
    added = next(s for s in steps if s.name == "retry")
    assert added.typical is None and added.times == "—"


def test_flame_graphs_are_laid_out_by_samples() -> None:
    first = flame.flames(peak())[0]
    boxes = {box.short: box for box in first.boxes}
    assert boxes["service"].width == 100.0 and boxes["service"].depth == 0
    assert boxes["run_once"].width == 88.0
    assert boxes["run_once"].left == pytest.approx(11.0)
    assert boxes["app"].left >= boxes["run_once"].left
    assert first.height == first.rows * flame.ROW


def test_deep_and_narrow_flames_are_pruned() -> None:
    deep = Frame("leaf", 1)
    for n in range(200):
        deep = Frame(f"f{n}", 1000, (deep,))
    profile = replace(peak().profiles[0], flame=Frame("root", 1000, (deep,)))
    drawn = flame.flames(replace(peak(), profiles=(profile,)))[0]
    assert drawn.rows == flame.DEEPEST and drawn.cut
    assert "leaf" not in {box.name for box in drawn.boxes}
