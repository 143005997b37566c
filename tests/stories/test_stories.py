"""Runs every story in this folder: a command, its files, what it must say, how it must end.

A story is a YAML file with documents of

    story      one line that says what is shown
    files      name → content, written to an empty folder
    command    a list; $PYTHON, $PORT (closed) and $OPEN (something listens) are filled in
    status     exit status
    stderr     the whole of standard error, or `says:` a list of texts that must be in it
    stdout     the whole of standard output (default: empty)
    leaves     names that must exist in the folder afterwards (default: just the files)
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

HERE = Path(__file__).parent
STORIES = [
    pytest.param(story, id=f"{path.stem}: {story['story']}")
    for path in sorted(HERE.glob("*.yaml"))
    for story in yaml.safe_load_all(path.read_text(encoding="utf-8"))
]


@pytest.fixture
def ports() -> Iterator[dict[str, str]]:
    with socket.socket() as closed, socket.socket() as listening:
        closed.bind(("127.0.0.1", 0))
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield {
            "$PORT": str(closed.getsockname()[1]),
            "$OPEN": str(listening.getsockname()[1]),
            "$PYTHON": sys.executable,
        }


@pytest.mark.parametrize("story", STORIES)
def test_story(story: dict[str, Any], tmp_path: Path, ports: dict[str, str]) -> None:
    def filled(text: str) -> str:
        for name, value in ports.items():
            text = text.replace(name, value)
        return text

    files = story.get("files", {})
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(filled(content), encoding="utf-8")
    command = [filled(word) for word in story["command"]]
    if command[0] == "loadkit":
        command[:1] = [sys.executable, "-m", "loadkit"]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "100"},
    )
    told = done.stderr.replace(str(tmp_path), "$HERE")
    assert "Traceback" not in told
    assert done.returncode == story["status"], told
    expected = story["stderr"]
    if isinstance(expected, str):
        assert told == filled(expected)
    else:
        for text in expected["says"]:
            assert filled(text) in told
    assert done.stdout == filled(story.get("stdout", ""))
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    left = {name for name in left if "__pycache__" not in name}
    assert left == set(files) | set(story.get("leaves", []))
