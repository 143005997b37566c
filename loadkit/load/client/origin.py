"""Who is talked to."""

from __future__ import annotations

from typing import NamedTuple


class Origin(NamedTuple):
    """Scheme, host (without brackets) and port."""

    scheme: str
    host: str
    port: int
