"""Requests and answers of a smoke iteration on a screen."""

from __future__ import annotations

import re
from typing import Any

import pytest

from loadkit.report.exchange import Exchanges

_CODES = re.compile(r"\x1b\[[\d;]*m")


def frame(**changes: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": "exchange",
        "method": "POST",
        "name": "/orders",
        "url": "http://127.0.0.1:8080/orders",
        "hops": [],
        "request_headers": [["Content-Type", "application/json"]],
        "request_body": {"text": '{"item": 7}', "bytes": 11, "cut": False, "what": None},
        "status": 201,
        "reason": None,
        "response_headers": [["Server", "test"]],
        "response_body": {"text": "ok", "bytes": 2, "cut": False, "what": None},
        "seconds": 0.0123,
        "error": None,
    }
    return told | changes


def shown(told: dict[str, Any], width: int = 80) -> list[str]:
    text = Exchanges(width).render(told)
    assert text is not None
    return text.splitlines()


def test_a_request_and_its_answer() -> None:
    assert shown(frame()) == [
        "    → POST http://127.0.0.1:8080/orders",
        "      Content-Type: application/json",
        '      {"item": 7}',
        "    ← 201 Created · 12.3 ms",
        "      Server: test",
        "      ok",
    ]


def test_a_failed_request_says_why() -> None:
    lines = shown(frame(status=503, reason="Busy", error="HTTP 503: Busy"))
    assert "    ← 503 Busy · 12.3 ms" in lines
    assert lines[-1] == "    ✗ HTTP 503: Busy"


def test_no_answer() -> None:
    lines = shown(
        frame(status=None, response_headers=[], response_body=None, error="refused", seconds=None)
    )
    assert lines[-2:] == ["    ← no answer · —", "    ✗ refused"]


def test_redirects_come_first() -> None:
    hop = {"status": 302, "url": "http://127.0.0.1:8080/old"}
    assert shown(frame(hops=[hop]))[:3] == [
        "    → POST http://127.0.0.1:8080/old",
        "    ← 302 redirected",
        "    → POST http://127.0.0.1:8080/orders",
    ]


def test_another_name_than_the_address_is_said() -> None:
    assert "      counted as order" in shown(frame(name="order"))
    assert not any("counted as" in line for line in shown(frame()))


def test_a_client_that_is_not_http_has_name_and_time() -> None:
    told = frame(
        method="GRPC",
        name="Say",
        url=None,
        request_headers=[],
        request_body=None,
        status=None,
        response_headers=[],
        response_body=None,
    )
    assert shown(told) == ["    → GRPC Say", "    ← done · 12.3 ms"]


def test_long_bodies_are_shortened_and_their_size_is_said() -> None:
    body = {"text": "\n".join(f"line {n}" for n in range(50)), "bytes": 1234, "cut": True}
    lines = shown(frame(response_body=body | {"what": None}))
    assert lines[-2:] == ["      line 7", "      … 1,234 bytes in all"]


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ({"text": None, "bytes": 9, "cut": False, "what": "image/png"}, "(9 bytes, image/png)"),
        ({"text": None, "bytes": None, "cut": False, "what": "not read"}, "(not read)"),
    ],
)
def test_what_is_no_text_is_said(body: dict[str, Any], line: str) -> None:
    assert shown(frame(response_body=body))[-1] == f"      {line}"


def test_lines_fit_and_control_characters_are_out() -> None:
    long = "x" * 300 + "\x1b[31m\x07"
    told = frame(
        url=f"http://127.0.0.1/{long}",
        request_headers=[["A", long]],
        response_body={"text": long, "bytes": 305, "cut": False, "what": None},
        error=long,
    )
    for colour in (False, True):
        text = Exchanges(50, colour).render(told)
        assert text is not None
        plain = _CODES.sub("", text)
        assert max(len(line) for line in plain.splitlines()) <= 50
        assert "\x1b" not in plain
        assert "\x07" not in plain


def test_steps_and_the_summary() -> None:
    exchanges = Exchanges(60)
    assert exchanges.render({"type": "user", "user": "Visitor"}) == "\nVisitor"
    assert exchanges.render({"type": "task", "task": "home"}) == "\n  ▸ home"
    fine = {"type": "done", "task": "home", "seconds": 0.1, "error": None, "note": None}
    assert exchanges.render(fine) is None
    assert exchanges.render(fine | {"error": "ValueError: no"}) == "    ✗ home: ValueError: no"
    assert exchanges.render({"type": "end", "message": None}) is None
    assert exchanges.summary(3, 4, []) == "\nsmoke passed: 3 steps, 4 requests"
    assert exchanges.summary(1, 1, []) == "\nsmoke passed: 1 step, 1 request"
    assert exchanges.summary(3, 4, ["Visitor · home: no"]).splitlines()[1:] == [
        "smoke failed: 3 steps, 4 requests, 1 wrong",
        "    ✗ Visitor · home: no",
    ]
