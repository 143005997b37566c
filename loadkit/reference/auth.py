"""API keys: how they come with a request, how they are hashed, and who is let in.

A key is random text of its own, so one keyed hash (BLAKE2b with the database's salt) is enough:
slow hashes protect passwords that people choose. The first half of the digest finds the row,
the whole is compared in constant time.
"""

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

from loadkit.reference.errors import SetupError, Unauthenticated
from loadkit.reference.ports import User
from loadkit.reference.pricing import DISCOUNTS

FINGERPRINT = 16
LONGEST = 256
SHORTEST = 12

DEMO_KEYS: dict[str, tuple[str, str]] = {
    f"demo-{tier}-key-{number}": (f"demo-{tier}-{number}", tier)
    for tier in DISCOUNTS
    for number in (1, 2, 3)
}
"""Keys that every fresh database knows: key → (user, tier). Three users for each tier."""


def digest_key(key: str, salt: bytes) -> bytes:
    """What is kept of a key: 32 bytes."""
    return hashlib.blake2b(key.encode(), key=salt, digest_size=32).digest()


def key_from_headers(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The key of `Authorization: Bearer KEY` or `X-API-Key: KEY`.

    Raises Unauthenticated if there is none.
    """
    found = b""
    for name, value in headers:
        if name == b"authorization":
            scheme, _, rest = value.partition(b" ")
            if scheme.lower() != b"bearer":
                raise Unauthenticated("the Authorization header must be: Bearer API-KEY")
            found = rest.strip()
            break
        if name == b"x-api-key":
            found = value.strip()
    if not found or len(found) > LONGEST:
        raise Unauthenticated("an API key is needed: Authorization: Bearer API-KEY")
    return found.decode("latin-1")


def check_user(user: User | None, digest: bytes) -> User:
    """The user, if the key's digest is theirs. Raises Unauthenticated."""
    if user is None or not hmac.compare_digest(user.key_digest, digest):
        raise Unauthenticated("this API key is not known")
    return user


def user_rows(
    keys: dict[str, tuple[str, str]], salt: bytes
) -> Iterable[tuple[str, str, bytes, bytes]]:
    """Rows for the database: user id, tier, fingerprint, digest."""
    for key, (user_id, tier) in keys.items():
        digest = digest_key(key, salt)
        yield user_id, tier, digest[:FINGERPRINT], digest


def read_keys(path: Path) -> dict[str, tuple[str, str]]:
    """Keys of a file with `KEY TIER USER` on each line; `#` begins a comment.

    Raises SetupError that names the line, never the key.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"--api-keys {path}: {error}; give a readable text file") from error
    keys: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(lines, 1):
        words = line.partition("#")[0].split()
        if not words:
            continue
        where = f"--api-keys {path}, line {number}"
        if len(words) != 3:
            raise SetupError(f"{where}: {len(words)} words where KEY TIER USER was expected")
        key, tier, user_id = words
        if tier not in DISCOUNTS:
            raise SetupError(f"{where}: unknown tier {tier!r}; there are {', '.join(DISCOUNTS)}")
        if not SHORTEST <= len(key) <= LONGEST or not key.isascii():
            raise SetupError(f"{where}: a key must have {SHORTEST} to {LONGEST} ASCII characters")
        if key in keys:
            raise SetupError(f"{where}: this key is there twice")
        keys[key] = (user_id, tier)
    return keys
