"""Ten numbers of the example's page, worked out again from its tables by other code.

Nothing of loadkit is used to read the bundle or to compute: Parquet files, bucket arithmetic and
nearest rank as docs/bundle.md and docs/numbers.md describe them.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Page, sync_playwright

pytestmark = pytest.mark.browser

EXAMPLE = Path(__file__).parents[2] / "reports" / "example"
STAGE = "peak"
UNITS = {"µs": 1e-6, "ms": 1e-3, "s": 1.0}


def rows(table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(EXAMPLE / "tables" / f"{table}.parquet").to_pylist()
    return found


def middle_ns(bucket: int) -> float:
    """512 buckets for each power of two; below 1,024 ns one for each nanosecond."""
    if bucket < 1024:
        return float(bucket)
    octave, part = divmod(bucket, 512)
    width = 1 << (octave - 1)
    return (512 + part) * width + (width - 1) / 2


def responses() -> Counter[float]:
    found: Counter[float] = Counter()
    for row in rows("windows"):
        if (row["stage"], row["measure"]) == (STAGE, "response") and row["outcome"] != "cancelled":
            for bucket, count in zip(row["buckets"], row["counts"], strict=True):
                found[middle_ns(bucket)] += count
    return found


def nearest_rank_s(values: Counter[float], q: float) -> float:
    left = math.ceil(round(q * values.total(), 9))
    for value in sorted(values):
        left -= values[value]
        if left <= 0:
            return value / 1e9
    raise AssertionError("fewer values than their count")


def flow(event: str, stage: str | None = None) -> int:
    return sum(
        row["count"]
        for row in rows("flow")
        if row["event"] == event and stage in (None, row["stage"])
    )


def seconds(text: str) -> float:
    number, unit = text.replace("\u00a0", " ").split()
    return float(number) * UNITS[unit]


def number(text: str) -> float:
    found = re.match(r"[\d,.]+", text)
    assert found, text
    return float(found[0].replace(",", ""))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Any:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("no chromium on PATH: the report was not looked at in a browser")
    file = tmp_path_factory.mktemp("report") / "report.html"
    command = [sys.executable, "-m", "loadkit", "report", str(EXAMPLE), "--output", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        found = browser.new_page()
        found.goto(file.as_uri())
        found.wait_for_selector(".part:not(.settled)", state="detached")
        yield found
        browser.close()


def cells(page: Page) -> list[str]:
    row = page.locator("#stages tbody tr").filter(has=page.get_by_text(STAGE, exact=True))
    return [text.strip() for text in row.first.locator("td").all_inner_texts()]


def test_percentiles_of_the_peak(page: Page) -> None:
    values = responses()
    shown = cells(page)[8:13]
    expected = [nearest_rank_s(values, q) for q in (0.5, 0.9, 0.95, 0.99, 0.999)]
    # Three digits are shown.
    assert [seconds(text) for text in shown] == pytest.approx(expected, rel=0.005)
    longest = max(
        row["max_ns"]
        for row in rows("windows")
        if (row["stage"], row["measure"]) == (STAGE, "response")
    )
    assert seconds(cells(page)[13]) == pytest.approx(longest / 1e9, rel=0.005)


def test_requests_and_errors_of_the_peak(page: Page) -> None:
    ended = Counter({row["outcome"]: 0 for row in rows("windows") if row["measure"] == "response"})
    for row in rows("windows"):
        if (row["stage"], row["measure"]) == (STAGE, "response"):
            ended[row["outcome"]] += row["count"]
    shown = cells(page)
    assert number(shown[6]) == ended.total()
    bad = ended["failed"] + ended["raised"] + ended["cancelled"]
    assert number(shown[7]) == pytest.approx(100 * bad / ended.total(), rel=0.005, abs=0.005)


def test_the_books(page: Page) -> None:
    text = " ".join(page.locator("#trust .books").inner_text().split())
    for event in ("planned", "sent", "completed"):
        assert re.search(rf"{flow(event):,} {event}\b", text), (event, text)
    assert flow("sent") == sum(flow(end) for end in ("ok", "failed", "raised", "cancelled"))


def test_when_the_alert_began_to_fire(page: Page) -> None:
    manifest = json.loads((EXAMPLE / "manifest.json").read_text())
    series = {
        row["series"]
        for row in rows("series")
        if row["name"] == "ALERTS"
        and json.loads(row["labels"]).get("alertname") == "HighErrorRate"
        and json.loads(row["labels"]).get("alertstate") == "firing"
    }
    first = min(row["wall_ns"] for row in rows("metrics") if row["series"] in series)
    since = (first - int(manifest["t0_wall_ns"])) / 1e9
    row = page.locator("#alerts tbody tr", has_text="HighErrorRate").first
    shown = row.locator("td").all_inner_texts()[5].strip()
    minutes, rest = shown.split(":")
    assert int(minutes) * 60 + float(rest) == pytest.approx(since, abs=0.06)
