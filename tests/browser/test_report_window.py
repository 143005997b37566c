"""A window of the charts: its numbers against the tables, by other code, and its link.

Percentiles are worked out from the Parquet files as docs/numbers.md describes them.
"""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from long_bundle import make

from loadkit.report import units

pytestmark = pytest.mark.browser

EXAMPLE = Path(__file__).parents[2] / "reports" / "example"
MOST_BYTES = 3_000_000
QUANTILES = (0.5, 0.95, 0.99)
Opener = Callable[..., Page]


def report(bundle: Path, file: Path, *more: str) -> Path:
    command = [sys.executable, "-m", "loadkit", "report", str(bundle), "--output", str(file)]
    subprocess.run([*command, *more], check=True, capture_output=True)
    return file


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on PATH: the report was not looked at in a browser")
    with sync_playwright() as driver:
        found = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        found.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of the example's report, of a long run's, and of one against the other."""
    folder = tmp_path_factory.mktemp("reports")
    long = make(folder / "long", seconds=600, operations=20, rate=1000)
    return {
        "example": report(EXAMPLE, folder / "example.html"),
        "long": report(long, folder / "long.html"),
        "long-bundle": long,
        "both": report(long, folder / "both.html", "--baseline", str(EXAMPLE)),
    }


@pytest.fixture
def opened(browser: Browser, pages: dict[str, Path]) -> Iterator[Opener]:
    complaints: list[str] = []
    contexts = []

    def open_(name: str = "example", hash_: str = "", **options: Any) -> Page:
        context = browser.new_context(viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(pages[name].as_uri() + hash_)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert complaints == []


def _edges(bucket: int) -> tuple[int, int]:
    """64 buckets for each power of two, of the table seconds: first value and width, ns."""
    if bucket < 128:
        return bucket, 1
    octave, part = divmod(bucket, 64)
    width = 1 << (octave - 1)
    return (64 + part) * width, width


def numbers(bundle: Path, start: int, end: int) -> dict[str, Any]:
    """Requests, errors, completions and percentiles (s) of [start, end), from the tables."""
    counts: Counter[str] = Counter()
    values: dict[str, Counter[int]] = {"response": Counter(), "service": Counter()}
    ends: dict[str, list[int]] = {"response": [], "service": []}
    for row in pq.read_table(bundle / "tables" / "seconds.parquet").to_pylist():
        measure = row["measure"]
        if not start <= row["second"] < end or measure not in values:
            continue
        if measure == "response":
            counts[row["outcome"]] += row["count"]
        if row["outcome"] != "cancelled":
            ends[measure] += [row["min_ns"], row["max_ns"]]
            for bucket, count in zip(row["buckets"], row["counts"], strict=True):
                values[measure][bucket] += count
    flow = pq.read_table(bundle / "tables" / "flow.parquet").to_pylist()
    return {
        "due": counts.total(),
        "failed": counts.total() - counts["ok"],
        "completed": sum(
            row["count"]
            for row in flow
            if row["event"] == "completed" and start <= row["second"] < end
        ),
        **{
            measure: [_nearest_rank(found, ends[measure], q) for q in QUANTILES]
            for measure, found in values.items()
        },
    }


def _nearest_rank(values: Counter[int], ends: list[int], q: float) -> float | None:
    total = values.total()
    if not total:
        return None
    rank = max(1, math.ceil(round(q * total, 9)))
    if rank >= total:
        return max(ends) / 1e9
    for bucket in sorted(values):
        rank -= values[bucket]
        if rank <= 0:
            low, width = _edges(bucket)
            return min(max(low + (width - 1) / 2, min(ends)), max(ends)) / 1e9
    raise AssertionError("fewer values than their count")


def asked(page: Page, start: int, end: int, run: str = "timeline") -> dict[str, Any]:
    """What the page's own code says of a stretch, unrounded."""
    found: dict[str, Any] = page.evaluate(
        """([run, a, b]) => {
            const data = JSON.parse(document.getElementById("data").textContent);
            const own = run === "timeline" ? data.timeline : data.before.timeline;
            return Histograms.timeline(own).numbers([[a, b]]);
        }""",
        [run, start, end],
    )
    return found


def cells(page: Page, prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = page.eval_on_selector_all(
        "#window td[data-slot]",
        "all => Object.fromEntries(all.map(e => [e.dataset.slot, e.textContent]))",
    )
    kept = {k: v for k, v in found.items() if k.startswith("before-") == bool(prefix)}
    return {key.removeprefix(prefix): text for key, text in kept.items()}


def expected(found: dict[str, Any], seconds: float) -> dict[str, str]:
    names = ("p50", "p95", "p99")
    return {
        "requests": units.count(found["due"]),
        "rate": units.rate(found["completed"] / seconds),
        "errors": units.percent(found["failed"] / found["due"]),
        **{
            f"{measure}-{name}": units.duration(value)
            for measure in ("response", "service")
            for name, value in zip(names, found[measure], strict=True)
        },
    }


def until(page: Page, expression: str) -> None:
    """Waits for what a script says; the page's policy forbids wait_for_function."""
    for _ in range(300):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"never: {expression}")


def drag(page: Page, chart: str, first: float, last: float) -> None:
    plot = page.locator(f"#chart-{chart} .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + first * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + (first + last) / 2 * box["width"], y)
    page.mouse.move(box["x"] + last * box["width"], y)
    page.mouse.up()


@pytest.mark.parametrize(("start", "end"), [(0, 140), (57, 99), (13, 14), (99, 131)])
def test_a_window_of_the_example_is_what_its_tables_say(
    opened: Opener, start: int, end: int
) -> None:
    page = opened()
    ours, theirs = numbers(EXAMPLE, start, end), asked(page, start, end)
    assert {key: theirs[key] for key in ours} == ours


@pytest.mark.parametrize(("start", "end"), [(0, 600), (331, 417), (505, 506)])
def test_a_window_of_a_long_run_is_what_its_tables_say(
    opened: Opener, pages: dict[str, Path], start: int, end: int
) -> None:
    page = opened("long")
    ours, theirs = numbers(pages["long-bundle"], start, end), asked(page, start, end)
    assert {key: theirs[key] for key in ours} == ours


def test_a_drag_shows_the_numbers_of_its_window(opened: Opener) -> None:
    page = opened()
    assert page.locator("#window").is_hidden()
    end = page.evaluate("JSON.parse(document.getElementById('data').textContent).end")
    drag(page, "errors", 60.5 / end, 95.2 / end)
    panel = page.locator("#window")
    expect(panel).to_be_visible()
    assert panel.locator(".when b").inner_text() == "1:00 to 1:36"
    shown = cells(page)
    busiest = shown.pop("busiest")
    assert shown == expected(numbers(EXAMPLE, 60, 96), 36)
    assert re.fullmatch(r".+ [\d.]+ %", busiest)
    brushes = page.locator(".brush:visible")
    assert brushes.count() >= 3
    lefts = page.eval_on_selector_all(".brush", "all => all.map(b => parseFloat(b.style.left))")
    assert lefts == pytest.approx([100 * 60 / end] * 6, abs=0.01)
    expect(page.locator("#spoken")).to_contain_text(f"{shown['requests']} requests")
    page.keyboard.press("Escape")
    assert panel.is_hidden() and page.locator(".brush:visible").count() == 0


def test_the_busiest_resource_has_the_highest_mean_of_the_window(opened: Opener) -> None:
    page = opened("example", "#t=60-96")
    means: dict[str, float] = page.evaluate(
        """() => {
            const all = JSON.parse(document.getElementById("data").textContent).charts.saturation;
            return Object.fromEntries(all.series.map(s => {
                const inside = s.y.filter((y, n) => y !== null && s.x[n] >= 60 && s.x[n] < 96);
                return [s.name, inside.reduce((a, b) => a + b, 0) / inside.length];
            }));
        }"""
    )
    name = max(means, key=lambda key: means[key])
    assert cells(page)["busiest"] == f"{name} {units.percent(means[name])}"


def test_the_window_is_right_after_a_zoom_too(opened: Opener) -> None:
    page = opened("example", "#zoom=50-110")
    drag(page, "load", 0.25, 0.5)
    assert page.locator("#window .when b").inner_text() == "1:05 to 1:20"
    shown = cells(page)
    shown.pop("busiest")
    assert shown == expected(numbers(EXAMPLE, 65, 80), 15)
    page.locator("#window [data-act=zoom]").click()
    box = page.locator("#chart-load svg").get_attribute("viewBox")
    assert box is not None and box.split()[::2] == ["65", "15"]
    left = page.locator("#chart-load .brush").evaluate("b => [b.style.left, b.style.width]")
    assert left == ["0%", "100%"]


def test_an_edge_of_the_window_can_be_moved(opened: Opener) -> None:
    page = opened("example", "#t=60-80")
    end = page.evaluate("JSON.parse(document.getElementById('data').textContent).end")
    drag(page, "load", 80 / end, 100 / end - 0.0005)
    assert page.locator("#window .when b").inner_text() == "1:00 to 1:40"


def test_keys_select_extend_and_clear(opened: Opener) -> None:
    page = opened()
    page.locator("#chart-latency").focus()
    page.keyboard.press("ArrowRight")
    at = page.locator("#chart-latency .cross b").inner_text().split()[0]
    assert at == "1:20.5"
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    assert page.locator("#window .when b").inner_text() == "1:20 to 1:23"
    page.keyboard.press("Control+Shift+ArrowRight")
    assert page.locator("#window .when b").inner_text() == "1:20 to 1:33"
    page.keyboard.press("Shift+ArrowLeft")
    assert page.locator("#window .when b").inner_text() == "1:20 to 1:32"
    shown = cells(page)
    shown.pop("busiest")
    assert shown == expected(numbers(EXAMPLE, 80, 92), 12)
    page.keyboard.press("Enter")
    box = page.locator("#chart-load svg").get_attribute("viewBox")
    assert box is not None and box.split()[::2] == ["80", "12"]
    page.keyboard.press("Escape")
    assert page.locator("#window").is_hidden()
    page.keyboard.press("0")
    expect(page.locator("#reset")).to_be_disabled()


def test_the_heat_map_reads_its_cells(opened: Opener) -> None:
    page = opened()
    plot = page.locator("#chart-heat .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    end = page.evaluate("JSON.parse(document.getElementById('data').textContent).end")
    bounds = page.evaluate(
        "JSON.parse(document.getElementById('data').textContent).charts.heat.heat.bounds"
    )
    row, second = 24, 70
    x = box["x"] + (second + 0.5) / end * box["width"]
    page.mouse.move(x, box["y"] + (1 - (row + 0.5) / 60) * box["height"])
    inside = sum(
        count
        for found in pq.read_table(EXAMPLE / "tables" / "seconds.parquet").to_pylist()
        if found["measure"] == "response" and found["second"] == second
        for bucket, count in zip(found["buckets"], found["counts"], strict=True)
        if bounds[row] <= bucket < bounds[row + 1]
    )
    low, (last, width) = _edges(bounds[row])[0], _edges(bounds[row + 1] - 1)
    edges = f"{units.duration(low / 1e9)} to {units.duration((last + width) / 1e9)}"
    assert page.locator("#chart-heat .reading").inner_text() == f"{edges}: {inside} in 1 s"
    page.locator("#chart-heat").focus()
    page.keyboard.press("ArrowUp")
    assert page.locator("#chart-heat .reading").inner_text().startswith(edges.split(" to ")[1])
    expect(page.locator("#spoken")).to_contain_text("in 1 s")


def test_an_address_opens_a_window_and_hides_a_series(opened: Opener) -> None:
    page = opened("example", "#t=60-96&zoom=40-120&hide=latency%3Ap99.9,load%3Aoffered")
    assert page.locator("#window .when b").inner_text() == "1:00 to 1:36"
    box = page.locator("#chart-load svg").get_attribute("viewBox")
    assert box is not None and box.split()[::2] == ["40", "80"]
    pressed = page.eval_on_selector_all(
        ".legend button[aria-pressed=false]", "all => all.map(b => b.innerText.trim())"
    )
    assert sorted(pressed) == ["offered", "p99.9"]
    # The charts are in sight: the browser knows no such anchor.
    top = page.locator("#charts").evaluate("e => e.getBoundingClientRect().top")
    assert abs(top) < 100


def test_the_address_follows_without_filling_the_history(opened: Opener) -> None:
    page = opened()
    before = page.evaluate("history.length")
    drag(page, "load", 0.2, 0.4)
    until(page, "location.hash === '#t=32-65'")
    page.locator("#chart-latency button", has_text="p50").click()
    until(page, "location.hash === '#t=32-65&hide=latency%3Ap50'")
    assert page.evaluate("history.length") == before
    page.reload()
    assert page.locator("#window .when b").inner_text() == "0:32 to 1:05"
    page.locator("#window [data-act=clear]").click()
    until(page, "location.hash === '#hide=latency%3Ap50'")


def test_the_link_can_be_copied(opened: Opener) -> None:
    page = opened("example", "#t=32-65", permissions=["clipboard-read", "clipboard-write"])
    page.locator("#window [data-act=copy]").click()
    expect(page.locator("#window [data-slot=told]")).to_have_text("Link copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == page.url and copied.endswith("#t=32-65")


def test_nonsense_in_an_address_shows_the_whole_run(opened: Opener) -> None:
    page = opened("example", "#t=96-60&zoom=x-y&hide=%E0%A4%A,nothing")
    assert page.locator("#window").is_hidden()
    assert page.locator("#reset").is_disabled()
    page = opened("example", "#t=5000-6000")
    assert page.locator("#window .when b").inner_text().endswith(" to 2:41")


def test_findings_and_alerts_lead_to_their_time(opened: Opener) -> None:
    page = opened()
    link = page.locator("#alerts tbody tr", has_text="HighErrorRate").first.locator("a.script")
    href = link.get_attribute("href")
    assert href is not None and href.startswith("#t=")
    link.click()
    expect(page.locator("#window")).to_be_visible()
    shown = page.locator("#window .when b").inner_text()
    start, end = (int(part) for part in href[3:].split("&")[0].split("-"))
    assert shown == f"{units.clock(start)} to {units.clock(end)}"
    firing = page.locator("#alerts tbody tr", has_text="HighErrorRate").first
    minutes, rest = firing.locator("td").all_inner_texts()[5].strip().split(":")
    assert start <= int(minutes) * 60 + float(rest) <= end
    missed = page.locator(".finding", has_text="objective-missed").first.locator("a.script")
    missed.click()
    assert page.locator("#window .when").inner_text().endswith("peak")


def test_replaced_content_keeps_what_a_reader_sees(opened: Opener, pages: dict[str, Path]) -> None:
    page = opened("example", "#t=60-96&zoom=40-120&hide=latency%3Ap50")
    page.locator("#chart-load .values summary").click()
    page.locator("#chart-errors").focus()
    page.keyboard.press("ArrowRight")
    shown = cells(page)
    text = pages["example"].read_text(encoding="utf-8")
    for _ in range(3):
        page.evaluate("async text => { Page.replace(await Page.read(text)); }", text)
    assert page.locator("#chart-load .values").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.id") == "chart-errors"
    assert cells(page) == shown
    assert page.locator(".cross:visible").count() >= 1
    button = page.locator("#chart-latency button", has_text="p50")
    assert button.get_attribute("aria-pressed") == "false"
    # One listener, not four: a click turns it over once, a key moves by one second.
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    page.locator("#chart-errors").focus()
    before = page.locator("#chart-errors .cross b").inner_text().split()[0]
    page.keyboard.press("ArrowRight")
    after = page.locator("#chart-errors .cross b").inner_text().split()[0]
    seconds = [int(t.split(":")[0]) * 60 + float(t.split(":")[1]) for t in (before, after)]
    assert seconds[1] - seconds[0] == pytest.approx(1.0)
    assert page.locator("#chart-load .cross").count() == 1


def test_a_reader_of_all_follows_the_growing_end(opened: Opener, pages: dict[str, Path]) -> None:
    page = opened()
    page.evaluate(
        "async text => { Page.replace(await Page.read(text)); }",
        pages["long"].read_text(encoding="utf-8"),
    )
    box = page.locator("#chart-load svg").get_attribute("viewBox")
    assert box is not None and box.split()[::2] == ["0", "600"]
    assert page.title().startswith("long:")


def test_two_runs_lie_over_each_other(opened: Opener) -> None:
    page = opened("both", "#t=300-330")
    lines = page.locator("#chart-latency path.before")
    assert lines.count() == 4 and lines.first.is_visible()
    places = page.evaluate("JSON.parse(document.getElementById('data').textContent).before.places")
    start, _, shift = next(place for place in places if place[0] <= 300 < place[1])
    assert (start, shift) == (300.0, 300.0 - 55.0)  # its peak began at 0:55
    theirs = numbers(EXAMPLE, 55, 85)
    shown = cells(page, "before-")
    assert shown == expected(theirs, 30)
    page.locator("#chart-latency").focus()
    page.keyboard.press("ArrowRight")
    value = page.locator("#chart-latency .legend output").first
    assert re.fullmatch(r".+ \(.+\)", value.inner_text())
    page.locator("#baseline").click()
    assert lines.first.is_hidden()
    assert "(" not in value.inner_text()
    until(page, "location.hash.includes('baseline=off')")
    assert page.locator("#difference .caution").inner_text().startswith("Two single runs")


def test_ten_minutes_are_below_three_megabytes(pages: dict[str, Path]) -> None:
    assert pages["long"].stat().st_size < MOST_BYTES
    assert pages["both"].stat().st_size < MOST_BYTES


def test_ten_minutes_zoom_scroll_and_select(opened: Opener) -> None:
    page = opened("long")
    plot = page.locator("#chart-heat .plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 90)
    page.keyboard.down("Control")
    for _ in range(4):
        page.mouse.wheel(0, -120)
    page.keyboard.up("Control")
    until(
        page,
        "Math.abs(document.querySelector('#chart-heat svg').viewBox.baseVal.width - 245.76) < 1",
    )
    page.keyboard.down("Shift")
    drag(page, "latency", 0.9, 0.2)
    page.keyboard.up("Shift")
    start = page.locator("#chart-load svg").evaluate("s => s.viewBox.baseVal.x")
    assert start == pytest.approx(177.12 + 0.7 * 245.76, abs=3)
    drag(page, "saturation", 0.1, 0.9)
    expect(page.locator("#window")).to_be_visible()
    page.mouse.wheel(0, 20_000)
    until(page, "scrollY > 1000")
