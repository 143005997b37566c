"""On which line of a TOML file each key stands; tomllib does not tell."""

from __future__ import annotations

import re
from collections.abc import Mapping

_WORD = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[A-Za-z0-9_-]+)\s*(\.)?""")
_INSIDE = "\x00"  # marks the lines that begin within a string
_STRINGS = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|' r"'''.*?'''|" r'"(?:[^"\\\n]|\\.)*"|' r"'[^'\n]*'|" r"#[^\n]*", re.S
)


def lines_of(text: str) -> Mapping[str, int]:
    """``section.key`` → line, from 1; of a repeated section ``section.0.key``.

    For valid TOML only. Keys of an inline table stand where it begins.
    """
    found: dict[str, int] = {}
    counts: dict[str, int] = {}
    section = ""
    for number, line in _statements(text):
        words, header = _words(line)
        if not words:
            continue
        path = ".".join(words)
        if header == "[[":
            counts[path] = counts.get(path, -1) + 1
            section = f"{path}.{counts[path]}"
            found[section] = number
        elif header == "[":
            section = path
            found.setdefault(section, number)
        else:
            full = f"{section}.{path}" if section else path
            for end in range(1, full.count(".") + 1):
                found.setdefault(full.rsplit(".", end)[0], number)
            found[full] = number
    return found


def line_of(lines: Mapping[str, int], key: str) -> int | None:
    """The line of a key, or of the innermost thing around it that is known."""
    while key:
        if key in lines:
            return lines[key]
        key = key.rpartition(".")[0]
    return None


def _statements(text: str) -> list[tuple[int, str]]:
    """(line, its text) of each line that begins a header or a key, values blanked out."""
    blank = _STRINGS.sub(_blanked, text).split("\n")
    depth, found = 0, []
    for number, (line, written) in enumerate(zip(blank, text.split("\n"), strict=True), start=1):
        if depth == 0 and not line.startswith(_INSIDE):
            found.append((number, written))
        value = line if depth > 0 else line.partition("=")[2]
        depth += sum(value.count(c) for c in "[{") - sum(value.count(c) for c in "]}")
    return found


def _blanked(match: re.Match[str]) -> str:
    """Same number of lines; what a string holds is no syntax."""
    first, *rest = match[0].split("\n")
    if not rest:
        return "_" * len(first)
    return "_" * len(first) + f"\n{_INSIDE}" * len(rest)


def _words(line: str) -> tuple[list[str], str]:
    head = re.match(r"\s*(\[\[?)?", line)
    assert head is not None
    at, words = head.end(), []
    while (word := _WORD.match(line, at)) is not None:
        text = word[1]
        words.append(text[1:-1] if text[0] in "\"'" else text)
        at = word.end()
        if not word[2]:
            break
    return words, head[1] or ""
