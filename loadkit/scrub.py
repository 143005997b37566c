"""Takes secrets out of text before it is written anywhere.

What is recognised: credentials in URLs and in ``Authorization`` headers, values of keys that are
named like secrets (``api_key=…``, ``"password": "…"``), and tokens that are known by their shape.
It errs on the side of removing.
"""

from __future__ import annotations

import re

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
    (re.compile(rf"(?i)\b({_KEYS}[\"']?\s*[:=]\s*)(\"[^\"]*\"|'[^']*'|[^\s\"',;&)}}\]]+)"),
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

# Nine searches of each line would cost more than all the rest of reading it. Every rule above
# needs one of these somewhere.
_SUSPICIOUS = re.compile(
    r"(?i)key|secret|token|passw|pwd|passphrase|authori|bearer|basic|cookie|credential|session|"
    r"[?&;](?:auth|sig|signature|sid|code)=|://[^\s/]*@|hooks\.slack|eyJ|AKIA|ASIA|(?:sk|pk|rk|gh[pos]|xox[abpors])[-_]"
)


def scrub(text: str, longest: int = LONGEST) -> str:
    """The text without secrets, at most ``longest`` characters of it."""
    if len(text) > longest:
        text = text[:longest] + "…"
    if not _SUSPICIOUS.search(text):
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
