"""The Makefile, the gate and the import contracts."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from project_tree import ROOT

MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(
    *arguments: str, cwd: Path = ROOT, path: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs make with nothing inherited from a make that runs the tests."""
    handed_down = ("MAKE", "MFLAGS", "ARGS", "SCENARIO", "PYTHON", "UV")
    kept = {key: text for key, text in os.environ.items() if not key.startswith(handed_down)}
    return subprocess.run(
        [shutil.which("make") or "make", *arguments],
        cwd=cwd,
        env=kept if path is None else {**kept, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def targets() -> set[str]:
    """Everything that is declared phony."""
    return set(re.findall(r"^\.PHONY: (.*)$", MAKEFILE, re.MULTILINE)[0].split())


@needs_make
def test_make_alone_lists_every_target() -> None:
    alone = make()
    assert alone.returncode == 0
    assert alone.stdout == make("help").stdout
    listed = re.findall(r"^  ([a-z-]+) +\S", alone.stdout, re.MULTILINE)
    assert listed[0] == "help"
    assert set(listed) == targets() == set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))


@needs_make
def test_the_gate_makes_every_check() -> None:
    wanted = ("ruff format --check", "ruff check", "mypy", "lint-imports", "pytest")
    recipe = make("--dry-run", "check").stdout
    places = [recipe.find(step) for step in wanted]
    assert -1 not in places
    assert places == sorted(places)


@needs_make
def test_run_passes_the_scenario_and_options_on() -> None:
    recipe = make("--dry-run", "run", "SCENARIO=mine.py", "ARGS=--slo 'p95 < 1 s'").stdout
    assert recipe.splitlines()[-1] == ".venv/bin/loadkit run mine.py --slo 'p95 < 1 s'"
    assert make("--dry-run", "run").stdout.splitlines()[-1].split() == [
        ".venv/bin/loadkit",
        "run",
        "scenarios/peak.py",
    ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A source folder with what setting up needs, and a PATH without Python."""
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    (tmp_path / "bin").mkdir()
    for tool in ("sh", "dirname", "cat", "cksum", "sed", "grep", "rm", "git"):
        found = shutil.which(tool)
        if found is not None:
            (tmp_path / "bin" / tool).symlink_to(found)
    return tmp_path


def interpreter(folder: Path, script: str) -> None:
    """Puts a python3 on PATH."""
    path = folder / "bin" / "python3"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    path.chmod(0o755)


@needs_make
def test_setup_says_what_to_install_without_python(folder: Path) -> None:
    said = make("setup", cwd=folder, path=str(folder / "bin"))
    assert said.returncode == 2
    assert "apt-get install python3 python3-venv" in said.stderr
    assert said.stdout == ""


@needs_make
def test_setup_says_what_to_install_without_venv(folder: Path) -> None:
    interpreter(folder, 'case "$*" in *ensurepip*) exit 1;; esac')
    said = make("setup", cwd=folder, path=str(folder / "bin"))
    assert said.returncode == 2
    assert "missing python3-venv" in said.stderr
    assert "apt-get install python3-venv" in said.stderr


@needs_make
def test_setup_refuses_an_old_python(folder: Path) -> None:
    interpreter(
        folder,
        'case "$*" in *version_info*) exit 1;; -V) echo Python 3.9.2;; esac',
    )
    said = make("setup", cwd=folder, path=str(folder / "bin"))
    assert said.returncode == 2
    assert "python3 is Python 3.9.2, loadkit needs Python 3.11 or newer" in said.stderr


@needs_make
def test_setup_mentions_git_and_goes_on(folder: Path) -> None:
    (folder / "bin" / "git").unlink(missing_ok=True)
    interpreter(folder, 'case "$*" in *"-m venv"*) exit 7;; esac')
    said = make("setup", cwd=folder, path=str(folder / "bin"))
    assert "note: git is missing" in said.stderr
    assert "python3 -m venv .venv failed" in said.stderr


@needs_make
def test_setup_does_nothing_twice(folder: Path) -> None:
    # A stand-in for Python that makes what venv and pip would make and notes each call.
    interpreter(
        folder,
        f'echo "$*" >>"{folder}/calls"\n'
        'case "$*" in *"-m venv"*) /bin/mkdir -p .venv/bin; '
        '/bin/cp "$0" .venv/bin/python; /bin/cp "$0" .venv/bin/loadkit;; esac',
    )
    calls = folder / "calls"
    assert make("setup", cwd=folder, path=str(folder / "bin")).returncode == 0
    first = calls.read_text(encoding="utf-8")
    assert "--require-hashes -r requirements.lock" in first
    assert "--no-deps --no-build-isolation --no-index -e ." in first

    again = make("setup", cwd=folder, path=str(folder / "bin"))
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert calls.read_text(encoding="utf-8") == first

    with (folder / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    make("setup", cwd=folder, path=str(folder / "bin"))
    assert calls.read_text(encoding="utf-8").count("--require-hashes") == 2
    assert calls.read_text(encoding="utf-8").count("-m venv") == 1


def contracts() -> configparser.ConfigParser:
    """The import contracts."""
    parser = configparser.ConfigParser()
    parser.read_string((ROOT / ".importlinter").read_text(encoding="utf-8"))
    return parser


def test_the_layers_are_those_of_the_design() -> None:
    layers = contracts()["importlinter:contract:layers"]
    order = [re.sub("[()]", "", line).strip() for line in layers["layers"].splitlines() if line]
    assert order == [
        "__main__ | pytest_plugin",
        "cli",
        "bench | init",
        "run",
        "live",
        "report | alerts | notebook",
        "analyse",
        "collect | load | stack",
        "bundle | scenario",
        "config",
        "ports",
        "model",
        "errors | reference | scrub",
    ]
    assert layers.getboolean("exhaustive")


def test_every_room_but_load_is_kept_from_locust() -> None:
    kept = contracts()["importlinter:contract:locust"]
    rooms = {
        path.stem
        for path in (ROOT / "loadkit").iterdir()
        if (path.suffix == ".py" or (path / "__init__.py").is_file())
        and not path.name.startswith("__")
    }
    assert {f"loadkit.{room}" for room in rooms - {"load"}} == set(kept["source_modules"].split())
    assert {"locust", "gevent"} <= set(kept["forbidden_modules"].split())


def test_the_gate_of_a_fresh_machine_is_runnable() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", str(script)], check=False).returncode == 0
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
