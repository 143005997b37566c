"""Which series are meant: a metric with label matchers as PromQL writes them, and shares of two.

A selector is ``name`` or ``name{label="value", other=~"5.."}``. A share is what saturation needs:
``used / limit``, ``1 - free / limit``, or one selector that is a share already. The numbers of all
series that a selector finds are added up per target before they are divided.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from loadkit.errors import UsageError

_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'')
_COMPLEMENT = re.compile(r"\s*1\s*-\s*")
_EXAMPLE = 'Write one such as http_requests_total{status=~"5.."}.'
_SHARE_EXAMPLE = "Write one such as queue_depth / queue_capacity."


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on a label; a label that a series lacks is the empty text."""

    label: str
    operator: str  # = != =~ !~
    value: str

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether a series with these labels meets it. Patterns match the whole value."""
        own = labels.get(self.label, "")
        if self.operator in ("=", "!="):
            return (own == self.value) == (self.operator == "=")
        return bool(_pattern(self.value).fullmatch(own)) == (self.operator == "=~")

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace('"', '\\"')
        return f'{self.label}{self.operator}"{value}"'


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


@dataclass(frozen=True, slots=True)
class Selector:
    """Series of one name whose labels meet all matchers."""

    name: str
    matchers: tuple[Matcher, ...] = ()

    def holds(self, labels: Mapping[str, str]) -> bool:
        """Whether a series of the name with these labels is meant."""
        return all(matcher.holds(labels) for matcher in self.matchers)

    def __str__(self) -> str:
        inside = ",".join(map(str, self.matchers))
        return f"{self.name}{{{inside}}}" if inside else self.name


@dataclass(frozen=True, slots=True)
class Share:
    """``part``, ``part / whole``, ``1 - part`` or ``1 - part / whole``."""

    part: Selector
    whole: Selector | None = None
    complement: bool = False

    def __str__(self) -> str:
        text = str(self.part) if self.whole is None else f"{self.part} / {self.whole}"
        return f"1 - {text}" if self.complement else text


def parse_selector(text: str, where: str) -> Selector:
    """Reads a selector.

    Raises:
        UsageError: it is none; ``where`` names the setting in the message.
    """
    selector, rest = _selector(text.strip(), where, _EXAMPLE)
    if rest.strip():
        raise _refused(text, f"{rest.strip()!r} follows the selector", where, _EXAMPLE)
    return selector


def parse_share(text: str, where: str) -> Share:
    """Reads a share.

    Raises:
        UsageError: it is none; ``where`` names the setting in the message.
    """
    found = _COMPLEMENT.match(text)
    part, rest = _selector(text[found.end() if found else 0 :].strip(), where, _SHARE_EXAMPLE)
    rest = rest.strip()
    if not rest:
        return Share(part, None, bool(found))
    if not rest.startswith("/"):
        raise _refused(text, f"{rest!r} is not a division by a metric", where, _SHARE_EXAMPLE)
    whole, rest = _selector(rest[1:].strip(), where, _SHARE_EXAMPLE)
    if rest.strip():
        raise _refused(text, f"{rest.strip()!r} follows it", where, _SHARE_EXAMPLE)
    return Share(part, whole, bool(found))


def _selector(text: str, where: str, example: str) -> tuple[Selector, str]:
    name = _NAME.match(text)
    if name is None:
        raise _refused(text, "it does not begin with the name of a metric", where, example)
    rest = text[name.end() :].lstrip()
    if not rest.startswith("{"):
        return Selector(name[0]), rest
    matchers, rest = _matchers(text, rest[1:], where, example)
    return Selector(name[0], matchers), rest


def _matchers(
    text: str, rest: str, where: str, example: str
) -> tuple[tuple[Matcher, ...], str]:  # fmt: skip
    found: list[Matcher] = []
    while not (rest := rest.lstrip()).startswith("}"):
        label = _LABEL.match(rest)
        value = _QUOTED.match(rest, label.end()) if label else None
        if label is None or value is None:
            raise _refused(text, 'its braces do not hold label="value"', where, example)
        raw = value[1] if value[1] is not None else value[2]
        plain = re.sub(r"""\\(["'\\])""", r"\1", raw)
        if label[2] in ("=~", "!~"):
            _check_pattern(text, plain, where, example)
        found.append(Matcher(label[1], label[2], plain))
        rest = rest[value.end() :].lstrip()
        if rest.startswith(","):
            rest = rest[1:]
        elif not rest.startswith("}"):
            raise _refused(text, "its braces are not closed", where, example)
    return tuple(found), rest[1:]


def _check_pattern(text: str, pattern: str, where: str, example: str) -> None:
    try:
        _pattern(pattern)
    except re.error as error:
        raise _refused(text, f"{pattern!r} is no pattern ({error})", where, example) from None


def _refused(text: str, why: str, where: str, example: str) -> UsageError:
    return UsageError(f"{text!r} is not a selector: {why}", where=where, remedy=example)
