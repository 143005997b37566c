"""What is sent, by name: each operation a small integer, their number bounded."""

from __future__ import annotations

from collections.abc import Callable

from loadkit.model import Finding, Severity
from loadkit.scrub import scrub, without_known

MOST_OPERATIONS = 500
OTHER = "other"


class Operations:
    """Codes of operations. Code 0 is that of arrivals, which have no name."""

    def __init__(self, note: Callable[[Finding], None]) -> None:
        self._note = note
        self._codes: dict[tuple[str, str, bool], int] = {}
        self._known: dict[tuple[str, bool], int] = {}
        self.names: list[str] = [""]
        self.parts: list[tuple[str, str]] = [("", "")]
        self.told: list[bool] = [True]
        self._said = False

    def code(self, method: str, name: str, told: bool) -> int:
        """The code of ``METHOD name``, of ``other`` beyond the cap, which is said once.

        Secrets in it are removed. ``told`` says that Locust's statistics hear of it by itself.
        A task has an empty method.
        """
        key = (method, name, told)
        code = self._codes.get(key)
        return code if code is not None else self._new(key)

    def _new(self, key: tuple[str, str, bool]) -> int:
        method, name, told = key
        clean = scrub(name) if "?" in name or "@" in name else without_known(name)
        text = f"{method} {clean}" if method else clean
        code = self._known.get((text, told))
        if code is None:
            if len(self._known) >= MOST_OPERATIONS and text != OTHER:
                return self._beyond(text, told)
            code = self._known[text, told] = self._add(text, method, clean, told)
        if len(self._codes) < 4 * MOST_OPERATIONS:
            self._codes[key] = code
        return code

    def _add(self, text: str, method: str, name: str, told: bool) -> int:
        self.names.append(text)
        self.parts.append((method, name))
        self.told.append(told)
        return len(self.names) - 1

    def _beyond(self, first: str, told: bool) -> int:
        if not self._said:
            self._said = True
            self._note(
                Finding(
                    "too-many-operations",
                    Severity.WARNING,
                    f"More than {MOST_OPERATIONS} operations: the ones that came later are "
                    f"counted together as '{OTHER}'. Give requests with ids in their URLs a name=.",
                    {"first beyond": first},
                )
            )
        code = self._known.get((OTHER, told))
        if code is None:
            code = self._known[OTHER, told] = self._add(OTHER, OTHER, OTHER, told)
        return code
