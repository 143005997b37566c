"""The documentation says what there is, and nothing that isn't."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from project_tree import EVERYTHING, ROOT, names, python_files, shown, text_files

from loadkit.cli import main
from loadkit.model import FAULT_KINDS
from loadkit.reference.faults import KINDS

STATUSES = ("0", "1", "2", "3", "4", "5", "130")
PAGES = tuple(path for path in text_files() if path.suffix == ".md")

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def links(page: Path) -> Iterator[str]:
    """Targets of links in a page, without code."""
    yield from _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """What a ``#`` may point at in a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text).strip().lower().replace(" ", "-") for text in headings}


@pytest.mark.parametrize("page", ["README.md", "docs/exit-statuses.md"])
def test_every_exit_status_is_explained(page: str) -> None:
    rows = re.findall(r"^\| (\d+) \| \S", (ROOT / page).read_text(encoding="utf-8"), re.MULTILINE)
    assert tuple(rows) == STATUSES


@pytest.mark.parametrize("page", PAGES, ids=shown)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for link in links(page):
        target, _, anchor = link.partition("#")
        if ":" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


def test_every_page_is_in_the_index() -> None:
    index = {(ROOT / "docs" / link).resolve() for link in links(ROOT / "docs" / "index.md")}
    pages = {path for path in (ROOT / "docs").glob("*.md") if path.name != "index.md"}
    assert pages - index == set()


def test_the_table_page_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "bundle_docs.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0, "run make docs"


def test_every_manifest_field_is_documented() -> None:
    tree = ast.parse((ROOT / "loadkit/bundle/manifest.py").read_text(encoding="utf-8"))
    manifest = next(
        node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Manifest"
    )
    fields = {
        node.target.id
        for node in manifest.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    page = (ROOT / "docs/bundle.md").read_text(encoding="utf-8")
    assert fields - set(re.findall(r"`(\w+)`", page)) == set()


def test_every_dependency_has_its_line() -> None:
    page = (ROOT / "docs/dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([a-z0-9, -]+) \|", page, re.MULTILINE)
    explained = {name.strip() for row in rows for name in row.split(",")} - {"package"}
    assert explained == names(EVERYTHING)


def finding_slugs() -> dict[str, str]:
    """Slug of each finding made anywhere in the code → the file that makes it."""
    found = {}
    for path in python_files("loadkit"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        texts = dict(_constants(tree))
        for node in ast.walk(tree):
            for value in _slug_values(node):
                slug = texts.get(value.id) if isinstance(value, ast.Name) else _text(value)
                if slug is not None:
                    found[slug] = shown(path)
    return found


def _text(node: ast.expr) -> str | None:
    text = node.value if isinstance(node, ast.Constant) else None
    return text if isinstance(text, str) else None


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and (text := _text(node.value)) is not None:
            yield from ((name.id, text) for name in node.targets if isinstance(name, ast.Name))


def _slug_values(node: ast.AST) -> Iterator[ast.expr]:
    """What a node gives as a slug: of a Finding, of an Outage that will make one, of a frame."""
    if isinstance(node, ast.Call):
        called = node.func.id if isinstance(node.func, ast.Name) else None
        if called in ("Finding", "Outage"):
            at = {"Finding": 0, "Outage": 1}[called]
            yield from node.args[at : at + 1]
        yield from (word.value for word in node.keywords if word.arg == "slug")
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == "slug":
                yield value


def test_every_finding_has_its_page() -> None:
    pages = {path.stem for path in (ROOT / "docs" / "findings").glob("*.md")} - {"index"}
    slugs = finding_slugs()
    assert {"generator-invalid", "source-recovered", "prometheus-lost"} <= set(slugs)
    assert {slug: file for slug, file in slugs.items() if slug not in pages} == {}
    assert pages - set(slugs) == set(), "pages of findings that nothing makes"


def test_every_finding_is_in_the_index() -> None:
    folder = ROOT / "docs" / "findings"
    listed = {(folder / link).resolve() for link in links(folder / "index.md")}
    assert set(folder.glob("*.md")) - {folder / "index.md"} == listed


def test_fault_kinds_of_loadkit_and_of_the_service_are_the_same() -> None:
    assert set(FAULT_KINDS) == {kind.kind for kind in KINDS}


def test_slugs_are_words_joined_by_hyphens() -> None:
    assert [
        slug for slug in finding_slugs() if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug)
    ] == []


def test_options_in_the_readme_exist(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.split(r"^```.*$", readme, flags=re.MULTILINE)[1::2]
    commands = re.findall(r"^loadkit (run|report) (.*)$", "".join(code), re.MULTILINE)
    assert len(commands) >= 4
    for command, rest in commands:
        with pytest.raises(SystemExit):
            main([command, "--help"])
        options = set(re.findall(r"(?<!\S)(--[a-z-]+)", rest))
        missing = options - set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
        assert missing == set(), command
