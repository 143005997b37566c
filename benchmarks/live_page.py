"""How smoothly a reader follows a run of ten minutes on its live page, in a real browser.

    python benchmarks/live_page.py [--seconds 600] [--operations 20] [--rate 100] [--json]

`loadkit run --live` drives the reference service with its stack; Chromium has the page open from
the first second to the final report. Twice a minute the page is left alone for some seconds while
it is brought up to date, scrolled by the wheel from end to end, and zoomed. Measured are frames and
long tasks as in report_page.py, how often the page was brought up to date, and the CPU time of
the process that makes it. The service, its stack, the load, the page's process and the browser
share the machine, so a frame is shorter where there are more cores.

Exit status 1 when a frame takes longer than 250 ms, when the page is larger than 3 MB, or when it
does not end as the report.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))

from report_page import LONGEST_FRAME_MS, MOST_BYTES, measure, scroll, zoom

_SCENARIO = """
from locust import task
from loadkit import HttpUser, Rate, Scenario, Stage

scenario = Scenario(
    [
        Stage("warm-up", load=Rate({rate} / 2), duration=10),
        Stage("steady", load=Rate({rate}), duration={seconds} - 10),
    ],
    slos=["p95 < 300 ms"],
    stack="embedded",
)


class Reader(HttpUser):
    number = 0

    @task
    def read(self):
        Reader.number += 1
        self.client.get("/api/v1/pricing", name=f"operation {{Reader.number % {operations}:02}}")
"""
_ARGUMENTS = ("--no-sandbox", "--disable-background-networking", "--no-first-run")
# The page is brought up to date by putting in a new <main>.
_COUNT = """
  window.renewed = 0;
  addEventListener("DOMContentLoaded", () => new MutationObserver((changes) => {
    for (const change of changes)
      for (const node of change.addedNodes) if (node.nodeName === "MAIN") window.renewed += 1;
  }).observe(document.body, { childList: true, subtree: true }));
"""
_ROUND_S = 30.0
_SETTLE_S = 90.0


@dataclass
class Followed:
    """What was seen: for each act the frames of every time, the renewals, the CPU, the end."""

    acts: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    renewed: int = 0
    cpu_s: float = 0.0
    page_bytes: int = 0
    report: bool = False

    def wrong(self) -> list[str]:
        """What is beyond the limits."""
        said = [
            f"{name}: a frame of {longest} ms"
            for name, all_times in self.acts.items()
            if (longest := max(one["max_ms"] for one in all_times)) > LONGEST_FRAME_MS
        ]
        if self.page_bytes > MOST_BYTES:
            said.append(f"{self.page_bytes:,} bytes, more than {MOST_BYTES:,}")
        if not self.report:
            said.append("the page did not end as the report")
        return said


@contextmanager
def running(folder: Path, text: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A run, and where its page is."""
    (folder / "long.py").write_text(text, encoding="utf-8")
    said = folder / "said.txt"  # a pipe that nobody reads would hold a long run up
    with said.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "loadkit", "run", "long.py", "--live"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
    try:
        yield process, _address(process, said)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait()


def _address(process: subprocess.Popen[str], said: Path) -> str:
    while process.poll() is None:
        found = re.search(r"live: (http://\S+)\s", said.read_text(encoding="utf-8"))
        if found:
            return found[1]
        time.sleep(0.1)
    raise SystemExit(f"the run did not say where its page is:\n{said.read_text(encoding='utf-8')}")


def follow(page: Page, process: subprocess.Popen[str], url: str) -> Followed:
    """Reads the page until it is final."""
    seen = Followed()
    maker = _maker(process)
    page.goto(url)
    acts: tuple[Callable[[Page], None], ...] = (left_alone, scroll, zoom)
    while process.poll() is None and _state(page) != "final":
        begun = time.monotonic()
        for act in acts:
            if page.locator("#chart-heat .plot").count():
                seen.acts[act.__name__].append(measure(page, act))
                page.evaluate("Page.charts().all()")
        seen.cpu_s = _cpu_s(maker, seen.cpu_s)
        while time.monotonic() < begun + _ROUND_S and _state(page) != "final":
            page.wait_for_timeout(200)
            seen.cpu_s = _cpu_s(maker, seen.cpu_s)
    deadline = time.monotonic() + _SETTLE_S
    while _state(page) != "final" and time.monotonic() < deadline:
        page.wait_for_timeout(200)
    seen.renewed = page.evaluate("window.renewed")
    return seen


def left_alone(page: Page) -> None:
    """Long enough to be brought up to date once or more."""
    page.wait_for_timeout(10_000)


def _maker(process: subprocess.Popen[str]) -> psutil.Process | None:
    for child in psutil.Process(process.pid).children(recursive=True):
        if "loadkit.live" in child.cmdline():
            return child
    return None


def _cpu_s(process: psutil.Process | None, before: float) -> float:
    try:
        times = process.cpu_times() if process else None
    except psutil.Error:
        return before
    return times.user + times.system if times else before


def _state(page: Page) -> str | None:
    bar = page.locator(".live-bar")
    return bar.get_attribute("data-state") if bar.count() else None


_WORDS = """() => {
  const main = document.querySelector("main").cloneNode(true);
  main.querySelectorAll(".cross").forEach((one) => one.remove());  // where the pointer was
  return main.textContent;
}"""


def _words(page: Page) -> str:
    return "".join(page.evaluate(_WORDS).split())


def look(options: argparse.Namespace) -> Followed:
    """A whole run, followed."""
    text = _SCENARIO.format(
        rate=options.rate, seconds=options.seconds, operations=options.operations
    )
    with (
        tempfile.TemporaryDirectory(prefix="loadkit-live-") as folder,
        sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=options.chromium, args=list(_ARGUMENTS))
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.add_init_script(_COUNT)
        with running(Path(folder), text) as (process, url):
            seen = follow(page, process, url)
            page.mouse.move(0, 0)
            shown = _words(page)
            out, _ = process.communicate(timeout=_SETTLE_S)
        file = Path(folder) / out.strip() / "report.html"
        seen.page_bytes = file.stat().st_size
        page.goto(file.as_uri())
        seen.report = shown == _words(page)
        browser.close()
    return seen


def _print(seen: Followed) -> None:
    print(f"{'':<12}{'times':>8}{'frames':>9}{'p99_ms':>9}{'max_ms':>9}{'longest_task_ms':>17}")
    for name, all_times in seen.acts.items():
        p99 = sorted(one["p99_ms"] for one in all_times)[len(all_times) // 2]
        print(
            f"{name:<12}{len(all_times):>8}{sum(one['frames'] for one in all_times):>9}{p99:>9}"
            f"{max(one['max_ms'] for one in all_times):>9}"
            f"{max(one['longest_task_ms'] for one in all_times):>17}"
        )
    print(f"brought up to date {seen.renewed} times, by {seen.cpu_s:.1f} s of CPU")
    print(f"final report {seen.page_bytes:,} bytes; the page ended as it: {seen.report}")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--operations", type=int, default=20)
    parser.add_argument("--rate", type=float, default=100.0, help="arrivals a second")
    parser.add_argument("--chromium", default=shutil.which("chromium") or "chromium")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    seen = look(options)
    if options.json:
        print(json.dumps(vars(seen), indent=1))
    else:
        _print(seen)
    for text in seen.wrong():
        print(f"too much: {text}", file=sys.stderr)
    return 1 if seen.wrong() else 0


if __name__ == "__main__":
    raise SystemExit(main())
