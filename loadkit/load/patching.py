"""The one way in which Locust's classes and functions are changed in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def wrap(owner: Any, name: str, make: Callable[[Any], Any]) -> None:
    """Replaces an attribute by what ``make`` makes of it. For good: a load child runs once."""
    setattr(owner, name, make(getattr(owner, name)))
