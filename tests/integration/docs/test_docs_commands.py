"""Every command in the documentation is executed, or marked as one that is not, and why.

Before a block of commands stands ``<!-- runs -->`` or ``<!-- not run: why -->``. What runs does so
in an empty folder that holds copies of scenarios/ and reports/example. Of every block, executed or
not, the options of loadkit's commands are checked by their parser.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "project"))

from project_tree import ROOT, shown, text_files

from loadkit.cli import make_parser
from loadkit.errors import LoadkitError

_BLOCK = re.compile(r"^(?:<!-- (.+?) -->\n+)?```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"^(?:\w+=\S+ +)*(?:loadkit|python3?|make|pip|docker|kubectl) ", re.MULTILINE)
_ENDS = frozenset({"|", ">", "&&", "||", ";", "&"})
_PATIENCE_S = 300


@dataclass(frozen=True)
class Block:
    """Commands in a page."""

    page: str
    number: int
    mark: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.number}"

    def commands(self) -> list[list[str]]:
        """Words of each command of loadkit, without variables before it."""
        joined = self.text.replace("\\\n", " ")
        found = []
        for line in joined.splitlines():
            words = shlex.split(line, comments=True)
            while words and re.fullmatch(r"\w+=.*", words[0]):
                words.pop(0)
            if words and words[0] == "loadkit":
                stop = next(
                    (i for i, w in enumerate(words) if w in ("|", ">", "&&", ";", "&")), None
                )
                found.append(words[1:stop])
        return found


def blocks(path: Path) -> list[Block]:
    """All blocks of a page that hold commands."""
    text = path.read_text(encoding="utf-8")
    return [
        Block(shown(path), text.count("\n", 0, match.start(3)), match[1] or "", match[2], match[3])
        for match in _BLOCK.finditer(text)
        if match[2] in ("", "shell", "sh") and _COMMAND.search(match[3])
    ]


BLOCKS = [block for path in text_files() if path.suffix == ".md" for block in blocks(path)]
RUN = [block for block in BLOCKS if block.mark == "runs"]


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_command_is_marked(block: Block) -> None:
    assert block.language == "shell"
    assert block.mark == "runs" or re.fullmatch(r"not run: \S.*", block.mark), block.text


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_option_is_there(block: Block, capsys: pytest.CaptureFixture[str]) -> None:
    for words in block.commands():
        if not words or {"--help", "--version"} & set(words):
            continue
        try:
            _, unknown = make_parser().parse_known_args(words)
        except LoadkitError as error:
            pytest.fail(f"{shlex.join(words)}: {error}")
        foreign = words[0] in ("run", "plan")  # Locust's own options go on to Locust
        assert foreign or unknown == [], words


def test_there_are_commands() -> None:
    assert len(BLOCKS) >= 16
    assert len(RUN) >= 3


@pytest.mark.integration
@pytest.mark.parametrize("block", RUN, ids=str)
def test_what_is_said_to_run_runs(block: Block, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    shutil.copytree(ROOT / "reports" / "example", tmp_path / "reports" / "example")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    done = subprocess.run(
        ["sh", "-eu", "-c", block.text],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "XDG_STATE_HOME": str(tmp_path / "state")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
