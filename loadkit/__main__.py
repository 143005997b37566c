"""``python -m loadkit``."""

from loadkit.cli import entry

entry()
