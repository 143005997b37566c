"""Takes secrets out of text before it is written anywhere.

What is recognised: credentials in URLs and in ``Authorization`` headers, values of keys that are
named like secrets (``api_key=…``, ``"password": "…"``), and tokens that are known by their shape.
It errs on the side of removing. Values that ``keep_out`` was told of are removed wherever they
stand, whatever they look like.
"""

from __future__ import annotations

import base64
import json
import re
from urllib.parse import quote, quote_plus

REMOVED = "[removed]"
LONGEST = 4_000
"""Text beyond this many characters is cut before it is searched."""

_KEYS = (
    r"(?:[a-z0-9]+[-_.])*(?:api[-_]?key|apikey|access[-_]?key(?:[-_]?id)?|secret(?:[-_]?key)?|"
    r"token|password|passwd|pwd|passphrase|private[-_]?key|routing[-_]?key|service[-_]?key|"
    r"client[-_]?secret|session[-_]?id|x-api-key|credentials?)"
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END[^-]*-----|$)", re.S), REMOVED),
    (re.compile(r"(?i)\b(authorization[\"']?\s*[:=]\s*[\"']?)(?:[a-z]+\s+)?[^\s\"',;]+"),
     rf"\1{REMOVED}"),
    (re.compile(r"(?i)\b((?:set-)?cookie[\"']?\s*[:=]\s*[\"']?)[^\"'\n]+"), rf"\1{REMOVED}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[\w+/=.~-]{6,}"), rf"\1 {REMOVED}"),
    (re.compile(rf"(?i)\b({_KEYS}[\"']?\s*[:=]\s*)(?!\[removed\])(\"[^\"]*\"|'[^']*'|[^\s\"',;&)}}\]]+)"),
     rf"\1{REMOVED}"),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@?#'\"]+@"), rf"\1{REMOVED}@"),
    # Short names that mean a secret in a query and nothing of the kind in a sentence.
    (re.compile(r"(?i)([?&;](?:auth|key|sig|signature|pwd|sid|code)=)[^&\s;#'\"<>)]+"),
     rf"\1{REMOVED}"),
    (re.compile(r"https://hooks\.slack\.com/services/\S+"), REMOVED),
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), REMOVED),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), REMOVED),
    (re.compile(r"\b(?:sk|pk|rk|ghp|gho|ghs|xox[abpors])[-_][\w-]{12,}"), REMOVED),
)  # fmt: skip

SHORTEST = 4
"""A value of fewer characters cannot be told from other text."""

_values: set[str] = set()
_known: re.Pattern[str] | None = None


def keep_out(value: str) -> None:
    """From now on this process removes a value from everything: as it is, quoted for a URL, as in
    JSON, and in base64 (by itself). Values shorter than ``SHORTEST`` are left alone."""
    global _known
    if len(value) < SHORTEST:
        return
    _values.update(
        {
            value,
            quote(value),
            quote(value, safe=""),
            quote_plus(value),
            json.dumps(value)[1:-1],
            json.dumps(value, ensure_ascii=False)[1:-1],
            base64.b64encode(value.encode()).decode().rstrip("="),
        }
    )
    # The longest first: one may be the beginning of another.
    ordered = sorted(_values, key=lambda known: (-len(known), known))
    _known = re.compile("|".join(map(re.escape, ordered)))


def without_known(text: str) -> str:
    """The text without the values that ``keep_out`` was told of, else as it is."""
    return text if _known is None else _known.sub(REMOVED, text)


# Nine searches of each line would cost more than all the rest of reading it. Every rule above
# needs one of these somewhere.
_SUSPICIOUS = re.compile(
    r"(?i)key|secret|token|passw|pwd|passphrase|authori|bearer|basic|cookie|credential|session|"
    r"[?&;](?:auth|sig|signature|sid|code)=|://[^\s/]*@|hooks\.slack|eyJ|AKIA|ASIA|(?:sk|pk|rk|gh[pos]|xox[abpors])[-_]"
)


def scrub(text: str, longest: int = LONGEST) -> str:
    """The text without secrets, at most ``longest`` characters of it."""
    text = without_known(text)  # before it is cut: half a secret is one still
    if len(text) > longest:
        text = text[:longest] + "…"
    if not _SUSPICIOUS.search(text):
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
