"""Selectors for the instance under test: all it exposes is read, whatever it is called.

A Prometheus, say, is ordinarily read for little more than its health; when the load goes to it, it
is a service like any other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

from loadkit.collect.prometheus_select import FAMILIES, job_matcher, quoted

_LOCAL = ("localhost", "127.0.0.1", "::1")


def instances(target: str | None) -> str | None:
    """A regular expression of the label ``instance`` of what is scraped at a URL's address.

    None without a URL that has a host.
    """
    try:
        parts = urlsplit(target or "")
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if not host:
        return None
    port = port or (443 if parts.scheme == "https" else 80)
    hosts = _LOCAL if host in _LOCAL or host.startswith("127.") else (host,)
    names = [f"[{name}]" if ":" in name else name for name in dict.fromkeys((host, *hosts))]
    return f"({'|'.join(re.escape(name) for name in names)}):{port}"


def selectors(
    target: str | None, jobs: Iterable[str] | None = None, further: str | None = None
) -> tuple[str, ...]:
    """What is read of the instance under test beside what is read of every target.

    Args:
        target: the URL that load goes to.
        jobs: the jobs that are read; all by default.
        further: matchers in braces, as [prometheus] selector has them.
    """
    wanted = instances(target)
    if wanted is None:
        return ()
    names = quoted("|".join(f"{family}_.*" for family in FAMILIES))
    return (f"{{{job_matcher(jobs, further)},instance=~{quoted(wanted)},__name__=~{names}}}",)
