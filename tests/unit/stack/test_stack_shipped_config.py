"""The guide's files are input data: nobody edits them."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "config"
SUMS = {
    name: digest
    for digest, name in (
        line.split() for line in (CONFIG / "guide.sha256").read_text(encoding="ascii").splitlines()
    )
}


def guide_text() -> str:
    named = os.environ.get("LOADKIT_GUIDE")
    path = Path(named) if named else ROOT.parent / "shared" / "guide.md"
    if not path.is_file():
        pytest.skip("the guide is not here; name it with LOADKIT_GUIDE")
    return path.read_text(encoding="utf-8")


def blocks(text: str) -> list[str]:
    found: list[str] = []
    current: list[str] | None = None
    for line in text.splitlines(keepends=True):
        if line.startswith("```"):
            if current is not None:
                found.append("".join(current))
                current = None
            else:
                current = []
        elif current is not None:
            current.append(line)
    return found


def test_every_file_has_a_checksum() -> None:
    assert sorted(path.name for path in (CONFIG / "guide").iterdir()) == sorted(SUMS)
    assert len(SUMS) == 14


@pytest.mark.parametrize("name", sorted(SUMS))
def test_the_file_is_as_it_was(name: str) -> None:
    digest = hashlib.sha256((CONFIG / "guide" / name).read_bytes()).hexdigest()
    assert digest == SUMS[name]


@pytest.mark.parametrize("name", sorted(SUMS))
def test_the_file_is_a_block_of_the_guide(name: str) -> None:
    assert (CONFIG / "guide" / name).read_text(encoding="utf-8") in blocks(guide_text())


def test_corrections_keep_the_names_thresholds_and_waits() -> None:
    def alerts(which: str) -> dict[str, tuple[str, str]]:
        text = (CONFIG / which / "alerts.yml").read_text(encoding="utf-8")
        rules = yaml.safe_load(text)["groups"][0]["rules"]
        return {rule["alert"]: (rule["for"], rule["labels"]["severity"]) for rule in rules}

    assert alerts("corrected") == alerts("guide")


def test_jobs_are_the_same() -> None:
    def jobs(which: str) -> list[str]:
        text = (CONFIG / which / "prometheus.yml").read_text(encoding="utf-8")
        return [job["job_name"] for job in yaml.safe_load(text)["scrape_configs"]]

    assert jobs("corrected") == jobs("guide")
