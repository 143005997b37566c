"""Python text as ruff's formatter leaves it, from values that may come from anywhere.

A value is flat where it fits; where it does not, each item has its own line and a trailing comma,
which the formatter then keeps. Nothing foreign can leave its string or comment: what is not
printable is escaped in a string and replaced in a comment.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from loadkit.init.draft import Field, Joined, Secret

WIDTH = 88
STEP = 4
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\\": "\\\\"}

Arguments = Sequence[tuple[str | None, Any]]
"""Arguments of a call: (keyword or None, value)."""


def string(text: str) -> str:
    """A string literal."""
    return _quoted([_escaped(text)])


def _escaped(text: str, braces: bool = False) -> str:
    if braces:
        text = text.replace("{", "{{").replace("}", "}}")
    return "".join(_character(c) for c in text)


def _character(c: str) -> str:
    if c in _ESCAPES:
        return _ESCAPES[c]
    if c.isprintable():
        return c
    code = ord(c)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else (
        f"\\U{code:08x}")  # fmt: skip


def _quoted(parts: Sequence[str], prefix: str = "") -> str:
    """Between the quotes that need fewer escapes, double ones in doubt."""
    text = "".join(parts)
    quote = "'" if text.count('"') > text.count("'") else '"'
    return f"{prefix}{quote}{text.replace(quote, chr(92) + quote)}{quote}"


def _joined(value: Joined) -> str:
    parts = []
    for part in value.parts:
        if isinstance(part, str):
            parts.append(_escaped(part, braces=True))
        else:
            parts.append("{" + atom(part) + "}")
    return _quoted(parts, prefix="f")


def atom(value: Any) -> str:
    """The literal of a value that is no container.

    Raises:
        TypeError: there is none.
    """
    match value:
        case Secret():
            return value.variable
        case Field():
            return f"self.{value.name}"
        case Joined():
            return _joined(value)
        case str():
            return string(value)
        case bytes():
            return "b" + _quoted([_escaped_byte(byte) for byte in value])
        case None | bool() | int():
            return repr(value)
        case float():
            return repr(value).replace("e+", "e")
    raise TypeError(f"no literal for {type(value).__name__}")


def _escaped_byte(byte: int) -> str:
    return _character(chr(byte)) if byte < 0x7F else f"\\x{byte:02x}"


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{atom(k)}: {_flat(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flat, value)) + "]"
    if isinstance(value, tuple):
        inner = ", ".join(map(_flat, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return atom(value)


def columns(text: str) -> int:
    """How wide a text is at most: some characters take two columns."""
    return sum(1 if c.isascii() else 2 for c in text)


def literal(value: Any, indent: int, before: int, after: int = 1) -> str:
    """The literal of a JSON-like value, on several lines where it does not fit on one.

    Args:
        value: mappings, lists and tuples of atoms.
        indent: columns by which the line is indented.
        before: columns in use on that line before the value, the indent among them.
        after: columns in use behind it.
    """
    flat = _flat(value)
    whole = before + columns(flat) + after <= WIDTH
    if whole or not isinstance(value, Mapping | list | tuple) or not value:
        return flat
    pad = " " * (indent + STEP)
    lines = []
    if isinstance(value, Mapping):
        opening, closing = "{", "}"
        for key, item in value.items():
            head = f"{pad}{atom(key)}: "
            lines.append(head + literal(item, indent + STEP, columns(head)) + ",")
    else:
        opening, closing = ("[", "]") if isinstance(value, list) else ("(", ")")
        lines = [f"{pad}{literal(item, indent + STEP, indent + STEP)}," for item in value]
    return "\n".join([opening, *lines, " " * indent + closing])


def call(function: str, arguments: Arguments, indent: int, head: str = "", tail: str = "") -> str:
    """A call as a line or several, indented; ``head`` is before it (``x = ``), ``tail`` behind."""
    pad = " " * indent
    flat = ", ".join(_keyword(k) + _flat(v) for k, v in arguments)
    line = f"{pad}{head}{function}({flat}){tail}"
    if columns(line) <= WIDTH or not arguments:
        return line
    inner = indent + STEP
    lines = []
    for keyword, value in arguments:
        start = " " * inner + _keyword(keyword)
        lines.append(start + literal(value, inner, columns(start)) + ",")
    return "\n".join([f"{pad}{head}{function}(", *lines, f"{pad}){tail}"])


def assignment(name: str, text: str, indent: int) -> list[str]:
    """A text given a name; in parentheses where it fits only so."""
    pad, quoted = " " * indent, string(text)
    line = f"{pad}{name} = {quoted}"
    inner = f"{pad}{' ' * STEP}{quoted}"
    if columns(line) <= WIDTH or columns(inner) > WIDTH:
        return [line]
    return [f"{pad}{name} = (", inner, f"{pad})"]


def _keyword(keyword: str | None) -> str:
    return "" if keyword is None else f"{keyword}="


def comment(text: str, indent: int = 0, most: int = 3) -> list[str]:
    """Comment lines from any text, at most so many; the rest is cut with an ellipsis."""
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    # A colon behind such a word would be taken for an instruction to a tool.
    plain = plain.replace("#", "").strip()
    for word in ("noqa", "fmt", "ruff", "type", "isort", "pyright", "mypy", "pylint"):
        if plain.lower().startswith(word):
            plain = f"“{plain}”"
            break
    pad = " " * indent + "# "
    lines = textwrap.wrap(
        plain, WIDTH - len(pad), max_lines=most, placeholder=" …", break_on_hyphens=False
    )
    return [pad + line for line in lines]
