"""Headers for foreign servers, from the environment: never on a command line, never logged."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from loadkit.errors import UsageError

PROMETHEUS = "LOADKIT_PROMETHEUS_HEADERS"
ALERTMANAGER = "LOADKIT_ALERTMANAGER_HEADERS"

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def from_environment(variable: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """Name → value of lines such as ``Authorization: Bearer …``; empty when it is not set.

    Raises:
        UsageError: a line is no header. The message has its number and never its text.
    """
    text = (os.environ if environment is None else environment).get(variable, "")
    headers = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        printable = value.isascii() and value.strip().isprintable()
        if not colon or not _NAME.fullmatch(name.strip()) or not printable:
            raise UsageError(
                f"line {number} is not a header",
                where=f"environment variable {variable}",
                remedy="One a line, such as `Authorization: Bearer TOKEN`.",
            )
        headers[name.strip()] = value.strip()
    return headers
