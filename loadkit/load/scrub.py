"""Secrets out of texts that go into a bundle."""

from __future__ import annotations

import re

LONGEST = 300
_HIDDEN = "***"
_SECRET = (
    r"[\w-]*(?:token|secret|password|passwd|passphrase|api[_-]?key|apikey|access[_-]?key|"
    r"signature|credential|session[_-]?id)[\w-]*|auth|key|sig|pwd|sid|code"
)
_USERINFO = re.compile(r"(?P<scheme>\b[a-z][a-z0-9+.-]*://)[^\s/@?#'\"]+@", re.IGNORECASE)
_QUERY = re.compile(rf"(?P<head>[?&;](?:{_SECRET})=)[^&\s;#'\"<>)]+", re.IGNORECASE)
_SCHEME = re.compile(r"\b(?P<head>bearer|basic|digest|apikey)\s+[\w+/=.~-]{6,}", re.IGNORECASE)
_HEADER = re.compile(
    r"(?P<head>\b(?:proxy-)?authorization|x-api-key|x-auth-token|set-cookie|cookie)"
    r"(?P<mid>['\"]?+\s*+[:=]\s*+['\"]?+)(?!(?:bearer|basic|digest|apikey)\b)[^'\"\n,}]+",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"(?P<head>\b[\w-]*(?:token|secret|password|passwd|api[_-]?key)[\w-]*['\"]?\s*[:=]\s*['\"]?)"
    r"[^\s'\"&,;}*][^\s'\"&,;}]*",
    re.IGNORECASE,
)


def scrub(text: str) -> str:
    """The text without user names and passwords in URLs, secret query parameters and headers."""
    text = _USERINFO.sub(rf"\g<scheme>{_HIDDEN}@", text)
    text = _SCHEME.sub(rf"\g<head> {_HIDDEN}", text)
    text = _HEADER.sub(rf"\g<head>\g<mid>{_HIDDEN}", text)
    text = _QUERY.sub(rf"\g<head>{_HIDDEN}", text)
    return _ASSIGNED.sub(rf"\g<head>{_HIDDEN}", text)


def message(text: str) -> str:
    """A message for a table: scrubbed, one line, at most LONGEST characters."""
    # Scrubbed before it is cut: half a secret is one still. Bounded first: bodies may be huge.
    clean = " ".join(scrub(text[: LONGEST * 20]).split())
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"
