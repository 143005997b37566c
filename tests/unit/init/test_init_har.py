"""A recorded session as a scenario: in order, at its pace, without its secrets."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from init_helpers import arguments, calls, refused

from loadkit.errors import UsageError
from loadkit.init import har, recording, scenario
from loadkit.init.draft import Draft
from loadkit.init.har import Choice

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"


def entry(
    url: str = "http://shop.example/",
    *,
    method: str = "GET",
    at: float = 0.0,
    took: float = 0.1,
    status: int = 200,
    headers: dict[str, str] | None = None,
    post: dict[str, Any] | None = None,
    answer: Any = None,
    **more: Any,
) -> dict[str, Any]:
    """An entry of a HAR file."""
    request: dict[str, Any] = {
        "method": method,
        "url": url,
        "headers": [{"name": n, "value": v} for n, v in (headers or {}).items()],
    }
    if post is not None:
        request["postData"] = post
    content = {} if answer is None else {"mimeType": "application/json", "text": json.dumps(answer)}
    return {
        "startedDateTime": (START + timedelta(seconds=at)).isoformat(),
        "time": took * 1000,
        "request": request,
        "response": {"status": status, "content": content},
        **more,
    }


def read(*entries: dict[str, Any]) -> list[recording.Entry]:
    return recording.read(json.dumps({"log": {"entries": list(entries)}}), "session.har")


def draft(*entries: dict[str, Any], target: str | None = None, **choice: Any) -> Draft:
    return har.draft(read(*entries), Choice(**choice), target, "session.har")


def text(*entries: dict[str, Any], **choice: Any) -> str:
    return scenario.text(draft(*entries, **choice), "scenarios/first.py")


def sent(*entries: dict[str, Any]) -> list[dict[str, Any]]:
    """The arguments of each request, in order."""
    return [arguments(call) for call in calls(text(*entries))["session"]]


def only(**more: Any) -> dict[str, Any]:
    (found,) = sent(entry(**more))
    return found


# -- what is taken over ---------------------------------------------------------------------------


def test_requests_are_in_the_order_in_which_they_began() -> None:
    found = sent(
        entry("http://shop.example/c", at=3),
        entry("http://shop.example/a", at=0),
        entry("http://shop.example/b", at=2),
    )
    assert [call[""] for call in found] == ["/a", "/b", "/c"]


def test_the_pauses_between_them_are_kept() -> None:
    found = draft(
        entry(at=0.0, took=0.5),
        entry(at=2.0, took=0.1),
        entry(at=2.05, took=0.3),  # while the one before was under way
        entry(at=2.355, took=0.1),  # too short for a thought
        entry(at=12.0, took=0.1),
    )
    waits = [call.wait_s for call in found.tasks[0].calls]
    assert waits == [0.0, 1.5, 0.0, 0.0, pytest.approx(9.55, abs=0.006)]
    assert "sleep(1.5)" in text(entry(at=0, took=0.5), entry(at=2))
    assert found.duration_s == 30


def test_loading_what_is_left_out_is_no_thought() -> None:
    found = draft(
        entry(at=0, took=1),
        entry("http://shop.example/a.css", at=1, took=3),
        entry("http://shop.example/next", at=5),
    )
    assert [call.wait_s for call in found.tasks[0].calls] == [0.0, 1.0]


def test_a_pause_can_be_capped() -> None:
    found = draft(entry(at=0), entry(at=100), longest_wait_s=2.5)
    assert [call.wait_s for call in found.tasks[0].calls] == [0.0, 2.5]


def test_the_most_frequent_host_is_taken() -> None:
    other = [entry(f"https://cdn.example/{n}.js", at=n) for n in range(5)]
    found = draft(entry(at=1), entry(at=2), entry("https://ads.example/x", at=3), *other)
    assert found.host == "http://shop.example"
    assert len(found.tasks[0].calls) == 2
    assert found.left_out == ("6 requests to other hosts: cdn.example (5), ads.example (1)",)


@pytest.mark.parametrize("name", ["api.example:8443", "API.example", "https://api.example:8443/"])
def test_another_host_can_be_named(name: str) -> None:
    api = entry("https://api.example:8443/v1")
    assert draft(entry(), entry(), api, host=name).host == "https://api.example:8443"


def test_the_load_may_go_elsewhere() -> None:
    assert draft(entry(), target="http://127.0.0.1:1").host == "http://127.0.0.1:1"


def test_parts_of_pages_are_left_out_unless_asked_for() -> None:
    parts = [
        entry("http://shop.example/a.png"),
        entry("http://shop.example/style", _resourceType="stylesheet"),
        entry("http://shop.example/data.json", _resourceType="fetch"),
    ]
    found = draft(entry(), *parts)
    assert [call.path for call in found.tasks[0].calls] == ["/", "/data.json"]
    assert found.left_out == ("2 scripts, styles, images and the like (--assets takes them over)",)
    assert len(draft(entry(), *parts, assets=True).tasks[0].calls) == 4


@pytest.mark.parametrize(
    "one",
    [
        entry(status=0),
        entry(method="OPTIONS"),
        entry("ws://shop.example/"),
        entry("data:text/plain,x"),
        entry(_fromCache="disk"),
        entry(_resourceType="websocket", status=101),
    ],
)
def test_what_cannot_be_repeated_is_left_out(one: dict[str, Any]) -> None:
    found = draft(entry("http://shop.example/kept"), one)
    assert [call.path for call in found.tasks[0].calls] == ["/kept"]
    assert len(found.left_out) == 1


def test_headers_of_the_moment_are_left_out() -> None:
    found = only(
        headers={
            "Host": "shop.example", ":authority": "shop.example", "User-Agent": "Browser/1",
            "Accept-Encoding": "gzip", "Connection": "keep-alive", "Content-Length": "12",
            "Referer": "http://shop.example/?token=abc", "Origin": "http://shop.example",
            "Sec-Fetch-Mode": "cors", "If-None-Match": '"1"', "Cache-Control": "no-cache",
            "X-Request-Id": "4711", "traceparent": "00-1-2-01", "Accept": "*/*",
            "x-shop": "tea",
        }
    )  # fmt: skip
    assert found == {"": "/", "headers": {"X-Shop": "tea"}} or found == {"": "/"}
    assert '"X-Shop": "tea"' in text(entry(headers={"x-shop": "tea"}))


def test_what_every_request_has_is_said_once() -> None:
    both = {"accept-language": "en"}
    written = text(entry(headers=both), entry(headers={**both, "x-a": "1"}))
    assert written.count("Accept-Language") == 1
    assert 'self.client.headers.update({"Accept-Language": "en"})' in written


@pytest.mark.parametrize(
    ("post", "expected"),
    [
        ({"mimeType": "application/json", "text": '{"a": [1, null, "x"]}'},
         {"json": {"a": [1, None, "x"]}}),
        ({"mimeType": "application/json;charset=UTF-8", "text": "17"}, {"json": 17}),
        ({"mimeType": "application/vnd.api+json", "text": "{}"},
         {"json": {}, "headers": {"Content-Type": "application/vnd.api+json"}}),
        ({"mimeType": "application/x-www-form-urlencoded", "text": "a=1&a=2&b=x+y&c="},
         {"data": {"a": ["1", "2"], "b": "x y", "c": ""}}),
        ({"mimeType": "application/x-www-form-urlencoded",
          "params": [{"name": "a", "value": "1"}]}, {"data": {"a": "1"}}),
        ({"mimeType": "text/plain", "text": "hello"},
         {"data": "hello", "headers": {"Content-Type": "text/plain"}}),
        ({"mimeType": "application/json", "text": "{broken"},
         {"data": "{broken", "headers": {"Content-Type": "application/json"}}),
        ({"mimeType": "multipart/form-data; boundary=XX", "text":
          '--XX\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--XX\r\n'
          'Content-Disposition: form-data; name="f"; filename="x.txt"\r\n'
          "Content-Type: text/plain\r\n\r\nhello\r\n--XX--\r\n"},
         {"data": {"a": "1"}, "files": {"f": ("x.txt", b"hello", "text/plain")}}),
        ({"mimeType": "multipart/form-data", "params": [
          {"name": "f", "fileName": "x.png", "contentType": "image/png"}]},
         {"files": {"f": ("x.png", b"loadkit", "image/png")}}),
    ],
)  # fmt: skip
def test_bodies_are_kept(post: dict[str, Any], expected: dict[str, Any]) -> None:
    found, _ = sent(entry(method="POST", post=post), entry())
    assert found == {"": "/", **expected}


def test_an_answer_that_was_no_success_is_what_is_expected() -> None:
    written = text(entry(status=404))
    assert "catch_response=True) as answer:" in written
    assert "if answer.status_code == 404:  # as recorded" in written
    assert only(status=302) == {"": "/", "allow_redirects": False}
    assert only(status=201) == {"": "/"}


def test_ids_are_counted_as_one_and_the_query_is_apart() -> None:
    found = only(url="http://shop.example/items/4711/x?page=2&page=3&q=a%20b&e=")
    assert found == {
        "": "/items/4711/x",
        "params": {"page": ["2", "3"], "q": "a b", "e": ""},
        "name": "/items/{id}/x",
    }


# -- secrets --------------------------------------------------------------------------------------

SECRET = "s3cr3t-4711"
WITH_SECRETS = [
    entry(headers={"Authorization": f"Bearer {SECRET}"}),
    entry(headers={"authorization": f"Basic {SECRET}"}),
    entry(headers={"Cookie": f"sid={SECRET}", "Set-Cookie": SECRET}),
    entry(headers={"X-Api-Key": SECRET}),
    entry(headers={"X-CSRFToken": SECRET, "X-XSRF-TOKEN": SECRET, "X-Amz-Security-Token": SECRET}),
    entry(headers={"X-Session-Id": SECRET, "Proxy-Authorization": SECRET}),
    entry(headers={"Referer": f"http://shop.example/?token={SECRET}"}),
    entry(f"http://shop.example/?access_token={SECRET}"),
    entry(f"http://shop.example/?key={SECRET}&code={SECRET}&state={SECRET}&sig={SECRET}"),
    entry(f"http://shop.example/?api-key={SECRET}#{SECRET}"),
    entry(f"http://me:{SECRET}@shop.example/"),
    entry(post={"mimeType": "application/x-www-form-urlencoded", "text": f"password={SECRET}"}),
    entry(post={"mimeType": "application/x-www-form-urlencoded",
                "params": [{"name": "csrfmiddlewaretoken", "value": SECRET}]}),
    entry(post={"mimeType": "application/json",
                "text": json.dumps({"login": {"passWord": SECRET}})}),
    entry(post={"mimeType": "application/json",
                "text": json.dumps([{"refreshToken": SECRET, "clientSecret": SECRET}])}),
    entry(post={"mimeType": "text/plain", "text": f"password={SECRET}"}),
    entry(post={"mimeType": "application/json", "text": f'{{"password": "{SECRET}"'}),
    entry(post={"mimeType": "multipart/form-data; boundary=X", "text":
                f'--X\r\nContent-Disposition: form-data; name="pin"\r\n\r\n{SECRET}\r\n--X--\r\n'}),
    entry(answer={"token": SECRET}),
]  # fmt: skip


@pytest.mark.parametrize("one", WITH_SECRETS, ids=range(len(WITH_SECRETS)))
def test_no_secret_is_written(one: dict[str, Any]) -> None:
    one = {**one, "request": {**one["request"], "method": "POST"}}
    found = draft(one, entry())
    assert SECRET not in scenario.text(found, "scenarios/first.py")
    assert SECRET not in "".join((*found.notes, *found.left_out, *found.secrets()))


@pytest.mark.parametrize(
    "one",
    [
        entry(f"http://shop.example/reset/{JWT}"),
        entry(f"http://shop.example/?next={JWT}"),
        entry(headers={"X-Custom": JWT}),
        entry(post={"mimeType": "application/json", "text": json.dumps({"data": JWT})}),
        entry(post={"mimeType": "text/plain", "text": f"x {JWT} y"}),
    ],
)
def test_a_token_is_known_by_its_shape(one: dict[str, Any]) -> None:
    assert JWT not in text(one, entry())


def test_secrets_come_from_the_environment() -> None:
    found = sent(
        entry(headers={"Authorization": "Bearer abcdefgh"}),
        entry(
            "http://shop.example/?api_key=k1",
            method="POST",
            post={"mimeType": "application/json", "text": '{"password": "a", "user": "ada"}'},
        ),
        entry(method="PUT", post={"mimeType": "application/json", "text": '{"password": "b"}'}),
        entry(method="PUT", post={"mimeType": "application/json", "text": '{"password": "a"}'}),
    )
    assert found[0]["headers"] == {"Authorization": "f'Bearer {AUTH_TOKEN}'"}
    assert found[1]["params"] == {"api_key": "API_KEY"}
    assert found[1]["json"] == {"password": "PASSWORD", "user": "ada"}
    assert [call["json"] for call in found[2:]] == [
        {"password": "PASSWORD_2"},
        {"password": "PASSWORD"},
    ]


def test_a_token_that_an_answer_gave_is_taken_from_there() -> None:
    written = text(
        entry("http://shop.example/login", method="POST", answer={"data": [{"token": SECRET}]}),
        entry("http://shop.example/me", headers={"Authorization": f"Bearer {SECRET}"}),
        entry(f"http://shop.example/me?access_token={SECRET}"),
    )
    assert 'self.token = answer.json()["data"][0]["token"]' in written
    assert 'headers={"Authorization": f"Bearer {self.token}"}' in written
    assert 'params={"access_token": self.token}' in written
    assert "secret(" not in written


def test_an_id_that_an_answer_gave_is_taken_from_there() -> None:
    number = "3f2b6c1e-7a54-4d0b-9a3e-5c8d1f6e2b70"
    written = text(
        entry("http://shop.example/orders", method="POST", answer={"id": number}),
        entry(f"http://shop.example/orders/{number}/lines"),
    )
    assert 'self.orders_id = answer.json()["id"]' in written
    assert 'f"/orders/{self.orders_id}/lines", name="/orders/{id}/lines"' in written


def test_everyday_words_are_no_secrets_in_a_body() -> None:
    body = {"key": "a", "code": "de", "state": "open", "description": "token ring", "keys": 3}
    body |= {"input_tokens": 1200, "passenger": "Ada", "author": "Ada", "monkey": "Abu"}
    found = only(method="POST", post={"mimeType": "application/json", "text": json.dumps(body)})
    assert found["json"] == body


# -- what is no recording -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "session.har: not valid JSON"),
        ("<html>", "session.har: not valid JSON"),
        ("[]", "session.har: not a HAR file: it has no log.entries"),
        ('{"log": {}}', "not a HAR file"),
        ('{"log": {"entries": {}}}', "not a HAR file"),
        ('{"log": {"entries": []}}', "session.har: no entries: nothing was recorded"),
        ('{"log": {"entries": [{}]}}', "log.entries[0]: 'startedDateTime' is missing"),
        ('{"log": {"entries": [5]}}', "log.entries[0]: not an entry"),
        ('{"log": {"entries": [{"startedDateTime": "soon"}]}}', "log.entries[0]: not an entry"),
        ('{"log": {"entries": [{"startedDateTime": "2026-01-01T00:00:00"}]}}', "no time zone"),
        ('{"log": {"entries": [{"startedDateTime": "2026-01-01T00:00:00Z"}]}}',
         "log.entries[0]: 'request' is missing"),
        ("[" * 100_000, "not valid JSON"),
    ],
)  # fmt: skip
def test_what_is_no_recording_is_an_error(content: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        recording.read(content, "session.har")
    assert told in str(error.value)


def test_a_host_that_was_not_recorded_is_an_error_with_those_that_were() -> None:
    with pytest.raises(UsageError, match=r"--host is one of: shop\.example"):
        draft(entry(), host="other.example")


def test_a_recording_of_nothing_that_can_be_repeated_is_an_error() -> None:
    with pytest.raises(UsageError, match="no request in it is http"):
        draft(entry("chrome-extension://abc/x"))
    with pytest.raises(UsageError, match=r"nothing of shop\.example can be repeated"):
        draft(entry("http://shop.example/a.css"))


# -- any recording --------------------------------------------------------------------------------

_texts = st.text(max_size=10) | st.sampled_from(['"""', "\nimport os\n", "\\", "{x}", "%zz", "#"])
_entries = st.builds(
    lambda path, name, value, body, method, at: entry(
        f"http://shop.example/{path}",
        method=method,
        at=at,
        headers={"X-" + name: value, "Authorization": "Bearer " + value},
        post={"mimeType": body, "text": value, "params": [{"name": name, "value": value}]},
        answer={name: value},
    ),
    _texts, _texts, _texts,
    st.sampled_from(["application/json", "text/plain", "application/x-www-form-urlencoded",
                     "multipart/form-data; boundary=x", "", '"""\n']),
    st.sampled_from(["GET", "POST", "PURGE"]),
    st.floats(0, 100),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(_entries, min_size=1, max_size=4))
def test_whatever_was_recorded_is_one_task(entries: list[dict[str, Any]]) -> None:
    found = calls(text(*entries))
    assert set(found) <= {"session", "on_start"}
    requests = [call for call in found["session"] if "headers" not in str(call.func)]
    assert len(requests) == len(entries)


def test_ruff_has_nothing_to_say(tmp_path: Path) -> None:
    many = [{**one, "request": {**one["request"], "method": "POST"}} for one in WITH_SECRETS]
    file = tmp_path / "first.py"
    file.write_text(text(*many, entry(status=404, at=99)), encoding="utf-8")
    assert refused(file) == ""
