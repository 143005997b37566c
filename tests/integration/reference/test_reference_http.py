"""The API of the running service: answers, sums, pages, and exact counting."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest
from reference_service import BEARER, COST, Running, call, running

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("http")) as started:
        yield started


def as_user(tier: str, number: int) -> dict[str, str]:
    return {"X-API-Key": f"demo-{tier}-key-{number}"}


def test_a_cost_is_priced_discounted_and_found_again(service: Running) -> None:
    answer = service.post(cached_input_tokens=200, project="search")
    # 1000 × 2.50 + 200 × 1.25 + 350 × 10 dollars for a million, a tenth off.
    assert answer.status == 201
    assert answer.json["subtotal"] == "0.006250000"
    assert answer.json["discount"] == "0.000625000"
    assert answer.json["total"] == "0.005625000"
    assert answer.json["total_tokens"] == 1550
    found = service.call("GET", answer.headers["location"])
    assert found.status == 200
    assert found.json == answer.json


def test_another_users_cost_is_not_found(service: Running) -> None:
    path = service.post().headers["location"]
    answer = service.call("GET", path, headers=as_user("free", 2))
    assert answer.status == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        ({}, "an API key is needed"),
        ({"Authorization": "Bearer nobody-has-this"}, "not known"),
        ({"Authorization": "Basic demo-pro-key-1"}, "must be: Bearer"),
        ({"X-API-Key": "x" * 300}, "an API key is needed"),
    ],
)
def test_without_a_known_key_there_is_401(
    service: Running, headers: dict[str, str], detail: str
) -> None:
    answer = service.call("POST", "/api/v1/costs", COST, headers)
    assert answer.status == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert detail in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        (b"{", 400, []),
        (b"[" * 5000, 400, []),
        (b" " * 70_000, 400, []),
        (b"[]", 422, ["body"]),
        ({**COST, "input_tokens": -1}, 422, ["input_tokens"]),
        ({**COST, "input_tokens": 1.5}, 422, ["input_tokens"]),
        ({**COST, "input_tokens": True}, 422, ["input_tokens"]),
        ({**COST, "input_tokens": 10**9}, 422, ["input_tokens"]),
        ({**COST, "input_tokens": 0, "output_tokens": 0}, 422, ["body"]),
        ({**COST, "cached_input_tokens": 1201}, 422, ["body"]),
        ({**COST, "model": "gpt-9"}, 422, ["model"]),
        ({**COST, "model": "a b", "more": 1}, 422, ["model", "more"]),
        ({**COST, "occurred_at": "2026-01-01T00:00:00"}, 422, ["occurred_at"]),
        ({"provider": "openai"}, 422, ["model", "input_tokens", "output_tokens"]),
    ],
)
def test_every_wrong_field_is_named(
    service: Running, body: object, status: int, fields: list[str]
) -> None:
    answer = service.call("POST", "/api/v1/costs", body)
    assert answer.status == status
    assert answer.json["status"] == status
    assert [error["field"] for error in answer.json["errors"]] == fields


def test_an_idempotency_key_is_answered_once_and_for_all(service: Running) -> None:
    user = {**as_user("enterprise", 1), "Idempotency-Key": "order-1"}
    first = service.call("POST", "/api/v1/costs", COST, user)
    again = service.call("POST", "/api/v1/costs", COST, user)
    other = service.call("POST", "/api/v1/costs", {**COST, "output_tokens": 1}, user)
    assert (first.status, again.status, other.status) == (201, 201, 409)
    assert again.body == first.body
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    summary = service.call("GET", "/api/v1/usage/summary", headers=user).json
    assert summary["calls"] == 1
    # Another user's key of the same name is another key.
    stranger = {**as_user("enterprise", 2), "Idempotency-Key": "order-1"}
    assert service.call("POST", "/api/v1/costs", COST, stranger).json["id"] != first.json["id"]


def test_pages_hold_every_record_once_newest_first(service: Running) -> None:
    user = as_user("free", 1)
    moments = [f"2026-03-{day:02d}T12:00:00Z" for day in (3, 1, 2, 2, 5, 4, 2)]
    for moment in moments:
        body = {**COST, "occurred_at": moment}
        assert service.call("POST", "/api/v1/costs", body, user).status == 201
    seen: list[dict[str, str]] = []
    path = "/api/v1/costs?limit=2"
    while path:
        page = service.call("GET", path, headers=user).json
        assert len(page["items"]) <= 2
        seen += page["items"]
        cursor = page["next_cursor"]
        path = f"/api/v1/costs?limit=2&cursor={cursor}" if cursor else ""
    assert len({item["id"] for item in seen}) == 7
    assert [item["occurred_at"][8:10] for item in seen] == [
        "05",
        "04",
        "03",
        "02",
        "02",
        "02",
        "01",
    ]
    some = service.call(
        "GET",
        "/api/v1/costs?since=2026-03-02T12:00:00Z&until=2026-03-04T12:00:00Z",
        headers=user,
    ).json
    assert [item["occurred_at"][8:10] for item in some["items"]] == ["03", "02", "02", "02"]
    days = service.call(
        "GET", "/api/v1/usage/summary?since=2026-03-02&until=2026-03-03", headers=user
    ).json
    assert days["calls"] == 4
    assert Decimal(days["total"]) == 4 * Decimal("0.0065")


def test_the_summary_is_the_sum_of_the_records(service: Running) -> None:
    user = as_user("pro", 3)
    for tokens in range(1, 40):
        body = {**COST, "input_tokens": tokens, "model": ("gpt-4o", "gpt-4o-mini")[tokens % 2]}
        assert service.call("POST", "/api/v1/costs", body, user).status == 201
    items = service.call("GET", "/api/v1/costs?limit=200", headers=user).json["items"]
    summary = service.call("GET", "/api/v1/usage/summary", headers=user).json
    assert len(items) == summary["calls"] == 39
    assert Decimal(summary["total"]) == sum(Decimal(item["total"]) for item in items)
    assert summary["input_tokens"] == sum(range(1, 40))
    assert [row["calls"] for row in summary["by_model"]] == [19, 20]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "cursor=!", "cursor=LTEuLTE", "since=yesterday"]
)
def test_queries_that_make_no_sense_are_422(service: Running, query: str) -> None:
    answer = service.call("GET", f"/api/v1/costs?{query}")
    assert answer.status == 422
    assert answer.json["errors"][0]["field"] == query.partition("=")[0]


def test_health_readiness_pricing_and_openapi_need_no_key(service: Running) -> None:
    assert service.call("GET", "/api/v1/health", headers={}).json == {"status": "ok"}
    assert service.call("GET", "/api/v1/ready", headers={}).json == {"status": "ready"}
    pricing = service.call("GET", "/api/v1/pricing", headers={}).json
    assert pricing["discounts"] == {"free": "0", "pro": "0.10", "enterprise": "0.20"}
    assert {price["provider"] for price in pricing["prices"]} >= {"openai", "anthropic"}
    document = service.call("GET", "/openapi.json", headers={}).json
    post = document["paths"]["/api/v1/costs"]["post"]
    schema = post["requestBody"]["content"]["application/json"]["schema"]
    assert set(schema["required"]) == {"provider", "model", "input_tokens", "output_tokens"}
    assert set(document["components"]["securitySchemes"]) == {"bearer", "apiKey"}


def test_every_request_is_counted_by_the_time_its_answer_is_read(service: Running) -> None:
    before = service.counted()
    seen: dict[tuple[str, str, str], int] = {}
    lock = threading.Lock()
    plan = [
        ("POST", "/api/v1/costs", COST, "/api/v1/costs"),
        ("POST", "/api/v1/costs", {**COST, "model": "nix"}, "/api/v1/costs"),
        ("GET", "/api/v1/costs?limit=3", None, "/api/v1/costs"),
        ("GET", "/api/v1/usage/summary", None, "/api/v1/usage/summary"),
        ("GET", "/api/v1/costs/nix", None, "/api/v1/costs/{cost_id}"),
        ("GET", "/made-up", None, "unmatched"),
        ("DELETE", "/api/v1/costs", None, "/api/v1/costs"),
    ]

    def drive() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", service.api, timeout=10)
        for turn in range(70):
            method, path, body, label = plan[turn % len(plan)]
            answer = call(service.api, method, path, body, BEARER, connection)
            with lock:
                key = (method, label, str(answer.status))
                seen[key] = seen.get(key, 0) + 1
        connection.close()

    threads = [threading.Thread(target=drive) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = service.counted()
    grown = {key: after[key] - before.get(key, 0) for key in after}
    assert {key: count for key, count in grown.items() if count} == seen
    assert sum(seen.values()) == 280


def test_one_after_the_other_the_counter_never_lags(service: Running) -> None:
    key = ("GET", "/api/v1/pricing", "200")
    start = service.counted()[key]
    for number in range(1, 31):
        service.call("GET", "/api/v1/pricing")
        assert service.counted()[key] == start + number


def test_a_client_that_leaves_is_counted_at_most_once(service: Running) -> None:
    before = sum(service.counted().values())
    head = b"POST /api/v1/costs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo-pro-key-1\r\n"
    body = b'{"provider":"openai","model":"gpt-4o","input_tokens":1,"output_tokens":1}'
    whole = head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    for data in (whole, whole[:-10], head):
        with socket.create_connection(("127.0.0.1", service.api)) as sock:
            sock.sendall(data)
    deadline = time.monotonic() + 3
    while service.value("http_requests_in_flight") and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.1)
    grown = sum(service.counted().values()) - before
    # The cut body is a bad request, the cut head never became one.
    assert grown == 2
    assert service.counted()[("POST", "/api/v1/costs", "500")] == 0


def test_made_up_paths_and_methods_make_no_series(service: Running) -> None:
    for number in range(20):
        service.call("GET", f"/nowhere/{number}")
        service.call("GET", f"/api/v1/costs/cost_{number}")
        service.call("PROPFIND", "/api/v1/costs")
    labels = service.counted()
    assert {path for _, path, _ in labels} <= {
        "/api/v1/costs", "/api/v1/costs/{cost_id}", "/api/v1/usage/summary", "/api/v1/pricing",
        "/api/v1/health", "/api/v1/ready", "/openapi.json", "unmatched",
    }  # fmt: skip
    assert ("GET", "unmatched", "404") in labels
    assert "OTHER" in {method for method, _, _ in labels}
    assert "PROPFIND" not in {method for method, _, _ in labels}
