"""What a value may be: checks what a TOML file, a variable or an option says."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from loadkit.config.secret import Secret, means_secret
from loadkit.errors import UsageError
from loadkit.model.abort import ERRORS, EXAMPLES, PROMQL, SLO, AbortRule
from loadkit.model.selector import parse_selector, parse_share

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h)?")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}
_SOURCED = re.compile(r"(?P<before>[A-Za-z]+ +)?(?P<source>env:\w+|file:\S.*)")
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class WrongValue(ValueError):
    """Why a value is none of its kind: the end of a sentence such as ``must be a URL``."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value.

    Attributes:
        name: for the documentation, such as ``"URL"``.
        check: what was written, and the folder where relative paths start → the value.
        scalar: whether one word of the environment can say it.
    """

    name: str
    check: Callable[[Any, Path], Any]
    scalar: bool = True

    def of_text(self, text: str, folder: Path) -> Any:
        """The value from a variable.

        Raises:
            WrongValue: it is none.
        """
        if self.name.startswith(("number", "whole number")):
            return self.check(_numeral(text), folder)
        if self.name == "true or false":
            low = text.strip().lower()
            if low in (*_TRUE, *_FALSE):
                return low in _TRUE
        return self.check(text, folder)


def _numeral(text: str) -> object:
    for of in (int, float):
        try:
            return of(text)
        except ValueError:
            continue
    return text


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant."""
    found = difflib.get_close_matches(name.lower(), list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _text(value: Any, _: Path) -> str:
    if not isinstance(value, str) or not value.strip():
        raise WrongValue("must be a text")
    return value.strip()


def _texts(value: Any, _: Path) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(w, str) and w.strip() for w in words):
        raise WrongValue('must be a list of texts, such as ["a", "b"]')
    return tuple(word.strip() for word in words)


def _rule(kind: str) -> Callable[[Any, Path], str]:
    def check(value: Any, folder: Path) -> str:
        text = _text(value, folder)
        try:
            return AbortRule(kind, text).text
        except UsageError as error:
            raise WrongValue(f"must be such as {EXAMPLES[kind]!r}: {error.what}") from None

    return check


def _rules(kind: str) -> Callable[[Any, Path], tuple[str, ...]]:
    one = _rule(kind)
    return lambda value, folder: tuple(one(text, folder) for text in _texts(value, folder))


def _hosts(value: Any, folder: Path) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(w, str) and w.strip() for w in value):
        raise WrongValue('must be a list of hosts, such as ["staging.example"]')
    for host in value:
        if "/" in host or "*" in host:
            raise WrongValue(f"must be a list of host names without scheme or port, not {host!r}")
    return _texts(value, folder)


def _url(value: Any, folder: Path) -> str:
    text = _text(value, folder)
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise WrongValue("must be a URL such as http://127.0.0.1:9090")
    if parts.query or parts.fragment:
        raise WrongValue("must be a URL without ? and #")
    return text.rstrip("/")


def _endpoints(value: Any, folder: Path) -> tuple[str, ...]:
    # With a query: some expositions want one (/metrics?format=prometheus).
    for text in (words := _texts(value, folder)):
        _url(text.partition("?")[0], folder)
    return words


def _path(value: Any, folder: Path) -> Path:
    return folder / Path(_text(value, folder)).expanduser()


def _number(low: float, high: float, words: str, *, open_low: bool) -> Kind:
    def check(value: Any, _: Path) -> float:
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not math.isfinite(value) or not low <= value <= high:
            raise WrongValue(f"must be a number {words}")
        if open_low and value == low:
            raise WrongValue(f"must be a number {words}")
        return float(value)

    return Kind(f"number {words}", check)


def _whole(low: int, high: int, words: str) -> Kind:
    def check(value: Any, _: Path) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise WrongValue(f"must be a whole number {words}")
        return value

    return Kind(f"whole number {words}", check)


def _flag(value: Any, _: Path) -> bool:
    if not isinstance(value, bool):
        raise WrongValue("must be true or false")
    return value


def _duration(value: Any, _: Path) -> float:
    found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = float(found[1]) * _SECONDS[found[2]] if found else 0.0
    if not 0 < seconds < math.inf:
        raise WrongValue('must be a duration above 0 such as "1s", "500ms" or "2m"')
    return seconds


def _listen(value: Any, folder: Path) -> str:
    text = _text(value, folder)
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise WrongValue("must be HOST:PORT, such as 127.0.0.1:9646")
    return text


def _selector(value: Any, folder: Path) -> str:
    text = _text(value, folder)
    braced = text if text.startswith("{") else f"{{{text}}}"
    try:
        matchers = parse_selector(f"any{braced}", "").matchers
    except UsageError:
        matchers = ()
    if not matchers:
        raise WrongValue('must be matchers such as {namespace="shop",pod=~"web-.*"}')
    return f"{{{','.join(map(str, matchers))}}}"


def _metric(value: Any, folder: Path) -> str:
    text = _text(value, folder)
    try:
        parse_selector(text, "")
    except UsageError as error:
        raise WrongValue(f"must be a metric or a selector: {error.what}") from None
    return text


def _shares(value: Any, folder: Path) -> tuple[str, ...]:
    for text in (words := _texts(value, folder)):
        try:
            parse_share(text, "")
        except UsageError as error:
            raise WrongValue(f"must be shares such as used / limit: {error.what}") from None
    return words


def _headers(value: Any, folder: Path) -> Mapping[str, Secret]:
    if not isinstance(value, dict):
        raise WrongValue('must be a table such as { Authorization = "env:NAME" }')
    return {str(name): _header(str(name), written, folder) for name, written in value.items()}


def _header(name: str, written: Any, folder: Path) -> Secret:
    if not _HEADER.fullmatch(name):
        raise WrongValue(f"has {name!r}, which is no name of a header")
    if not isinstance(written, str) or not written.strip():
        raise WrongValue(f'{name} must be "env:NAME" or "file:PATH"')
    found = _SOURCED.fullmatch(written.strip())
    if found is not None:
        return Secret(found["source"], folder, before=(found["before"] or "").strip())
    if written.strip().startswith(("env:", "file:")):
        raise WrongValue(f'{name} must be "env:NAME" or "file:PATH"')
    if means_secret(name):
        raise WrongValue(
            f'{name} must be "env:NAME" or "file:PATH": a secret does not belong in this file'
        )
    if not written.isascii() or not written.isprintable():
        raise WrongValue(f"{name} has characters that no header can have")
    return Secret(literal=written.strip())


def choice(*words: str) -> Kind:
    """One of a few words."""
    listed = " | ".join(words)

    def check(value: Any, _: Path) -> str:
        if value not in words:
            near = nearest(value, words) if isinstance(value, str) else None
            raise WrongValue(f"must be one of {listed}" + (f" (meant {near}?)" if near else ""))
        return str(value)

    return Kind(listed, check)


TEXT = Kind("text", _text)
TEXTS = Kind("list of texts", _texts, scalar=False)
ABORT_ERRORS = Kind("text", _rule(ERRORS))
ABORT_SLO = Kind("list of texts", _rules(SLO), scalar=False)
ABORT_PROMQL = Kind("list of texts", _rules(PROMQL), scalar=False)
HOSTS = Kind("list of hosts", _hosts, scalar=False)
URL = Kind("URL", _url)
METRIC = Kind("metric or selector", _metric)
SHARES = Kind("list of shares", _shares, scalar=False)
SELECTOR = Kind("matchers", _selector)
ENDPOINTS = Kind("list of URLs", _endpoints, scalar=False)
PATH = Kind("path", _path)
LISTEN = Kind("HOST:PORT", _listen)
DURATION = Kind("duration", _duration)
FLAG = Kind("true or false", _flag)
POSITIVE = _number(0, math.inf, "above 0", open_low=True)
RATIO = _number(0, 1, "from 0 to 1", open_low=False)
PID = _whole(1, 2**31 - 1, "above 0")
PORT = _whole(1, 65535, "from 1 to 65535")
HEADERS = Kind("table of headers", _headers, scalar=False)
