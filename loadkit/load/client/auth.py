"""``auth=``: basic by a pair, bearer by a text, or anything that sets headers of its own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

Auth = tuple[str | bytes, str | bytes] | str | Callable[[Any], Any]


def basic(user: str | bytes, password: str | bytes) -> str:
    """The Authorization header for a user and a password."""
    return "Basic " + b64encode(_bytes(user) + b":" + _bytes(password)).decode("ascii")


def headers_for(auth: Any, method: str, url: str) -> dict[str, str]:
    """The headers that an ``auth=`` stands for.

    A pair is basic authentication, a text a bearer token. A callable is given an object with
    ``method``, ``url`` and ``headers`` (a dict) and sets headers in it, as those of requests do
    that need no more than that (``HTTPBasicAuth`` among them).

    Raises:
        TypeError: It is none of these.
    """
    if isinstance(auth, str):
        return {"Authorization": f"Bearer {auth}"}
    if isinstance(auth, tuple | list) and len(auth) == 2:
        return {"Authorization": basic(*auth)}
    if callable(auth):
        asked = SimpleNamespace(method=method, url=url, headers={})
        answer = auth(asked)
        return dict((answer if hasattr(answer, "headers") else asked).headers)
    raise TypeError("auth= is a pair (user, password), a bearer token or a callable")


def _bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value
