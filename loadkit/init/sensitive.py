"""What must not be written down: names that stand for a secret, texts that look like one."""

from __future__ import annotations

import re

from loadkit.scrub import scrub

_NAMES = re.compile(
    r"""(?x)
    (?: ^ | [-_. \[] ) (?:
        auth | authorization | authenticity | token | csrf | xsrf | csrftoken | xsrftoken
        | secret | password | passwd | passwort | pwd | pass | passcode | passphrase | pin | otp
        | totp | cvv | cvc | apikey | key | signature | sig | hmac | nonce | session | sessionid
        | sid | jsessionid | phpsessid | credential | credentials | cookie | jwt | bearer | state
        | code | assertion | ticket | saml | samlresponse | samlrequest | challenge | verifier
    ) (?: $ | [-_. \]] | \d )
    | csrf | xsrf | passw(?:or)?d | passphrase | secret | credential | apikey | token $
    """
)
# On their own these are everyday words: only in a query, or in the company of others.
_EVERYDAY = frozenset({"key", "keys", "code", "state", "session", "pass", "pin", "ticket", "nonce"})
_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_RANDOM = re.compile(r"[A-Za-z0-9_+/=.~-]{32,}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

_ID = re.compile(
    r"\d+|[0-9a-f]{16,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9A-HJKMNP-TV-Z]{26}",
    re.IGNORECASE,
)


def is_id(text: str) -> bool:
    """Whether a text names one thing among many: a number, a UUID, a ULID, a hash."""
    return _ID.fullmatch(text) is not None


def is_secret_name(name: str, everyday: bool = True) -> bool:
    """Whether a header, parameter or field of that name is likely to hold a secret.

    Args:
        name: as it was sent.
        everyday: whether ``key``, ``code`` and the like count on their own, as they do in a query.
    """
    plain = _HUMPS.sub("_", name).lower()
    if plain in _EVERYDAY and not everyday:
        return False
    return _NAMES.search(plain) is not None or scrub(f"{name}=x") != f"{name}=x"


def is_secret_text(text: str) -> bool:
    """Whether a text looks like a token: by a known shape, or long and without any order."""
    if scrub(text) != text:
        return True
    for found in _RANDOM.findall(text):
        kinds = sum(any(test(c) for c in found) for test in (str.isupper, str.islower, str.isdigit))
        if kinds == 3 and "/" not in found and not _UUID.fullmatch(found):
            return True
    return False
