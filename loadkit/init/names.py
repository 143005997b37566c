"""Names for Python and for the environment, from names that may be anything."""

from __future__ import annotations

import keyword
import re
import unicodedata

_LONGEST = 50
# Of the user class and its bases: a task of this name would break it.
_TAKEN = frozenset(
    re.findall(
        r"\w+",
        """
        abstract client connection_timeout cert context default_headers environment fixed_count
        full_name fullname greenlet group host insecure interrupt loadkit_counts max_redirects
        network_timeout on_start on_stop rest rest_ run scenario schedule_task secret self sleep
        start stop task tasks trigger_wait_time verify wait wait_time weight
        """,
    )
)
_SYSTEM = frozenset({"HOME", "LANG", "LOGNAME", "PATH", "PWD", "SHELL", "TERM", "USER"})


def words(text: str) -> str:
    """A text as small ASCII letters, digits and single underscores; may be empty."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    plain = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain)
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:_LONGEST].strip("_")


def method_name(text: str, otherwise: str = "call") -> str:
    """A name that a method of a user class may have."""
    name = words(text) or words(otherwise) or "call"
    if name[0].isdigit():
        name = f"call_{name}"
    if name in _TAKEN or keyword.iskeyword(name) or keyword.issoftkeyword(name):
        name = f"{name}_"
    return name


def variable(*texts: str) -> str:
    """A name that an environment variable and a constant may have."""
    name = words("_".join(texts)).upper() or "SECRET"
    if name in _SYSTEM:
        name = f"{name}_SECRET"
    return f"SECRET_{name}" if name[0].isdigit() else name


class Unique:
    """Gives each name once: a second one gets a number behind it."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def take(self, name: str) -> str:
        """The name, or the name with the first number that is free."""
        found, number = name, 1
        while found in self._given:
            number += 1
            found = f"{name.rstrip('_')}_{number}"
        self._given.add(found)
        return found
