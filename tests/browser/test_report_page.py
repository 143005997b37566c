"""The report in a real browser: what it does, and what it does without scripts and on paper."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "report"))

from report_sample import VARIANTS, peak

from loadkit.report import units
from loadkit.report.html import render

pytestmark = pytest.mark.browser

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]

Opener = Callable[..., Page]


@pytest.fixture(scope="module")
def driver() -> Iterator[Playwright]:
    if _CHROMIUM is None:
        pytest.skip("no chromium on PATH: the report was not looked at in a browser")
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="module")
def browser(driver: Playwright) -> Iterator[Browser]:
    found = driver.chromium.launch(executable_path=_CHROMIUM, args=_ARGUMENTS)
    yield found
    found.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Opener]:
    """Opens a variant; at the end nothing may have been said or asked for beyond the file."""
    complaints: list[str] = []
    requests: list[str] = []
    contexts = []

    def open_(name: str = "peak", **options: Any) -> Page:
        path = tmp_path / f"{name}.html"
        path.write_text(render(VARIANTS[name]()), encoding="utf-8")
        options.setdefault("viewport", {"width": 1280, "height": 900})
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
    assert len([url for url in requests if url.startswith("file:")]) == len(contexts)


def _view(page: Page) -> list[tuple[float, float]]:
    """From and length of the time shown, of each chart."""
    boxes = page.eval_on_selector_all(
        ".plot > svg", "all => all.map(svg => svg.getAttribute('viewBox'))"
    )
    parts = [[float(part) for part in box.split()] for box in boxes]
    return [(part[0], part[2]) for part in parts]


def _at(page: Page, chart: str, share: float) -> tuple[float, float]:
    """A point in a plot, in pixels of the window."""
    plot = page.locator(f"#chart-{chart} .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    return box["x"] + share * box["width"], box["y"] + box["height"] / 2


def _values(page: Page, chart: str) -> dict[str, str]:
    found: dict[str, str] = page.eval_on_selector_all(
        f"#chart-{chart} .legend button",
        "all => Object.fromEntries(all.map(b => ["
        "b.querySelector('span').textContent, b.querySelector('output').textContent]))",
    )
    return found


def _drag(page: Page, chart: str, first: float, last: float) -> None:
    x0, y = _at(page, chart, first)
    x1, _ = _at(page, chart, last)
    page.mouse.move(x0, y)
    page.mouse.down()
    page.mouse.move((x0 + x1) / 2, y)
    page.mouse.move(x1, y)
    page.mouse.up()


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("width", [1280, 800])
def test_no_variant_is_wider_than_the_window(opened: Opener, name: str, width: int) -> None:
    page = opened(name, viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_crosshair_shows_the_data_in_all_charts(opened: Opener) -> None:
    page = opened()
    x, y = _at(page, "latency", (83.5) / 145)
    page.mouse.move(x, y)
    analysis = peak()
    for chart, lines, show in (
        ("load", analysis.rate_lines, units.rate),
        ("latency", analysis.latency_lines, units.duration),
        ("errors", analysis.error_lines, units.rate),
        ("saturation", analysis.saturation_lines, units.percent),
    ):
        assert _values(page, chart) == {line.name: show(line.y[83]) for line in lines}
    crosses = page.locator(".cross:visible")
    assert crosses.count() == 6
    assert "peak" in crosses.first.inner_text() and "1:23" in crosses.first.inner_text()


def test_the_crosshair_stands_over_its_instant(opened: Opener) -> None:
    page = opened()
    page.mouse.move(*_at(page, "errors", 0.25))
    lefts = page.eval_on_selector_all(".cross", "all => all.map(c => parseFloat(c.style.left))")
    assert lefts == pytest.approx([25.0] * 6, abs=0.2)


def test_a_gap_is_a_dash(opened: Opener) -> None:
    page = opened()
    page.mouse.move(*_at(page, "saturation", 122.5 / 145))
    assert set(_values(page, "saturation").values()) == {"—"}
    assert "—" not in _values(page, "load").values()


def test_a_window_zooms_all_charts_and_their_labels(opened: Opener) -> None:
    page = opened()
    page.wait_for_selector(".part:not(.settled)", state="detached")  # then its height stays
    _drag(page, "load", 0.4, 0.6)
    height = page.evaluate("document.documentElement.scrollHeight")
    page.locator("#window [data-act=zoom]").click()
    views = _view(page)
    assert len(views) == 6 and len(set(views)) == 1
    assert views[0] == (58.0, 29.0)
    labels = page.locator("#chart-alerts .times span").all_inner_texts()
    assert labels[0] == "1:00" and labels[-1] == "1:25"
    assert page.locator("#chart-load .chip.t2").first.inner_text() == "peak"
    assert page.locator("#chart-load .chip", has_text="recovery").is_hidden()
    assert page.evaluate("document.documentElement.scrollHeight") == height
    page.locator("#reset").click()
    assert _view(page) == [(0.0, 145.0)] * 6
    assert page.locator("#reset").is_disabled()


def test_shift_drag_pans_and_stops_at_the_end(opened: Opener) -> None:
    page = opened()
    _drag(page, "load", 0.4, 0.6)
    page.locator("#window [data-act=zoom]").click()
    page.keyboard.down("Shift")
    _drag(page, "latency", 0.8, 0.3)
    start, length = _view(page)[0]
    assert start == pytest.approx(58 + 14.5, abs=1) and length == pytest.approx(29, abs=0.5)
    for _ in range(6):
        _drag(page, "latency", 0.95, 0.05)
    page.keyboard.up("Shift")
    assert sum(_view(page)[0]) == pytest.approx(145.0)


def test_the_wheel_zooms_with_control_only(opened: Opener) -> None:
    page = opened()
    page.mouse.move(*_at(page, "load", 0.5))
    page.keyboard.down("Control")
    page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    expect(page.locator("#reset")).to_be_enabled()
    start, length = _view(page)[0]
    assert length == pytest.approx(116.0) and start == pytest.approx(14.5, abs=0.5)
    page.mouse.dblclick(*_at(page, "load", 0.5))
    assert _view(page)[0] == (0.0, 145.0)


def test_keys_move_the_crosshair_and_are_spoken(opened: Opener) -> None:
    page = opened()
    page.locator("#chart-latency").focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("#chart-latency .cross b").inner_text()
    page.keyboard.press("ArrowRight")
    second = page.locator("#chart-latency .cross b").inner_text()
    assert (first.split()[0], second.split()[0]) == ("1:12.5", "1:13.5")
    expected = units.duration(peak().latency_lines[1].y[73])
    assert _values(page, "latency")["p95"] == expected
    expect(page.locator("#spoken")).to_contain_text(f"p95 {expected}")
    page.keyboard.press("+")
    assert _view(page)[0][1] == pytest.approx(72.5)
    page.keyboard.press("0")
    assert _view(page)[0] == (0.0, 145.0)
    page.keyboard.press("Escape")
    assert page.locator(".cross:visible").count() == 0


def test_a_legend_button_hides_its_line(opened: Opener) -> None:
    page = opened()
    button = page.locator("#chart-latency button", has_text="p99.9")
    line = page.locator('#chart-latency g[data-series="3"]')
    assert button.get_attribute("aria-pressed") == "true"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert line.evaluate("g => getComputedStyle(g).display") == "none"
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert line.evaluate("g => getComputedStyle(g).display") == "inline"


def test_the_toggle_turns_light_into_dark(opened: Opener) -> None:
    page = opened(color_scheme="light")
    back = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(back) == "rgb(246, 247, 249)"
    page.locator("#theme").click()
    assert page.evaluate(back) == "rgb(20, 22, 26)"
    page.emulate_media(media="print")
    assert page.evaluate(back) == "rgb(255, 255, 255)"


def test_dark_is_followed_without_a_click(opened: Opener) -> None:
    page = opened(color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 22, 26)"


def test_a_flame_can_be_enlarged_and_given_back(opened: Opener) -> None:
    page = opened()
    figure = page.locator(".flame:not(.difference)").first
    frame = figure.locator("g[data-depth='3']", has_text="track_cost")
    frame.click()
    assert frame.locator("rect").get_attribute("width") == "100%"
    figure.locator("g.root").click()
    assert frame.locator("rect").get_attribute("width") != "100%"
    frame.hover()
    assert "track_cost" in figure.locator(".flame-name").inner_text()


def test_everything_is_there_without_scripts(opened: Opener) -> None:
    page = opened(java_script_enabled=False)
    assert page.locator(".plot > svg").count() == 6
    assert page.locator("#chart-load .times span").first.inner_text() == "0:00"
    assert page.locator(".flame svg text").first.is_visible()
    assert page.locator("#theme").is_hidden() and page.locator(".hint").is_hidden()
    page.locator("#chart-latency .values summary").click()
    cells = page.locator("#chart-latency .values tbody tr").nth(83).locator("td")
    expected = [units.duration(line.y[83]) for line in peak().latency_lines]
    assert cells.all_inner_texts() == ["1:23", *expected]


def test_paper_is_light_and_whole(opened: Opener, tmp_path: Path) -> None:
    page = opened(color_scheme="dark")
    content = page.pdf(format="A4", print_background=True)
    (tmp_path / "report.pdf").write_bytes(content)
    assert content.startswith(b"%PDF") and len(content) > 50_000
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 without its margins
    assert page.evaluate("document.documentElement.scrollWidth") == 718
    assert page.locator(".bar").is_hidden() and page.locator(".hint").is_hidden()
    assert page.locator("h1").is_visible()


def test_text_of_a_run_does_not_run(opened: Opener) -> None:
    page = opened("crowded")
    assert page.locator("h1").inner_text() == "<script>alert('x')</script> & more"
    assert page.evaluate("document.scripts.length") == 2


def test_labels_of_rows_and_ticks_are_not_clipped_or_piled_up(opened: Opener) -> None:
    page = opened()
    clipped = page.eval_on_selector_all(
        ".tick-y, .number b, .times span",
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)",
    )
    assert clipped == []
    piled: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('.plot')].flatMap(plot => {
            const boxes = [...plot.querySelectorAll('.tick-y')].map(e => e.getBoundingClientRect());
            const meet = (a, b) => b.bottom > a.top + 2 && b.top < a.bottom - 2;
            return boxes.slice(1).filter((b, n) => meet(boxes[n], b))
                .map(() => plot.parentElement.parentElement.id);
        })"""
    )
    assert piled == []


def test_ten_numbers_of_the_page_are_those_of_the_run(opened: Opener) -> None:
    page = opened()
    stage = next(s for s in peak().stages if s.name == "peak")
    cells = page.locator("#stages tbody tr", has_text="peak").first.locator("td").all_inner_texts()
    times = stage.response
    expected = [
        units.rate(stage.achieved),
        units.count(stage.count),
        units.percent(stage.error_ratio),
        *(
            units.duration(value)
            for value in (times.p50, times.p90, times.p95, times.p99, times.p999, times.max)
        ),
    ]
    assert [cell.strip() for cell in cells[5:]] == expected
    total = units.count(peak().accounting.completed)
    assert page.locator(".number", has_text="Completed").locator("b").inner_text() == total


def test_the_scripts_numbers_read_like_ours(opened: Opener) -> None:
    page = opened()
    values = [
        1.2e-8,
        4.2e-7,
        0.00042,
        0.0009996,
        0.012349,
        0.41,
        0.9996,
        1.2345,
        99.96,
        130.0,
        4000.0,
    ]
    data = page.evaluate("values => values.map(v => Charts.show('duration', v))", values)
    assert data == [units.duration(value) for value in values]
    rates = [0.0, 0.1234, 9.996, 149.87, 1234.5]
    shown = page.evaluate("values => values.map(v => Charts.show('rate', v))", rates)
    assert shown == [units.rate(value) for value in rates]
