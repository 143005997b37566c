"""Nothing of one machine, and no address that something could be fetched from, is in the tree."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from project_tree import ROOT, shown, text_files

# Hosts that are part of a format or of a test, or that nobody can own.
_KNOWN_HOSTS = frozenset(
    # Names of formats and of APIs, which nothing is fetched from.
    {"0.0.0.0", "www.w3.org", "json-schema.org", "hooks.slack.com", "www.speedscope.app"}
)
_RESERVED = re.compile(
    r"(?:.*\.)?(?:example|example\.(?:com|net|org)|invalid|test|localhost)"
    r"|127(?:\.\d+){3}|(?:192\.0\.2|198\.51\.100|203\.0\.113)\.\d+|10(?:\.\d+){3}"
)
_ADDRESS = re.compile(r"\b(?:https?|ftp|git|ssh)://[^\s\"'`<>)\]},;|\\]*")
_MACHINE_PATH = re.compile(r"(?<![\w.$}])/(?:root|Users/\w+|home/[a-z]\w*)/")


def foreign_hosts(text: str) -> set[str]:
    """Hosts of complete addresses in a text, without those that are harmless."""
    hosts = set()
    for address in _ADDRESS.findall(text):
        try:
            host = urlsplit(address).hostname or ""
        except ValueError:
            continue
        # A placeholder such as {host}, or a name without a domain.
        made_up = not re.fullmatch(r"[a-z0-9-]+(\.[a-z0-9-]+)+", host)
        known = made_up or host in _KNOWN_HOSTS or _RESERVED.fullmatch(host)
        if not known:
            hosts.add(host)
    return hosts


def test_foreign_hosts_are_told_from_harmless_ones() -> None:
    scheme = "https" + "://"
    text = f"{scheme}mirror.somewhere.net/simple {scheme}127.0.0.1:80 {scheme}a.example/x"
    assert foreign_hosts(text) == {"mirror.somewhere.net"}


def test_no_file_names_a_foreign_host() -> None:
    found = {
        shown(path): hosts
        for path in text_files()
        if (hosts := foreign_hosts(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_no_file_names_a_path_of_one_machine() -> None:
    found = [
        f"{shown(path)}:{number}: {line.strip()}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if _MACHINE_PATH.search(line) or (len(ROOT.parts) > 2 and f"{ROOT}/" in line)
    ]
    assert found == []


def test_the_walk_sees_the_project() -> None:
    seen = {shown(path) for path in text_files()}
    assert {"README.md", "Makefile", "loadkit/errors.py", ".ci/run", ".importlinter"} <= seen


@pytest.mark.parametrize("word", ["://", "--index-url", "--find-links", " @ ", "file:"])
def test_the_lock_has_no_address(word: str) -> None:
    assert word not in Path(ROOT, "requirements.lock").read_text(encoding="utf-8")
