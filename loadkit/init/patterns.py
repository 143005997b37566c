"""A text that a simple regular expression matches."""

from __future__ import annotations

import re
from collections.abc import Callable

_LONGEST = 10_000
_CLASSES = {"d": "0123456789", "w": "abcdefghijklmnopqrstuvwxyz0123456789_", "s": " "}
_CONTROL = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_ANY = "abcdefghijklmnopqrstuvwxyz"
_PRINTABLE = [chr(code) for code in range(0x20, 0x7F)]

Piece = Callable[[int], str]
"""A text for a number of repeats beyond the fewest that an open repetition asks for."""


class _Unknown(Exception):
    """The expression has something that is not known here."""


def matching(pattern: str, shortest: int = 0, longest: int | None = None) -> str | None:
    """A text with a match of ``pattern`` somewhere, of a length within the bounds.

    None where none was found: look-arounds, back references and Unicode classes are not known.
    """
    try:
        expression = re.compile(pattern)
        piece = _Reader(pattern).whole()
    except (re.error, _Unknown, RecursionError, OverflowError):
        return None
    for extra in range(min(shortest, 1_000) + 1):
        text = piece(extra)
        if len(text) < shortest and not pattern.endswith("$"):
            text += "a" * (shortest - len(text))
        fits = shortest <= len(text) and (longest is None or len(text) <= longest)
        if fits and expression.search(text):
            return text
        if len(text) > _LONGEST:
            break
    return None


def holds(pattern: str, text: str) -> bool:
    """Whether a text has a match; False where the pattern is none of Python's."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False


class _Reader:
    """Reads an expression from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0

    def whole(self) -> Piece:
        piece = self._alternatives()
        if self._at < len(self._pattern):
            raise _Unknown
        return piece

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _next(self) -> str:
        c = self._peek()
        if not c:
            raise _Unknown
        self._at += 1
        return c

    def _alternatives(self) -> Piece:
        """The first one; the others are read over."""
        first = self._sequence()
        while self._peek() == "|":
            self._next()
            self._sequence()
        return first

    def _sequence(self) -> Piece:
        pieces: list[Piece] = []
        while self._peek() and self._peek() not in "|)":
            pieces.append(self._repeated(self._one()))
        return lambda extra: "".join(piece(extra) for piece in pieces)

    def _one(self) -> Piece:
        c = self._next()
        if c in "^$":
            return lambda extra: ""
        if c == "(":
            return self._group()
        if c == "[":
            choice = self._set()
        elif c == "\\":
            choice = self._escaped()
            if choice == "":
                return lambda extra: ""
        elif c == ".":
            choice = _ANY
        elif c in "*+?":
            raise _Unknown
        else:
            choice = c
        return lambda extra: choice[0]

    def _group(self) -> Piece:
        if self._peek() == "?":
            self._next()
            c = self._next()
            if c == "P" or (c == "<" and self._peek() not in "=!"):
                while self._next() != ">":
                    pass
            elif c != ":":
                raise _Unknown
        piece = self._alternatives()
        if self._next() != ")":
            raise _Unknown
        return piece

    def _escaped(self) -> str:
        c = self._next()
        if c in _CLASSES:
            return _CLASSES[c]
        if c in "bBAZz":
            return ""
        if c in "DWS":
            return "-" if c in "DW" else "a"
        if c in _CONTROL:
            return _CONTROL[c]
        if c in "xu":
            digits = self._pattern[self._at : self._at + (2 if c == "x" else 4)]
            self._at += len(digits)
            try:
                return chr(int(digits, 16))
            except ValueError:
                raise _Unknown from None
        if c.isalnum():
            raise _Unknown
        return c

    def _set(self) -> str:
        negated = self._peek() == "^"
        if negated:
            self._next()
        found: list[str] = []
        while self._peek() != "]" or not found:
            c = self._next()
            if c == "\\":
                found += self._escaped() or "\b"
            elif c == "[" and self._peek() == ":":
                raise _Unknown
            else:
                found.append(c)
                continue_range = self._pattern[self._at : self._at + 1] == "-"
                if continue_range and self._pattern[self._at + 1 : self._at + 2] not in ("]", ""):
                    self._next()
                    last = self._next()
                    last = self._escaped()[:1] if last == "\\" else last
                    found += _between(c, last)
        self._next()
        if negated:
            found = [c for c in [*_ANY, *_PRINTABLE] if c not in found]
        plain = [c for c in found if c.isalnum()]
        chosen = plain or found
        if not chosen:
            raise _Unknown
        return "".join(chosen)

    def _repeated(self, piece: Piece) -> Piece:
        c = self._peek()
        least, most = 1, 1
        if c and c in "*+?":
            self._next()
            least, most = (1, _LONGEST) if c == "+" else (0, 1 if c == "?" else _LONGEST)
        elif c == "{" and (found := re.match(r"\{(\d*)(,?)(\d*)\}", self._pattern[self._at :])):
            self._at += found.end()
            least = int(found[1] or 0)
            most = int(found[3]) if found[3] else _LONGEST if found[2] else least
        else:
            return piece
        if self._peek() in ("?", "+") and self._peek():
            self._next()
        if least > _LONGEST:
            raise _Unknown
        return lambda extra: piece(extra) * min(least + extra, max(most, least))


def _between(first: str, last: str) -> list[str]:
    return [chr(code) for code in range(ord(first), min(ord(last), ord(first) + 200) + 1)]
