"""As much of PromQL as is needed to divide its lengths of time and to see what it asks for.

Nothing is evaluated here: that is Prometheus' business. Expressions are taken to be valid.
"""

from __future__ import annotations

import ast
import itertools
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadkit.stack import timescale

_TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<comment>\#[^\n]*)
      | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
      | (?P<duration>(?:\d+(?:ms|[smhdwy]))+(?![\w.]))
      | (?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
      | (?P<word>:?[A-Za-z_][\w:]*)
      | (?P<sign>=~|!~|==|!=|<=|>=|.)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_SKIPPED = frozenset({"space", "comment"})
_LABEL_LISTS = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
_OPERATORS = frozenset({"and", "or", "unless", "atan2", "bool", "offset", *_LABEL_LISTS})
_NUMBERS = frozenset({"inf", "nan"})
# Their value grows with the length of the window, or is a time itself.
_WINDOW_SIZED = frozenset(
    {
        "changes",
        "count_over_time",
        "delta",
        "increase",
        "predict_linear",
        "resets",
        "sum_over_time",
        "time",
        "timestamp",
    }
)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of an expression. The pieces in a row are the expression, to the letter."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Matcher:
    """A condition on a label: ``=``, ``!=``, ``=~`` or ``!~``."""

    label: str
    operator: str
    value: str

    def accepts(self, value: str) -> bool:
        """Whether a label of this value passes. A pattern we cannot read passes everything."""
        if self.operator in ("=", "!="):
            return (value == self.value) == (self.operator == "=")
        if "[:" in self.value:  # a class such as [[:alpha:]], which Python reads otherwise
            return True
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                matched = re.fullmatch(self.value, value) is not None
        except re.error:  # valid for Prometheus, whose dialect differs in details
            return True
        return matched == (self.operator == "=~")

    def __str__(self) -> str:
        return f'{self.label}{self.operator}"{self.value}"'


@dataclass(frozen=True, slots=True)
class Selector:
    """Series that an expression asks for. ``metric`` is None when only a pattern names them."""

    metric: str | None
    matchers: tuple[Matcher, ...]

    def on(self, label: str) -> tuple[Matcher, ...]:
        """The conditions on one label."""
        return tuple(matcher for matcher in self.matchers if matcher.label == label)


def tokens(expression: str) -> tuple[Token, ...]:
    """The pieces of an expression, spaces and comments included."""
    return tuple(
        Token(str(found.lastgroup), found.group()) for found in _TOKEN.finditer(expression)
    )


def scale(expression: str, by: int) -> str:
    """Divides ranges, subqueries' steps and offsets; leaves everything else to the letter.

    ``scale("rate(x[5m] offset 1h)", 15) == "rate(x[20s] offset 240s)"``. Lengths of time in
    strings and comments are text, and numbers outside brackets are thresholds.
    """
    pieces = []
    in_brackets = False
    state = _Offset()
    for token in tokens(expression):
        pieces.append(_scaled(token, in_brackets or state.expects(token), by))
        if token.text in "[]" and token.kind == "sign":
            in_brackets = token.text == "["
        if token.kind not in _SKIPPED:
            state.see(token)
    return "".join(pieces)


class _Offset:
    """Follows an expression and knows when the next number is the length of an offset."""

    def __init__(self) -> None:
        self._after_operand = False
        self._pending = False
        self._surely = False

    def expects(self, token: Token) -> bool:
        if not self._pending:
            return False
        # A metric may be called offset, too; then what follows it is an operator, and the
        # number after that a threshold. A duration can follow the keyword only.
        return token.kind == "duration" or (token.kind == "number" and self._surely)

    def see(self, token: Token) -> None:
        if token.kind == "word" and token.text.lower() == "offset":
            self._pending, self._surely = True, self._after_operand
        elif not (self._pending and token.text in ("-", "+")):
            self._pending = False
        operator = token.kind == "word" and token.text.lower() in _OPERATORS
        self._after_operand = not operator and (token.kind != "sign" or token.text in "])}")


def _scaled(token: Token, is_length: bool, by: int) -> str:
    if not is_length:
        return token.text
    if token.kind == "duration":
        return timescale.scale_text(token.text, by)
    if token.kind == "number":  # seconds, as newer versions of Prometheus allow
        seconds = _number(token.text)
        if not math.isfinite(seconds * 1000):
            return token.text
        milliseconds = round(seconds * 1000)
        return timescale.format_ms(timescale.scale_ms(milliseconds, by))
    return token.text


def _number(text: str) -> float:
    return float(int(text, 16)) if text[:2].lower() == "0x" else float(text)


def window_sized(expression: str) -> tuple[str, ...]:
    """Functions in it whose value changes with the scale of time, such as ``increase``."""
    significant = _significant(expression)
    found = {
        token.text
        for token, after in itertools.pairwise(significant)
        if token.kind == "word" and token.text in _WINDOW_SIZED and after.text == "("
    }
    return tuple(sorted(found))


def selectors(expression: str) -> tuple[Selector, ...]:
    """All the series that an expression asks for, in the order in which they stand."""
    return tuple(_selectors(_significant(expression)))


def _significant(expression: str) -> list[Token]:
    return [token for token in tokens(expression) if token.kind not in _SKIPPED]


def _selectors(pieces: Sequence[Token]) -> Iterator[Selector]:
    at = 0
    while at < len(pieces):
        token = pieces[at]
        following = pieces[at + 1].text if at + 1 < len(pieces) else ""
        if token.text == "{" and token.kind == "sign":
            matchers, at = _matchers(pieces, at)
            yield _selector(None, matchers)
        elif token.kind != "word":
            at += 1
        elif token.text.lower() in _LABEL_LISTS and following == "(":
            while at < len(pieces) and pieces[at].text != ")":
                at += 1
        elif not _is_metric(token.text, following):
            at += 1
        elif following == "{":
            matchers, at = _matchers(pieces, at + 1)
            yield _selector(token.text, matchers)
        else:
            at += 1
            yield Selector(token.text, ())


def _is_metric(word: str, following: str) -> bool:
    if following == "(" or word.lower() in _OPERATORS | _NUMBERS:
        return False
    # sum by (job) (...): the name of an aggregation with its labels first.
    return following.lower() not in ("by", "without")


def _matchers(pieces: Sequence[Token], at: int) -> tuple[list[Matcher], int]:
    """Reads from the brace at ``at``; returns the conditions and where to go on."""
    matchers = []
    at += 1
    while at < len(pieces) and pieces[at].text != "}":
        token = pieces[at]
        operator = pieces[at + 1].text if at + 1 < len(pieces) else ""
        if operator in ("=", "!=", "=~", "!~") and at + 2 < len(pieces):
            label = _unquoted(token.text) if token.kind == "string" else token.text
            matchers.append(Matcher(label, operator, _unquoted(pieces[at + 2].text)))
            at += 3
            continue
        if token.kind == "string":  # {"a metric in quotes"}
            matchers.append(Matcher("__name__", "=", _unquoted(token.text)))
        at += 1
    return matchers, at + 1


def _selector(metric: str | None, matchers: Sequence[Matcher]) -> Selector:
    for matcher in matchers:
        if metric is None and matcher.label == "__name__" and matcher.operator == "=":
            metric = matcher.value
    return Selector(metric, tuple(matchers))


def _unquoted(text: str) -> str:
    if text.startswith("`"):
        return text[1:-1]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text[1:-1]
    return str(value)
