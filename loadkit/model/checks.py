"""What numbers of a scenario may be."""

from __future__ import annotations

import math
from typing import TypeGuard


def is_number(value: object) -> TypeGuard[float]:
    """A finite number that is no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def is_int(value: object) -> TypeGuard[int]:
    """A whole number that is no bool."""
    return isinstance(value, int) and not isinstance(value, bool)
