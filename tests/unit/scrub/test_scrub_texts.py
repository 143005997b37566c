"""Secrets do not survive, and what is no secret does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.collect.headers import from_environment
from loadkit.errors import UsageError
from loadkit.scrub import LONGEST, REMOVED, scrub

SECRET = "hUnter2-Zq8x"


@pytest.mark.parametrize(
    "text",
    [
        f"password={SECRET}",
        f"db_password: {SECRET}, retrying",
        f'{{"api_key": "{SECRET}", "n": 1}}',
        f"Authorization: Bearer {SECRET}",
        f'"authorization":"Basic {SECRET}"',
        f"sent bearer {SECRET}abcdef",
        f"postgres://user:{SECRET}@db:5432/x failed",
        f"GET /x?access_token={SECRET}&a=1",
        f"X-API-Key: {SECRET}",
        f"routing_key={SECRET}",
        f"AWS_SECRET_ACCESS_KEY={SECRET}",
        f"Cookie: sid={SECRET}",
        f"https://hooks.slack.com/services/T0/B0/{SECRET}",
        f"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.{SECRET}",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----",
        f"key sk-live_{SECRET}abcdefgh used",
    ],
)
def test_secret_is_removed(text: str) -> None:
    cleaned = scrub(text)
    assert SECRET not in cleaned
    assert REMOVED in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "stored 12 rows in 3 ms",
        "monkey business at https://example.org/path?x=1",
        "used 1200 tokens of model gpt-4",
        "KeyError: 'model'",
        "basic check passed",
    ],
)
def test_harmless_text_is_kept(text: str) -> None:
    assert scrub(text) == text


def test_rest_of_the_line_is_kept() -> None:
    assert scrub("login password=x1 for bob") == f"login password={REMOVED} for bob"
    assert scrub("a://u:p@h/x") == f"a://{REMOVED}@h/x"


def test_long_text_is_cut() -> None:
    assert scrub("a" * (LONGEST + 10)) == "a" * LONGEST + "…"


@given(st.text(alphabet="abcKey=:\"' /@.-tokenpassword", max_size=200))
def test_scrubbing_twice_changes_nothing_more(text: str) -> None:
    once = scrub(text)
    assert scrub(once).count(REMOVED) >= once.count(REMOVED)


def test_headers_from_environment() -> None:
    lines = {"H": "Authorization: Bearer a:b\n\nX-Scope-OrgID:  team "}
    assert from_environment("H", lines) == {
        "Authorization": "Bearer a:b",
        "X-Scope-OrgID": "team",
    }
    assert from_environment("H", {}) == {}


@pytest.mark.parametrize("line", ["no colon s3cret", "bad name: s3cret", "X: s3cret\x07"])
def test_broken_header_is_refused_without_its_text(line: str) -> None:
    with pytest.raises(UsageError) as caught:
        from_environment("H", {"H": f"Good: yes\n{line}"})
    assert "s3cret" not in str(caught.value)
    assert "line 2" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("URL http://me:pw@host/x: 500", "URL http://[removed]@host/x: 500"),
        ("GET /a?token=abc&page=2", "GET /a?token=[removed]&page=2"),
        ("/a?sig=abc&page=2", "/a?sig=[removed]&page=2"),
        ("/a?access_token=abc;q=1", "/a?access_token=[removed];q=1"),
        ("/a?api_key=abc#part", "/a?api_key=[removed]"),
        ("Authorization: Bearer abcdef123456", "Authorization: [removed]"),
        ("{'Authorization': 'Basic YWxhZGRpbg=='}", "{'Authorization': '[removed]'}"),
        ("X-API-Key: demo-pro-key-1", "X-API-Key: [removed]"),
        ("Cookie: sid=123; other=4", "Cookie: [removed]"),
        ('{"password": "hunter2", "a": 1}', '{"password": [removed], "a": 1}'),
        ("the token was refused", "the token was refused"),
        ("GET /api/v1/costs?limit=20", "GET /api/v1/costs?limit=20"),
    ],
)
def test_requests_and_headers_lose_their_secrets(text: str, clean: str) -> None:
    assert scrub(text) == clean
