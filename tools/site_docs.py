"""Builds the documentation as a site: ``python tools/site_docs.py [TARGET]`` (default build/site).

``docs/index.md`` is the only list of pages: its headings are the parts of the navigation, the links
in its tables the pages below them. Pages that lie elsewhere in the source tree come along under
the names in ELSEWHERE. A link to a file that is no page of the site keeps its text only.
Nothing is fetched; a broken link ends the build.
"""

from __future__ import annotations

import argparse
import posixpath
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"

ELSEWHERE = {
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "config/README.md": "configuration-files.md",
}
"""Page in the source tree → its name in the site."""

SETTINGS = {
    "site_name": "loadkit",
    "site_description": "Load testing and diagnostics",
    "docs_dir": "pages",
    "site_dir": "site",
    "use_directory_urls": False,  # pages open from a folder, without a server
    "theme": {
        "name": "material",
        "font": False,  # the reader's own; none is fetched
        "features": ["navigation.tabs", "navigation.top", "toc.follow", "content.code.copy"],
        "palette": [
            {
                "media": "(prefers-color-scheme: light)",
                "scheme": "default",
                "toggle": {"icon": "lucide/sun", "name": "dark"},
            },
            {
                "media": "(prefers-color-scheme: dark)",
                "scheme": "slate",
                "toggle": {"icon": "lucide/moon", "name": "light"},
            },
        ],
    },
    "plugins": ["search"],
    "markdown_extensions": ["tables", "attr_list", "pymdownx.superfences", "pymdownx.highlight"],
}

_LINK = re.compile(r"(!?)\[((?:[^\]\\]|\\.)*)\]\(([^)\s]+)\)")
_FENCE = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_TITLE = re.compile(r"^# (.+)$", re.MULTILINE)


def page_names() -> dict[str, str]:
    """Path in the source tree → path in the site, of every page and picture."""
    inside = {
        path.relative_to(ROOT).as_posix(): path.relative_to(DOCS).as_posix()
        for path in sorted(DOCS.rglob("*"))
        if path.is_file()
    }
    return inside | {page: name for page, name in ELSEWHERE.items() if (ROOT / page).exists()}


def for_site(text: str, source: str, names: dict[str, str]) -> str:
    """The text of a page with its links led to the pages of the site."""

    def lead(match: re.Match[str]) -> str:
        picture, words, link = match.groups()
        target, _, anchor = link.partition("#")
        if not target or ":" in target:
            return match[0]
        path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
        found = names.get(path) or names.get(posixpath.join(path, "index.md"))
        if found is None:
            return words
        here = posixpath.dirname(names[source])
        led = posixpath.relpath(found, here or ".")
        return f"{picture}[{words}]({led}{'#' if anchor else ''}{anchor})"

    parts = _FENCE.split(text)
    return "".join(part if part.startswith("```") else _LINK.sub(lead, part) for part in parts)


def navigation(index: str) -> list[dict[str, object]]:
    """The navigation as the index has it: a heading is a part, a link in a table a page."""
    parts: list[dict[str, object]] = [{"Home": "index.md"}]
    for block in re.split(r"^## ", index, flags=re.MULTILINE)[1:]:
        heading, _, body = block.partition("\n")
        rows = re.findall(r"^\| \[([^\]]+)\]\(([^)#\s]+\.md)\)", body, re.MULTILINE)
        pages: list[object] = [{_title(link) or words: link} for words, link in rows]
        if pages:
            parts.append({heading.strip(): pages})
    return parts


def _title(page: str) -> str | None:
    known = {name: path for path, name in page_names().items()}
    found = _TITLE.search((ROOT / known[page]).read_text(encoding="utf-8"))
    return None if found is None else found[1].replace("`", "")


def assemble(work: Path) -> None:
    """Writes the pages and the settings of the site into a folder."""
    names = page_names()
    for source, name in names.items():
        path = work / "pages" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            text = (ROOT / source).read_text(encoding="utf-8")
            path.write_text(for_site(text, source, names), encoding="utf-8")
        else:
            shutil.copyfile(ROOT / source, path)
    index = (work / "pages" / "index.md").read_text(encoding="utf-8")
    settings = SETTINGS | {"nav": navigation(index)}
    (work / "mkdocs.yml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")


def build(target: Path) -> int:
    """Builds the site into ``target``/site; returns the exit status, not 0 for a broken link."""
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    assemble(target)
    command = [str(Path(sys.executable).parent / "zensical"), "build", "--strict"]
    return subprocess.run(command, cwd=target, check=False).returncode


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description="Build the documentation as a site.")
    parser.add_argument("target", nargs="?", type=Path, default=ROOT / "build" / "docs")
    target = parser.parse_args().target.resolve()
    status = build(target)
    if status == 0:
        print(target / "site" / "index.html")
    return status


if __name__ == "__main__":
    sys.exit(main())
