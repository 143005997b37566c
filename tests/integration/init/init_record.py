"""Records a visit of the small site with a real browser, as a HAR file."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import init_site
from playwright.sync_api import sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
PAUSES_MS = (700, 400)


@contextlib.contextmanager
def site() -> Iterator[str]:
    """The small site as a process; gives its URL."""
    process = subprocess.Popen(
        [sys.executable, init_site.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


def record(url: str, file: Path) -> None:
    """Visits the site: looks, logs in, orders, subscribes."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        context = browser.new_context(record_har_path=file, record_har_content="embed")
        page = context.new_page()
        page.goto(url)
        page.wait_for_timeout(PAUSES_MS[0])
        page.fill("#user", "ada")
        page.fill("#password", init_site.PASSWORD)
        page.click("#login button")
        page.wait_for_selector("text=ready")
        page.wait_for_timeout(PAUSES_MS[1])
        page.click("#subscribe")
        page.wait_for_url("**/thanks")
        context.close()
        browser.close()


if __name__ == "__main__":
    with site() as found:
        record(found, Path(sys.argv[1]))
