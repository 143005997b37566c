"""``loadkit.secret``: values that a scenario needs and nobody may see."""

from __future__ import annotations

from loadkit.config import Secret
from loadkit.errors import ScenarioError, UsageError
from loadkit.load import caller
from loadkit.scrub import SHORTEST, keep_out

_taken: dict[str, None] = {}


class SecretText(str):
    """Text like any other, but ``repr`` does not show it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<secret>"


def secret(source: str) -> str:
    """A value from the environment or a file that is removed from everything that is written::

        TOKEN = loadkit.secret("SHOP_TOKEN")            # or "env:SHOP_TOKEN"
        PASSWORD = loadkit.secret("file:password.txt")  # relative to the scenario file

    White space around it is left out.

    Raises:
        ScenarioError: the variable is not set, the file cannot be read, or the value is empty or
            has fewer than 4 characters. The message never holds it.
    """
    where = source if source.startswith(("env:", "file:")) else f"env:{source}"
    folder = caller.folder()
    try:
        value = Secret(where, folder).reveal()
    except UsageError as error:
        raise ScenarioError(
            f"secret {where} {error.what}", remedy=error.remedy or "Is the path right?"
        ) from None
    if len(value) < SHORTEST:
        raise ScenarioError(
            f"secret {where} has fewer than {SHORTEST} characters",
            remedy="It could not be told from other text, so it could not be kept out of it. "
            "If it is no secret, use os.environ.",
        )
    keep_out(value)
    _taken[where if where.startswith("env:") else f"file:{folder / where[5:]}"] = None
    return SecretText(value)


def taken() -> list[str]:
    """Where the values came from so far: ``env:NAME`` or ``file:PATH``, absolute."""
    return list(_taken)
