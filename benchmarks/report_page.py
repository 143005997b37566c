"""How quickly the report of a long run opens, scrolls and zooms in a real browser.

    python benchmarks/report_page.py [--report FILE] [--seconds 600] [--chromium PATH] [--json]

Without ``--report`` the page is that of a bundle made for it (benchmarks/long_bundle.py). Measured
are: bytes; the first paint and the first chart on the screen; frames (requestAnimationFrame) while
a wheel scrolls the page from end to end, while ctrl-wheel zooms in and out, while a drag selects a
window, while shift-drag pans, and while the crosshair moves; and long tasks (over 50 ms, as the
browser reports them) meanwhile. A frame is as long as the screen takes, 16.7 ms at best. The
browser draws in software here where there is no GPU; two busy cores make it slower still.

Exit status 1 when the page is larger than 3 MB, the first chart comes later than 1 s, or a frame
takes longer than 250 ms.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from long_bundle import make

from loadkit.analyse import analyse
from loadkit.bundle.reader import load_run
from loadkit.report.html import render

MOST_BYTES = 3_000_000
FIRST_CHART_MS = 1000.0
LONGEST_FRAME_MS = 250.0
_ARGUMENTS = ("--no-sandbox", "--disable-background-networking", "--no-first-run")
_WATCH = """() => {
  const frames = [], tasks = [];
  let last = null, on = true;
  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) tasks.push(entry.duration);
  });
  observer.observe({ entryTypes: ["longtask"] });
  const step = (now) => {
    if (last !== null) frames.push(now - last);
    last = now;
    if (on) requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
  window.endWatch = () => { on = false; observer.disconnect(); return { frames, tasks }; };
}"""
_FIRST = """() => {
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return { paint: paint ? paint.startTime : null, ready: window.chartsReady };
}"""
# The first frame after the first chart was laid out, and the first after the scripts ran.
_BEFORE = """
  new MutationObserver((_, observer) => {
    if (!document.querySelector(".chart .plot > svg path")) return;
    observer.disconnect();
    requestAnimationFrame(() => setTimeout(() => { window.firstChart = performance.now(); }));
  }).observe(document, { childList: true, subtree: true });
  addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => setTimeout(() => {
    window.chartsReady = performance.now();
  })));
"""


def measure(page: Page, act: Callable[[Page], None]) -> dict[str, Any]:
    """Frames and long tasks (ms) while something is done."""
    page.wait_for_timeout(300)
    page.evaluate(_WATCH)
    act(page)
    found = page.evaluate("window.endWatch()")
    frames = sorted(found["frames"])

    def at(q: float) -> float:
        return float(round(frames[min(len(frames) - 1, int(q * len(frames)))], 1))

    return {
        "frames": len(frames),
        "p50_ms": at(0.5),
        "p95_ms": at(0.95),
        "p99_ms": at(0.99),
        "max_ms": round(frames[-1], 1),
        "long_tasks": len(found["tasks"]),
        "longest_task_ms": round(max(found["tasks"], default=0.0), 1),
    }


def _plot(page: Page, chart: str) -> tuple[float, float, float]:
    plot = page.locator(f"#chart-{chart} .plot")
    # Not scroll_into_view_if_needed: it waits for an element that a live page puts another in for.
    plot.evaluate("plot => plot.scrollIntoView({ block: 'center', behavior: 'instant' })")
    box = plot.bounding_box()
    assert box is not None
    return box["x"], box["y"] + box["height"] / 2, box["width"]


def scroll(page: Page) -> None:
    """From top to bottom and back, by the wheel."""
    page.mouse.move(640, 450)
    height = page.evaluate("document.documentElement.scrollHeight")
    for direction in (1, -1):
        for _ in range(int(height / 400) + 2):
            page.mouse.wheel(0, direction * 400)
            page.wait_for_timeout(30)


def zoom(page: Page) -> None:
    """In and out at three places."""
    x, y, width = _plot(page, "heat")
    page.keyboard.down("Control")
    for part in (0.3, 0.6, 0.9):
        page.mouse.move(x + part * width, y)
        for direction in (-1, 1):
            for _ in range(18):
                page.mouse.wheel(0, direction * 120)
                page.wait_for_timeout(16)
    page.keyboard.up("Control")


def _drag(page: Page, first: float, last: float) -> None:
    x, y, width = _plot(page, "latency")
    page.mouse.move(x + first * width, y)
    page.mouse.down()
    for n in range(1, 61):
        page.mouse.move(x + (first + (last - first) * n / 60) * width, y)
        page.wait_for_timeout(8)
    page.mouse.up()


def select(page: Page) -> None:
    """A window over most of the run, by the pointer."""
    _drag(page, 0.1, 0.9)


def pan(page: Page) -> None:
    """To and fro, zoomed to a tenth."""
    page.keyboard.press("Escape")
    page.evaluate("Page.charts().zoom(200, 260)")
    page.keyboard.down("Shift")
    _drag(page, 0.9, 0.1)
    _drag(page, 0.1, 0.9)
    page.keyboard.up("Shift")
    page.evaluate("Page.charts().all()")


def crosshair(page: Page) -> None:
    """Over the heat map, all the way."""
    x, y, width = _plot(page, "heat")
    for n in range(120):
        page.mouse.move(x + n / 120 * width, y + (n % 40) - 20)
        page.wait_for_timeout(8)


ACTS = (scroll, zoom, select, pan, crosshair)


def look(file: Path, chromium: str) -> dict[str, Any]:
    """Everything measured about a page on the disk."""
    result: dict[str, Any] = {"bytes": file.stat().st_size}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=list(_ARGUMENTS))
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.add_init_script(_BEFORE)
            page.goto(file.as_uri())
            while not page.evaluate("window.chartsReady && window.firstChart"):
                page.wait_for_timeout(100)
            first = page.evaluate(_FIRST)
            result["first_paint_ms"] = round(first["paint"] or 0.0)
            result["first_chart_ms"] = round(page.evaluate("window.firstChart"))
            result["scripts_ready_ms"] = round(first["ready"])
            for act in ACTS:
                result[act.__name__] = measure(page, act)
        finally:
            browser.close()
    return result


def verdict(result: dict[str, Any]) -> list[str]:
    """What is beyond the limits."""
    said = []
    if result["bytes"] > MOST_BYTES:
        said.append(f"{result['bytes']:,} bytes, more than {MOST_BYTES:,}")
    if result["first_chart_ms"] > FIRST_CHART_MS:
        said.append(f"first chart after {result['first_chart_ms']} ms")
    for act in ACTS:
        longest = result[act.__name__]["max_ms"]
        if longest > LONGEST_FRAME_MS:
            said.append(f"{act.__name__}: a frame of {longest} ms")
    return said


def _print(result: dict[str, Any]) -> None:
    print(f"{'bytes':<18}{result['bytes']:>12,}")
    for key in ("first_paint_ms", "first_chart_ms", "scripts_ready_ms"):
        print(f"{key:<18}{result[key]:>12,}")
    keys = list(result[ACTS[0].__name__])
    print(f"\n{'':<12}" + "".join(f"{key:>17}" for key in keys))
    for act in ACTS:
        values = result[act.__name__].values()
        print(f"{act.__name__:<12}" + "".join(f"{value:>17}" for value in values))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--report", type=Path)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = options.report
        if file is None:
            bundle = make(Path(folder) / "long", options.seconds)
            file = Path(folder) / "report.html"
            file.write_text(render(analyse(load_run(bundle))), encoding="utf-8")
        result = look(file.resolve(), options.chromium)
    if options.json:
        print(json.dumps(result, indent=1))
    else:
        _print(result)
    wrong = verdict(result)
    for text in wrong:
        print(f"too much: {text}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
