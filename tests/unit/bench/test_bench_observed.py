"""The cost of observing, kept for reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadkit.run import observed

VALUES: dict[str, Any] = {
    "date": "2026-11-24",
    "machine": "A Processor, 2 cores",
    "pairs": 8,
    "cpu_ratio": {"low": 1.01, "median": 1.02, "high": 1.03},
    "p99_ratio": {"low": 0.9, "median": 1.0, "high": 1.2},
}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "loadkit" / "observing.json"


def test_never_measured_is_none(state: Path) -> None:
    assert observed.last() is None
    assert not state.exists()


def test_the_last_measurement_is_found_again(state: Path) -> None:
    observed.keep({**VALUES, "pairs": 3})
    assert observed.keep(VALUES) == state
    assert observed.last() == VALUES
    assert [path.name for path in state.parent.iterdir()] == ["observing.json"]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": "loadkit-observing/1"}', '{"format": "other"}']
)
def test_what_is_not_understood_counts_as_unmeasured(state: Path, text: str) -> None:
    state.parent.mkdir()
    state.write_text(text, encoding="utf-8")
    assert observed.last() is None


def test_a_newer_file_is_not_guessed_at(state: Path) -> None:
    observed.keep(VALUES)
    kept = json.loads(state.read_text(encoding="utf-8"))
    state.write_text(json.dumps({**kept, "format": "loadkit-observing/2"}), encoding="utf-8")
    assert observed.last() is None


def test_no_place_to_keep_it_is_no_failure(state: Path) -> None:
    state.parent.write_text("a file in the way", encoding="utf-8")
    assert observed.keep(VALUES) is None
    assert observed.last() is None


def test_a_relative_state_folder_is_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    kept = observed.keep(VALUES)
    assert kept == tmp_path / ".local" / "state" / "loadkit" / "observing.json"
    assert observed.last() == VALUES
