"""Answers that were not hoped for, in words that say what to do."""

from __future__ import annotations

import ssl

import httpx
import pytest

from loadkit.collect.answers import not_json, refusal, unreachable
from loadkit.errors import AnswerError

URL = "http://127.0.0.1:9090"
GRAFANA = "<!DOCTYPE html><html><head><title>Grafana</title></head><body>grafana-app</body></html>"


@pytest.mark.parametrize(
    ("status", "body", "location", "told", "remedy"),
    [
        (200, GRAFANA, "", "answered 200 with a web page “Grafana”", "/api/datasources/proxy/"),
        (200, "<html><title>Sign in</title>", "", "with a web page “Sign in”", "path prefix"),
        (200, "<html>", "", "with a web page instead of its JSON API", "path prefix"),
        (200, "pong", "", "something that is not its JSON API", "path prefix"),
        (401, "", "", "answered 401: not allowed", 'headers = { Authorization = "env:NAME" }'),
        (403, GRAFANA, "", "answered 403: not allowed", "LOADKIT_PROMETHEUS_HEADERS"),
        (404, "404 page not found", "", "answered 404: nothing there", "path prefix"),
        (302, "", "/login?token=hunter2", "redirects to /login", "looks like a login"),
        (301, "", "https://prom.example/", "redirects to https://prom.example/", "leads to"),
        (400, "Client sent an HTTP request to an HTTPS server.", "", "speaks TLS", "https://"),
        (
            400,
            "<html><title>400 No required SSL certificate was sent</title></html>",
            "",
            "wants a client certificate",
            "cert_file",
        ),
        (422, '{"error":"bad query"}', "", "answered 422: ", None),
    ],
)
def test_something_answers_that_is_not_what_it_should_be(
    status: int, body: str, location: str, told: str, remedy: str | None
) -> None:
    error = not_json(URL, body) if status == 200 else refusal(status, body, URL, location)
    assert isinstance(error, AnswerError)
    assert told in error.what
    assert "\n" not in error.what
    assert error.where == URL
    assert remedy is None or remedy in str(error.remedy)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_a_server_that_may_come_to_its_senses_is_not_refused(status: int) -> None:
    error = refusal(status, GRAFANA, URL)
    assert not isinstance(error, AnswerError)
    assert f"answered {status}" in error.what


@pytest.mark.parametrize(
    ("cause", "told", "remedy"),
    [
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), "does not speak TLS", "http://"),
        (
            ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]"),
            "wants a client certificate",
            "cert_file",
        ),
        (ssl.SSLError(1, "[SSL: SOMETHING]"), "TLS failed", ""),
    ],
)
def test_tls_that_fails_is_no_silence(cause: ssl.SSLError, told: str, remedy: str) -> None:
    outer = httpx.ConnectError("all attempts failed")
    outer.__cause__ = cause
    error = unreachable(outer, URL)
    assert isinstance(error, AnswerError)
    assert told in error.what
    assert remedy in (error.remedy or "")


def test_nobody_there_is_told_from_the_innermost_cause() -> None:
    outer = httpx.ConnectError("outermost")
    outer.__cause__ = ConnectionRefusedError(111, "x")
    error = unreachable(outer, URL)
    assert not isinstance(error, AnswerError)
    assert error.what == "does not answer: Connection refused"
