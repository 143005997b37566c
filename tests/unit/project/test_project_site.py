"""The documentation as a site: built from the pages as they lie, nothing fetched."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from project_tree import ROOT

sys.path.insert(0, str(ROOT / "tools"))

import site_docs

REMOTE = re.compile(r"""<(?:script|link|img|iframe)[^>]*(?:src|href)=["']?(?:https?:)?//""")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    target = tmp_path_factory.mktemp("docs")
    command = [sys.executable, str(ROOT / "tools" / "site_docs.py"), str(target)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return target / "site"


def test_every_page_is_in_it(site: Path) -> None:
    for name in site_docs.page_names().values():
        path = site / name
        assert (path.with_suffix(".html") if path.suffix == ".md" else path).is_file(), name


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 30
    assert [p.name for p in pages if REMOTE.search(p.read_text(encoding="utf-8"))] == []
    styles = "".join(p.read_text(encoding="utf-8") for p in site.rglob("*.css"))
    assert not re.search(r"(?:url\(|@import )[\"']?(?:https?:)?//", styles)


def test_a_broken_link_ends_the_build(tmp_path: Path) -> None:
    """Whether the builder still refuses what ``for_site`` would hand it."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.md").write_text("# A\n\n[b](missing.md)\n", encoding="utf-8")
    (tmp_path / "mkdocs.yml").write_text("site_name: a\ndocs_dir: pages\n", encoding="utf-8")
    builder = str(Path(sys.executable).parent / "zensical")
    done = subprocess.run([builder, "build", "--strict"], cwd=tmp_path, capture_output=True)
    assert done.returncode != 0


def test_links_are_led_to_pages_of_the_site() -> None:
    names = {"docs/a.md": "a.md", "docs/x/b.md": "x/b.md", "README.md": "readme.md"}
    text = "[r](../README.md#there) [b](x/b.md) [c](../loadkit/x.py) [w](https://x.example/y.md)"
    assert site_docs.for_site(text, "docs/a.md", names) == (
        "[r](readme.md#there) [b](x/b.md) c [w](https://x.example/y.md)"
    )
    assert site_docs.for_site("[a](../a.md)", "docs/x/b.md", names) == "[a](../a.md)"
    fenced = "```\n[c](../loadkit/x.py)\n```\n"
    assert site_docs.for_site(fenced, "docs/a.md", names) == fenced


def test_the_index_is_the_navigation() -> None:
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    index = site_docs.for_site(text, "docs/index.md", site_docs.page_names())
    parts = [next(iter(part)) for part in site_docs.navigation(index)]
    assert parts == ["Home", "Tutorial", "How to", "Reference", "Explanation"]


def test_the_page_of_commands_is_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "cli_docs.py"), "--check"]
    assert subprocess.run(command, check=False).returncode == 0, "run make docs"
