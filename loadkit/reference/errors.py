"""What can go wrong inside the service, and the HTTP answer each maps to.

ServiceError
├── BadRequest           422        the client's data
│   └── Malformed        400        not even JSON
├── Unauthenticated      401        no key, or one nobody has
├── NotFound             404
├── MethodNotAllowed     405
├── IdempotencyConflict  409        one key, two different bodies
├── Unavailable          503
│   ├── QueueFull                   in front of the database's writer
│   ├── PoolExhausted               no free connection in time
│   └── StorageFailed               the database itself
└── InjectedFailure      500        the `error_rate` fault
SetupError                          not an answer: the service can't start
"""

from collections.abc import Mapping, Sequence


class ServiceError(Exception):
    """An answer other than success.

    `status` is the HTTP status, `title` its short name, `str(error)` the detail a client may read;
    it never holds a secret. `headers` go out with the answer, `errors` is the list of fields that
    are wrong (`field`, `code`, `message`).
    """

    status = 500
    title = "Internal Server Error"

    def __init__(
        self,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        errors: Sequence[Mapping[str, str]] = (),
    ) -> None:
        super().__init__(detail)
        self.headers: Mapping[str, str] = headers or {}
        self.errors = errors


class BadRequest(ServiceError):
    """Data that cannot be used."""

    status = 422
    title = "Unprocessable Content"


class Malformed(BadRequest):
    """A body that isn't JSON, or is too long to be one of ours."""

    status = 400
    title = "Bad Request"


class Unauthenticated(ServiceError):
    """No API key, or one that isn't known."""

    status = 401
    title = "Unauthorized"

    def __init__(self, detail: str) -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Bearer realm="llm-cost-ops"'})


class NotFound(ServiceError):
    """Nothing of that name belongs to this user."""

    status = 404
    title = "Not Found"


class MethodNotAllowed(ServiceError):
    """The path exists, the method there doesn't."""

    status = 405
    title = "Method Not Allowed"


class IdempotencyConflict(ServiceError):
    """An idempotency key was used before, with another body."""

    status = 409
    title = "Conflict"


class Unavailable(ServiceError):
    """The service can't take this now; the client may come back after `retry_after` seconds."""

    status = 503
    title = "Service Unavailable"

    def __init__(self, detail: str, *, retry_after: int = 1) -> None:
        super().__init__(detail, headers={"Retry-After": str(retry_after)})


class QueueFull(Unavailable):
    """The queue in front of the database's writer has no room."""


class PoolExhausted(Unavailable):
    """No database connection became free in time."""


class StorageFailed(Unavailable):
    """The database refused to write or read (disk full, locked, corrupt)."""


class InjectedFailure(ServiceError):
    """The `error_rate` fault chose this request."""


class SetupError(Exception):
    """The service can't start; the message says what is wrong and what to do. Exit status 2."""
