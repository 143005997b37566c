"""Before anything starts: the load goes only where it may, and somebody is there."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
from collections.abc import Sequence
from urllib.parse import urlsplit

from loadkit.config import FILE
from loadkit.errors import TargetError

_CONNECT_S = 3.0


def check_allowed(url: str, allowed: Sequence[str]) -> tuple[str, int]:
    """(host, port) of a URL whose host is on this machine or allowed by name.

    Raises:
        TargetError: it is not, or the URL is none. Nothing was sent, not even a name looked up.
    """
    parts = urlsplit(url if "//" in url else f"//{url}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        raise TargetError("the port is not a number", where=url) from None
    if not host or parts.scheme not in ("http", "https", ""):
        raise TargetError(
            "not an http or https address", where=url, remedy="Write http://127.0.0.1:8080."
        )
    if not (_is_loopback(host) or host.lower() in {name.lower() for name in allowed}):
        raise TargetError(
            f"target {host} is not on this machine and not among the allowed targets",
            remedy=f'Name it in {FILE}: [targets] allow = ["{host}"]. Nothing was sent.',
        )
    return host, port or (443 if parts.scheme == "https" else 80)


def _is_loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


async def check_reachable(url: str, allowed: Sequence[str], what: str = "target") -> None:
    """Connects once and hangs up.

    Raises:
        TargetError: it is not allowed, or nobody answers there.
    """
    host, port = check_allowed(url, allowed)
    try:
        async with asyncio.timeout(_CONNECT_S):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        reason = f"no answer in {_CONNECT_S:g} s"
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
    else:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        return
    raise TargetError(
        f"the {what} cannot be reached: {reason}",
        where=url,
        remedy="Start it, or correct the address. No load was sent.",
    )
