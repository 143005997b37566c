"""The application: routes, OpenAPI, errors in one form, and everything observed around it."""

from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from opentelemetry.trace import Tracer
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route

from loadkit.reference.errors import Malformed, MethodNotAllowed, NotFound, ServiceError
from loadkit.reference.exchange import KEY, Exchange
from loadkit.reference.faults import Faults
from loadkit.reference.middleware import Observed
from loadkit.reference.paths import Labels
from loadkit.reference.problems import problem_response
from loadkit.reference.routes import add_routes
from loadkit.reference.schemas import as_problem
from loadkit.reference.services import Services
from loadkit.reference.tracing import service_version

ALWAYS = (500, 503)


async def _problem(request: Request, error: Exception) -> Response:
    """Any exception as an answer; the middleware around logs it."""
    exchange: Exchange = request.scope[KEY]
    if isinstance(error, RequestValidationError):
        error = as_problem([_relative(found) for found in error.errors()])
    elif isinstance(error, ClientDisconnect):
        error = Malformed("the client went away before its request was complete")
    elif isinstance(error, HTTPException):
        error = _of_router(error)
    exchange.error = error
    return problem_response(error, exchange)


def _relative(found: dict[str, Any]) -> dict[str, Any]:
    """Without `query` or `path` in front of the field's name."""
    return {**found, "loc": tuple(found["loc"])[1:]}


def _of_router(error: HTTPException) -> ServiceError:
    """What Starlette raises itself: no such path, or another method."""
    if error.status_code == 404:
        return NotFound("no such path; see /openapi.json")
    if error.status_code == 405:
        return MethodNotAllowed("this path has other methods", headers=error.headers)
    return Malformed("the request could not be read", headers=error.headers)


def make_app(services: Services, tracer: Tracer | None, faults: Faults | None) -> Observed:
    """The whole ASGI application."""
    app = FastAPI(
        title="LLM Cost Ops",
        summary="Records what calls to large language models cost, and answers what was spent.",
        version=service_version(),
        # The pages for these would load scripts from elsewhere; /openapi.json is there.
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers={
            ServiceError: _problem,
            RequestValidationError: _problem,
            HTTPException: _problem,
            ClientDisconnect: _problem,
            Exception: _problem,
        },
    )
    add_routes(app, services)
    _describe_keys(app)
    for route in app.routes:
        if isinstance(route, APIRoute):
            for method in sorted(route.methods or ()):
                statuses = {status for status in route.responses if isinstance(status, int)}
                normal = route.status_code or 200
                services.metrics.declare(method, route.path, sorted({normal, *statuses, *ALWAYS}))
    labels = Labels(
        (route.path, route.path_regex)
        for route in app.routes
        if isinstance(route, Route | APIRoute)
    )
    return Observed(app, labels, services.metrics, services.log, tracer, faults)


def _describe_keys(app: FastAPI) -> None:
    """Add the ways of authenticating to the OpenAPI document."""
    document = app.openapi()
    document.setdefault("components", {})["securitySchemes"] = {
        "bearer": {"type": "http", "scheme": "bearer"},
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    }
