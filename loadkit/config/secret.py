"""A value that nobody may see: known by where it comes from, read when it is sent."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loadkit.errors import UsageError
from loadkit.scrub import keep_out

_SECRET_NAME = re.compile(r"(?i)auth|cookie|secret|passw|credential|session|signature|key|token")


@dataclass(frozen=True, slots=True)
class Secret:
    """``env:NAME``, ``file:PATH`` or a literal; neither ``repr`` nor ``str`` shows the value.

    Attributes:
        source: ``env:NAME`` or ``file:PATH`` as written; empty for a literal.
        before: a word that goes before the value, such as ``Bearer``.
        folder: where a relative path starts.
        literal: the value itself, for what is no secret.
    """

    source: str = ""
    folder: Path = field(default=Path(), repr=False, compare=False)
    literal: str = field(default="", repr=False)
    before: str = ""

    def __str__(self) -> str:
        if not self.source:
            return f"(a literal of {len(self.literal)} characters)"
        return f"{self.before} {self.source}".strip()

    def reveal(self, environment: Mapping[str, str] | None = None) -> str:
        """The value, without white space around it. Read anew each time, and from then on kept
        out of everything that this process scrubs.

        Raises:
            UsageError: the variable is not set, the file cannot be read, or it is empty. The
                message never holds the value.
        """
        kind, _, name = self.source.partition(":")
        if not kind:
            return self.literal
        if kind == "env":
            value = (os.environ if environment is None else environment).get(name, "").strip()
            remedy = f"Set it: export {name}=…"
        else:
            value, remedy = self._of_file(name), "Write the value into it."
        if not value:
            raise UsageError("is not set or empty", where=self.source, remedy=remedy)
        keep_out(value)
        return f"{self.before} {value}".strip()

    def _of_file(self, name: str) -> str:
        try:
            return (self.folder / name).read_text(encoding="utf-8").strip()
        except UnicodeDecodeError:
            raise UsageError("is not text", where=self.source) from None
        except OSError as error:
            raise UsageError(f"cannot be read: {error.strerror}", where=self.source) from None


def means_secret(name: str) -> bool:
    """Whether a header of this name is taken to hold a secret."""
    return bool(_SECRET_NAME.search(name))
