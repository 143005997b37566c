"""Errors as answers: one JSON form for all of them (RFC 9457)."""

import json
from typing import Any

from starlette.responses import Response

from loadkit.reference.errors import ServiceError
from loadkit.reference.exchange import Exchange

CONTENT_TYPE = "application/problem+json"


def problem_body(error: BaseException, trace_id: str | None) -> dict[str, Any]:
    """The fields for any exception; of an unexpected one the client learns nothing."""
    if not isinstance(error, ServiceError):
        error = ServiceError("The request could not be completed.")
    return {
        "type": "about:blank",
        "title": error.title,
        "status": error.status,
        "detail": str(error),
        "errors": list(error.errors),
        "trace_id": trace_id,
    }


def problem_response(error: BaseException, exchange: Exchange) -> Response:
    """The answer."""
    body = problem_body(error, exchange.ids[0])
    headers = dict(error.headers) if isinstance(error, ServiceError) else None
    return Response(json.dumps(body).encode(), body["status"], headers, CONTENT_TYPE)
