"""Frames and files of the notebooks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from loadkit import load_run
from loadkit.bundle.reader import RunData
from loadkit.errors import BundleError, LoadkitError
from loadkit.notebook import by_second, every, metric, operations, rate_of, slope, stage_table
from loadkit.notebook.books import made_for, save

EXAMPLE = Path(__file__).parents[3] / "reports" / "example"


@pytest.fixture(scope="module")
def run() -> RunData:
    return load_run(EXAMPLE)


def test_seconds_add_up_to_the_tables(run: RunData) -> None:
    seconds = by_second(run)
    flow = run.flow.groupby("event")["count"].sum()
    assert seconds["completed"].sum() == flow["completed"]
    assert seconds["failed"].sum() == flow["failed"]
    assert seconds["p50"].dropna().le(seconds["p99"].dropna()).all()


def test_intervals_add_up_to_the_seconds(run: RunData) -> None:
    seconds, minutes = by_second(run), every(run, 60)
    assert list(minutes.index) == ["0:00", "1:00", "2:00"]
    first = seconds["completed"].iloc[:60].sum()
    assert minutes["completed /s"].iloc[0] == pytest.approx(first / 60)
    assert minutes["stages"].iloc[0] == "warm-up, base, base-profile, ramp, peak"


def test_stages_and_operations_count_every_request_once(run: RunData) -> None:
    total = run.histogram().count
    assert stage_table(run)["requests"].sum() == total
    assert operations(run)["requests"].sum() == total
    peak = run.histogram(stage="peak").quantile(0.95)
    assert peak is not None
    assert stage_table(run).loc["peak", "p95 ms"] == pytest.approx(peak / 1e6)


def test_a_metric_is_a_column_a_series(run: RunData) -> None:
    samples = metric(run, "http_requests_total", method="POST")
    assert len(samples.columns) >= 1 and all("method=POST" in name for name in samples.columns)
    assert metric(run, "no_such_metric").empty


def test_a_rate_is_growth_over_time_and_a_reset_is_unknown() -> None:
    samples = pd.DataFrame({"a": [0.0, 4.0, 1.0, 2.0]}, index=[0.0, 2.0, 3.0, 5.0])
    assert rate_of(samples)["a"].tolist()[0] == 2.0
    assert np.isnan(rate_of(samples)["a"].tolist()[1])
    assert rate_of(samples)["a"].tolist()[2] == 0.5


def test_a_slope_is_found_with_an_interval_around_it() -> None:
    x = np.arange(200.0)
    noise = np.random.default_rng(1).normal(0, 5, 200)
    found = slope(x, 3 + 2 * x + noise)
    assert found is not None
    assert found.slope == pytest.approx(2, abs=0.05)
    assert found.low < found.slope < found.high and found.high - found.low < 0.2
    assert slope([1, 1, 1], [1, 2, 3]) is None
    assert slope([1, 2], [1, 2]) is None


def test_a_notebook_is_made_for_a_bundle_and_never_replaced(tmp_path: Path) -> None:
    text = made_for(EXAMPLE, "first-look")
    cells = json.loads(text)["cells"]
    (parameters,) = [c for c in cells if "parameters" in c["metadata"].get("tags", ())]
    assert "".join(parameters["source"]).endswith("BUNDLE = '.'")
    assert save(tmp_path, "first-look", text).name == "first-look.ipynb"
    assert save(tmp_path, "first-look", "other").name == "first-look-2.ipynb"
    assert (tmp_path / "first-look.ipynb").read_text(encoding="utf-8") == text


def test_a_notebook_needs_a_bundle_and_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(BundleError):
        made_for(tmp_path, "peak")
    with pytest.raises(LoadkitError, match="not part of this installation"):
        made_for(EXAMPLE, "mine")
