"""What a failed request is called in the tables."""

from __future__ import annotations

from typing import Any


def status_of(response: Any) -> int:
    """The status code of a response of either client; 0 if none came."""
    try:
        return int(getattr(response, "status_code", 0) or 0)
    except Exception:  # a foreign response object may do anything
        return 0


def kind_of(error: Any, status: int) -> str:
    """``HTTP 503`` for an answer that is an error by its status, else the class of the exception.

    Wrappers that only say "connection failed" give way to what they wrap.
    """
    if isinstance(error, str):
        return "Error"
    if status >= 400 and _by_status(error):
        return f"HTTP {status}"
    return type(_inner(error)).__name__


def text_of(error: Any, status: int) -> str:
    """The message that goes with the kind; not scrubbed yet."""
    if isinstance(error, str):
        return error
    if status >= 400 and _by_status(error):
        return str(error)
    return str(_inner(error))


def _by_status(error: Any) -> bool:
    return type(error).__name__ in ("HTTPError", "LocustBadStatusCode", "BadStatusCode")


def _inner(error: Any) -> Any:
    """The cause below wrappers of the HTTP clients."""
    wrappers = ("NewConnectionError", "MaxRetryError", "ProtocolError", "ConnectionError")
    seen = 0
    while type(error).__name__ in wrappers and seen < 8:
        below = error.__cause__ or error.__context__
        if below is None:
            break
        error, seen = below, seen + 1
    return error
