"""The project file, the lock and the public face agree with the code."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from project_tree import (
    BASE,
    EVERYTHING,
    EXTRAS,
    PROJECT,
    ROOT,
    names,
    normal,
    python_files,
    required,
    shown,
)

import loadkit


def imported(path: Path) -> Iterator[str]:
    """Top-level modules that a file imports by their full name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def undeclared(folder: Path, declared: set[str]) -> dict[str, str]:
    """Imported module → a file that does it, where no declared distribution brings it."""
    brought = packages_distributions()
    found: dict[str, str] = {}
    # Files of the reference service first, so that any other use of a module replaces them.
    for path in sorted(folder.rglob("*.py"), key=lambda path: "reference" not in path.parts):
        for module in imported(path):
            if module in sys.stdlib_module_names or module == "loadkit":
                continue
            if not declared & {normal(name) for name in brought.get(module, [module])}:
                found[module] = shown(path)
    return found


def test_the_version_is_said_once_and_the_same() -> None:
    assert PROJECT["project"]["version"] == loadkit.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## {loadkit.__version__}" in changelog


@pytest.mark.parametrize("name", sorted(loadkit.__all__))
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(loadkit, name).__module__.startswith("loadkit.")


def test_no_public_name_is_left_out() -> None:
    public = {
        name
        for name, value in vars(loadkit).items()
        if not name.startswith("_") and getattr(value, "__module__", "").startswith("loadkit.")
    }
    assert public <= set(loadkit.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'load_runs'"):
        _ = loadkit.load_runs


def test_requirements_have_lower_bounds_only() -> None:
    wrong = [line for line in EVERYTHING if not re.fullmatch(r"[A-Za-z0-9._-]+>=[0-9.]+", line)]
    assert wrong == []


def test_requirements_are_sorted() -> None:
    for group in (BASE, *EXTRAS.values()):
        assert group == sorted(group, key=required)


PLUGIN = {"pytest": "loadkit/pytest_plugin.py"}
"""Pytest imports it, so pytest is there."""


def test_what_the_code_imports_is_declared() -> None:
    assert undeclared(ROOT / "loadkit", names([*BASE, *EXTRAS["reference"]])) == PLUGIN


def test_only_the_reference_service_needs_its_extra() -> None:
    rest = {
        module: file
        for module, file in undeclared(ROOT / "loadkit", names(BASE)).items()
        if not file.startswith("loadkit/reference/")
    }
    assert rest == PLUGIN


def test_what_tests_and_tools_import_is_declared() -> None:
    helpers = {
        path.stem for folder in ("tests", "tools", "benchmarks") for path in python_files(folder)
    }
    for folder in ("tests", "tools"):
        found = undeclared(ROOT / folder, names(EVERYTHING))
        assert {module: file for module, file in found.items() if module not in helpers} == {}


def test_the_lock_pins_every_requirement_with_hashes() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=[a-z0-9])", lock)
    pinned = {normal(entry.partition("==")[0]) for entry in entries}
    assert names([*EVERYTHING, *PROJECT["build-system"]["requires"]]) - pinned == set()
    without = [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry]
    assert without == []


@pytest.mark.parametrize("folder", ["corrected", "guide"])
def test_the_configuration_is_shipped(folder: str) -> None:
    shipped: dict[str, list[str]] = PROJECT["tool"]["setuptools"]["data-files"]
    files = {
        path.name
        for pattern in shipped[f"share/loadkit/config/{folder}"]
        for path in ROOT.glob(pattern)
    }
    assert files == {path.name for path in (ROOT / "config" / folder).iterdir()}
    assert "alertmanager.yml" in files


def test_every_data_file_of_the_package_is_shipped() -> None:
    patterns: list[str] = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    suffixes = {Path(pattern).suffix or pattern for pattern in patterns}
    lost = [
        shown(path)
        for path in (ROOT / "loadkit").rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.suffix not in {".py", *suffixes}
        and path.name not in patterns
    ]
    assert lost == []
