"""The token that a master and its workers share."""

from __future__ import annotations

import os
from pathlib import Path

from loadkit.errors import UsageError

VARIABLE = "LOADKIT_TOKEN"
SHORTEST = 16
_MAKE = "Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'."


def from_surroundings(file: Path | None) -> str | None:
    """The token in a file's first line, else in the environment; None where there is neither.

    The variable is taken out of the environment, so that nothing started from here inherits it.

    Raises:
        UsageError: the file cannot be read, or the token is shorter than SHORTEST characters.
    """
    said = os.environ.pop(VARIABLE, None)
    if file is None:
        return None if not said else checked(said.strip(), VARIABLE)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise UsageError(f"the token cannot be read: {reason}", where=str(file)) from None
    return checked(lines[0].strip() if lines else "", str(file))


def forget() -> None:
    """Takes the variable out of the environment."""
    os.environ.pop(VARIABLE, None)


def checked(token: str, where: str) -> str:
    """The token, if it is long enough not to be guessed.

    Raises:
        UsageError: it is not.
    """
    if len(token) < SHORTEST:
        raise UsageError(
            f"the token has {len(token)} characters, at least {SHORTEST} are needed",
            where=where,
            remedy=_MAKE,
        )
    return token


def missing(what: str) -> UsageError:
    """The error of somebody who needs a token and has none."""
    return UsageError(
        f"{what} needs a token that the master and its workers share",
        remedy=f"Put it into the variable {VARIABLE} or a file (--token-file). {_MAKE}",
    )
