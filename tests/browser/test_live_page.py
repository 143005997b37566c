"""The live page in a real browser: it follows a run, keeps what was set, ends as the report."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "live"))

from live_growing import Growing
from live_process import LiveProcess

from loadkit import load_run
from loadkit.analyse import analyse
from loadkit.report.html import render

pytestmark = pytest.mark.browser

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
_PATIENCE_MS = 120_000


@pytest.fixture
def page() -> Iterator[Page]:
    if _CHROMIUM is None:
        pytest.skip("no chromium on PATH: the live page was not looked at in a browser")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
        made = browser.new_page(viewport={"width": 1280, "height": 900})
        made.set_default_timeout(_PATIENCE_MS)
        yield made
        browser.close()


def _finish(grown: Growing) -> Path:
    grown.finish()
    text = render(analyse(load_run(grown.directory)))
    path = grown.directory / "report.html"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_run_is_followed_to_its_report(page: Page, tmp_path: Path) -> None:
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    grown = Growing(tmp_path / "run")
    headline, bar = page.locator("h1"), page.locator(".live-bar")
    with LiveProcess(grown.directory) as live:
        page.goto(live.url)
        expect(headline).to_contain_text("before the load began", timeout=_PATIENCE_MS)
        grown.begin()
        grown.grow(40)
        expect(headline).to_contain_text("40 s into", timeout=_PATIENCE_MS)
        expect(bar).to_have_attribute("data-state", "running")
        expect(page.locator(".pill").first).to_have_text("running")

        # What a reader does: hides a line, opens a table, scrolls.
        hidden = page.locator("#chart-latency .legend button", has_text="p99.9")
        hidden.click()
        page.locator("#chart-latency .values summary").click()
        chart = page.locator("#chart-latency")
        chart.evaluate(
            "e => scrollBy({ top: e.getBoundingClientRect().top - 100, behavior: 'instant' })"
        )
        place = chart.bounding_box()

        grown.grow(80)
        expect(headline).to_contain_text("80 s into", timeout=_PATIENCE_MS)
        assert hidden.get_attribute("aria-pressed") == "false"
        assert page.locator("#chart-latency .values").get_attribute("open") is not None
        again = chart.bounding_box()
        assert place is not None and again is not None
        assert abs(again["y"] - place["y"]) < 2

        # Held: nothing moves until the reader lets go.
        page.locator(".live-bar button").click()
        expect(bar).to_have_attribute("data-state", "held")
        report = _finish(grown)
        live.final()
        assert live.wait() == 0
        assert "80 s into" in headline.inner_text().replace("\u00a0", " ")
        page.locator(".live-bar button").click()
        expect(bar).to_have_attribute("data-state", "final", timeout=_PATIENCE_MS)

    _is_the_report(page, report)
    assert errors == []


def _is_the_report(page: Page, report: Path) -> None:
    """What is shown is what the report shows, though nobody serves it any more."""
    seen = page.evaluate("document.querySelector('main').textContent")
    title = page.title()
    page.goto(report.as_uri())
    expect(page.locator("h1")).to_be_visible()
    assert page.title() == title
    assert (
        "".join(seen.split())[:4000]
        == "".join(page.evaluate("document.querySelector('main').textContent").split())[:4000]
    )


def test_a_server_that_is_gone_is_said(page: Page, tmp_path: Path) -> None:
    grown = Growing(tmp_path / "run")
    grown.begin()
    grown.grow(15)
    with LiveProcess(grown.directory) as live:
        page.goto(live.url)
        expect(page.locator("h1")).to_contain_text("15 s into", timeout=_PATIENCE_MS)
    expect(page.locator(".live-bar")).to_have_attribute("data-state", "lost", timeout=_PATIENCE_MS)
    expect(page.locator(".live-said")).to_have_text("connection lost")
    expect(page.locator("h1")).to_contain_text("15 s into")


def test_nothing_is_green_while_it_runs(page: Page, tmp_path: Path) -> None:
    grown = Growing(tmp_path / "run")
    grown.begin()
    grown.grow(60)
    good = "getComputedStyle(document.documentElement).getPropertyValue('--good')"
    soft = "getComputedStyle(document.documentElement).getPropertyValue('--soft')"
    with LiveProcess(grown.directory) as live:
        page.goto(live.url)
        expect(page.locator("#objectives .status.passed").first).to_be_attached()
        assert page.evaluate(good) == page.evaluate(soft)
