"""The tutorial as one shell session, as somebody would type it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "tutorial.md"
_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>[^\n]*?) -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.M | re.S
)
_FILE = re.compile(r"(?:not run: this is the )?file:? (\S+)$")
_ELSEWHERE = "not run: the tests have"
_END = "END-OF-FILE-OF-THE-TUTORIAL"


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the comment before it, its language, its text."""

    mark: str
    kind: str
    text: str


def blocks(ports: dict[str, int]) -> list[Block]:
    """The blocks of the page, with ports that are free."""
    page = PAGE.read_text(encoding="utf-8")
    for written, free in ports.items():
        page = re.sub(rf"(127\.0\.0\.1:|\bport=){written}\b", rf"\g<1>{free}", page)
    return [Block(m["mark"] or "", m["kind"], m["text"]) for m in _BLOCK.finditer(page)]


def script(found: list[Block], prometheus: bool) -> tuple[str, list[Block]]:
    """A script for bash, and the blocks that are steps of it: each leaves step-N.out, step-N.err
    and step-N.status behind. A file is written when the page comes to it."""
    lines: list[str] = []
    steps: list[Block] = []
    for block in found:
        if (named := _FILE.match(block.mark)) is not None:
            name = shlex.quote(named[1])
            lines.append(f"cat > {name} <<'{_END}'\n{block.text}{_END}")
        elif block.mark.startswith("change: "):
            lines.append(_change(block.mark.removeprefix("change: "), block.text))
        elif block.kind == "shell" and not block.mark.startswith(_ELSEWHERE):
            if "where there is a Prometheus" in block.mark and not prometheus:
                continue
            number = len(steps)
            steps.append(block)
            lines.append(f"exec >step-{number}.out 2>step-{number}.err")
            lines.append(f"{block.text}echo $? > step-{number}.status")
            lines += [_waited(port) for port in _started(block.text, found)]
    return "\n".join([*lines, "wait", ""]), steps


def _change(name: str, text: str) -> str:
    """Puts a line in the place of the one that begins alike."""
    head = text.partition("=")[0]
    code = (
        f"import pathlib; p = pathlib.Path({name!r}); "
        "lines = p.read_text().splitlines(True); "
        f"at = [i for i, line in enumerate(lines) if line.startswith({head!r})]; "
        f"lines[at[0]] = {text!r}; p.write_text(''.join(lines))"
    )
    return f"python -c {shlex.quote(code)}"


def _started(text: str, found: list[Block]) -> list[str]:
    """Ports of what a step starts in the background."""
    if not text.rstrip().endswith("&"):
        return []
    named = re.findall(r"--web\.listen-address=127\.0\.0\.1:(\d+)", text)
    if named:
        return named
    whole = "".join(block.text for block in found if block.mark == "file: shop.py")
    return re.findall(r"\bport=(\d+)", whole)


def _waited(port: str) -> str:
    return f"until (exec 9<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do sleep 0.1; done"
