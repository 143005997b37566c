"""Where a master is."""

from __future__ import annotations

from loadkit.errors import UsageError

DEFAULT_PORT = 5580


def split_address(text: str, default: int) -> tuple[str, int]:
    """(host, port) of ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``.

    Raises:
        UsageError: the port is none.
    """
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (text.count(":") > 1 and not host.endswith("]")):
        host, port = text, ""
    if (port and not (port.isdigit() and int(port) < 65_536)) or not host:
        raise UsageError(f"{text!r} is not HOST or HOST:PORT")
    return host.strip("[]"), int(port) if port else default
