"""The notebooks run from top to bottom on the example bundle, and draw what they say."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from loadkit import load_run
from loadkit.notebook.books import WHICH

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[3]
FIGURES = {"first-look": 4, "peak": 5, "memory": 4}

# In a process of its own: what Jupyter warns of is not ours.
_EXECUTE = """
import sys, nbformat
from nbclient import NotebookClient
path = sys.argv[1]
book = nbformat.read(path, 4)
place = {"metadata": {"path": sys.argv[2]}}
NotebookClient(book, timeout=600, kernel_name="python3", resources=place).execute()
nbformat.write(book, path)
"""


def _made(bundle: Path, which: str) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "loadkit", "notebook", str(bundle), "--which", which, "--no-open"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return Path(done.stdout.strip())


def _outputs(path: Path) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [output for cell in cells for output in cell.get("outputs", ())]


def _executed(path: Path) -> list[dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-c", _EXECUTE, str(path), str(path.parent)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return _outputs(path)


@pytest.mark.parametrize("which", WHICH)
def test_a_notebook_runs_on_the_example(tmp_path: Path, which: str) -> None:
    bundle = tmp_path / "moved"
    shutil.copytree(ROOT / "reports" / "example", bundle)
    path = _made(bundle, which)
    assert path == bundle / f"{which}.ipynb"
    assert _outputs(path) == []
    outputs = _executed(path)
    assert not [output for output in outputs if output["output_type"] == "error"]
    said = [output["text"] for output in outputs if output.get("name") == "stderr"]
    assert said == []
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == FIGURES[which]
    assert all(len(output["data"]["image/png"]) > 5_000 for output in pictures)
    if which == "first-look":
        _numbers_are_those_of_the_run(bundle, outputs)


def _numbers_are_those_of_the_run(bundle: Path, outputs: list[dict[str, Any]]) -> None:
    text = "".join("".join(output.get("data", {}).get("text/plain", "")) for output in outputs)
    run = load_run(bundle)
    for stage in run.manifest.stages:
        assert stage["name"] in text
    p95 = run.histogram(stage="peak").quantile(0.95)
    assert p95 is not None and f"{p95 / 1e6:.3f}" in text
    assert run.manifest.run_id not in text


def test_notebooks_are_kept_without_their_outputs() -> None:
    for which in WHICH:
        book = json.loads((ROOT / "notebooks" / f"{which}.ipynb").read_text(encoding="utf-8"))
        code = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
        assert code and all(cell["outputs"] == [] for cell in code)
        assert all(cell["execution_count"] is None for cell in code)
