"""What a Locust user would write, case by case, in a process of its own.

Each ``case_…`` is given a user whose class is loadkit.HttpUser; ``main`` runs them all and says
which failed and how. The server is the one of test_client_locust.
"""

from __future__ import annotations

import gc
import json
import sys
import traceback
import warnings
import weakref
from collections.abc import Callable
from typing import Any

warnings.simplefilter("ignore")

import gevent  # noqa: E402
import gevent.pool  # noqa: E402
import locust  # noqa: E402
from locust.env import Environment  # noqa: E402
from locust.exception import CatchResponseError, LocustError, ResponseError, StopTest  # noqa: E402

import loadkit  # noqa: E402
from loadkit import HttpUser  # noqa: E402

Case = Callable[[Any, list[dict[str, Any]]], None]


def make_user(host: str, **attributes: Any) -> tuple[Any, list[dict[str, Any]]]:
    """A user, and what listeners of events.request will be told."""
    environment: Any = Environment(user_classes=[], host=host, events=locust.events.__class__())
    told: list[dict[str, Any]] = []
    environment.events.request.add_listener(lambda **meta: told.append(meta))
    cls: Any = type("Visitor", (HttpUser,), {"host": host, **attributes})
    return cls(environment), told


def judge(response: Any, error: Exception) -> None:
    """Raises, as a block may."""
    if response is not None:
        raise error


def case_get(user: Any, told: Any) -> None:
    response = user.client.get("/ultra_fast")
    assert response.status_code == 200 and response.ok and response.reason == "OK"
    assert response.text == "This is an ultra fast response"
    (meta,) = told
    assert meta["request_type"] == "GET" and meta["name"] == "/ultra_fast"
    assert meta["exception"] is None and meta["response"] is response
    assert meta["response_length"] == len(response.content)
    assert 0 < meta["response_time"] < 1000
    assert meta["url"] == f"{user.host}/ultra_fast"
    assert meta["context"] == {}


def case_name(user: Any, told: Any) -> None:
    user.client.get("/ultra_fast?id=1", name="/ultra_fast?id=[id]")
    assert told[0]["name"] == "/ultra_fast?id=[id]"


def case_rename_request(user: Any, told: Any) -> None:
    with user.client.rename_request("group"):
        user.client.get("/ultra_fast?a=1")
        user.client.get("/ultra_fast?a=2", name="own")
    user.client.get("/ultra_fast?a=3")
    assert [meta["name"] for meta in told] == ["group", "own", "/ultra_fast?a=3"]
    user.client.request_name = "all"
    user.client.get("/ultra_fast")
    assert told[-1]["name"] == "all"


def case_rename_within_the_block(user: Any, told: Any) -> None:
    with user.client.get("/ultra_fast", catch_response=True) as response:
        response.request_meta["name"] = "cached"
        response.request_meta["context"]["seen"] = 1
    assert told[0]["name"] == "cached" and told[0]["context"] == {"seen": 1}


def case_failing_status(user: Any, told: Any) -> None:
    response = user.client.get("/fail")
    assert response.status_code == 500 and not response.ok
    assert type(told[0]["exception"]).__name__ == "BadStatusCode"
    assert str(told[0]["exception"]) == "500 Internal Server Error for /fail"
    try:
        response.raise_for_status()
    except ConnectionError as error:
        assert "500" in str(error)
    else:
        raise AssertionError


def case_connection_refused(user: Any, told: Any) -> None:
    response = user.client.get("http://127.0.0.1:1/")
    assert response.status_code == 0 and response.content is None and response.text is None
    assert isinstance(response.error, ConnectionRefusedError)
    assert isinstance(told[0]["exception"], ConnectionRefusedError)
    assert told[0]["response_length"] == 0
    try:
        response.raise_for_status()
    except ConnectionRefusedError:
        return
    raise AssertionError


def case_catch_response_failure(user: Any, told: Any) -> None:
    with user.client.get("/ultra_fast", catch_response=True) as response:
        assert told == []
        response.failure("bad response")
    assert isinstance(told[0]["exception"], CatchResponseError)
    assert str(told[0]["exception"]) == "bad response"


def case_catch_response_success(user: Any, told: Any) -> None:
    with user.client.get("/fail", catch_response=True) as response:
        response.success()
    assert told[0]["exception"] is None


def case_catch_response_by_status(user: Any, told: Any) -> None:
    with user.client.get("/fail", catch_response=True):
        pass
    with user.client.get("/ultra_fast", catch_response=True):
        pass
    assert [bool(meta["exception"]) for meta in told] == [True, False]


def case_catch_response_response_error(user: Any, told: Any) -> None:
    with user.client.get("/ultra_fast", catch_response=True) as response:
        judge(response, ResponseError("not what was wanted"))
    assert isinstance(told[0]["exception"], ResponseError)


def case_catch_response_other_exception(user: Any, told: Any) -> None:
    try:
        with user.client.get("/ultra_fast", catch_response=True) as response:
            judge(response, KeyError("mine"))
    except KeyError:
        assert told == []
        return
    raise AssertionError


def case_catch_response_connection_error(user: Any, told: Any) -> None:
    with user.client.get("http://127.0.0.1:1/", catch_response=True) as response:
        assert response.status_code == 0 and not response.content
        response.success()
    with user.client.get("http://127.0.0.1:1/", catch_response=True):
        pass
    assert told[0]["exception"] is None
    assert isinstance(told[1]["exception"], ConnectionRefusedError)


def case_judging_without_catch_response(user: Any, told: Any) -> None:
    response = user.client.get("/ultra_fast")
    for judge in (response.success, lambda: response.failure("x"), response.__enter__):
        try:
            judge()
        except LocustError as error:
            assert "catch_response=True" in str(error)
        else:
            raise AssertionError
    caught = user.client.get("/ultra_fast", catch_response=True)
    try:
        caught.success()
    except LocustError as error:
        assert "with block" in str(error)
        return
    raise AssertionError


def case_context(user: Any, told: Any) -> None:
    user.client.get("/ultra_fast", context={"user": "7"})
    type(user).context = lambda self: {"team": "a"}
    user.client.get("/ultra_fast", context={"user": "8"})
    assert [meta["context"] for meta in told] == [{"user": "7"}, {"team": "a", "user": "8"}]


def case_post_and_put(user: Any, told: Any) -> None:
    assert user.client.post("/echo", {"arg": "hello"}).json()["body"] == "arg=hello"
    assert user.client.put("/echo", data="text").json()["body"] == "text"
    answer = user.client.patch("/echo", json={"a": [1, None]}).json()
    assert (answer["method"], answer["body"]) == ("PATCH", '{"a":[1,null]}')
    assert answer["headers"]["content-type"] == "application/json"
    assert user.client.delete("/echo").json()["method"] == "DELETE"
    assert user.client.options("/echo").json()["method"] == "OPTIONS"
    assert user.client.request("get", "/echo").json()["method"] == "GET"
    empty = user.client.post("/echo").json()
    assert (empty["body"], empty["headers"]["content-length"]) == ("", "0")


def case_head(user: Any, told: Any) -> None:
    response = user.client.head("/ultra_fast")
    assert response.status_code == 200 and response.content == b""
    assert response.headers["Content-Length"] == "30"
    assert told[0]["response_length"] == 0


def case_headers(user: Any, told: Any) -> None:
    user.client.headers["X-All"] = "1"
    user.client.headers.update({"Authorization": "Bearer t"})
    seen = user.client.get("/echo", headers={"X-One": "2", "accept": "text/x"}).json()["headers"]
    assert (seen["x-all"], seen["x-one"], seen["accept"]) == ("1", "2", "text/x")
    assert seen["authorization"] == "Bearer t"
    del user.client.headers["x-all"]
    seen = user.client.get("/echo", headers={"User-Agent": None}).json()["headers"]
    assert "x-all" not in seen and "user-agent" not in seen
    response = user.client.get("/echo")
    assert response.headers["content-TYPE"] == "application/json"
    assert response.headers.get("missing") is None and "Content-Type" in response.headers


def case_trace_header(user: Any, told: Any) -> None:
    seen = [user.client.get("/echo").json()["headers"]["traceparent"] for _ in range(50)]
    traces = {trace.split("-")[1] for trace in seen}
    assert len(traces) == 50
    for trace in seen:
        version, trace_id, span_id, flags = trace.split("-")
        assert (version, len(trace_id), len(span_id), flags) == ("00", 32, 16, "01")
        assert int(trace_id, 16) and int(span_id, 16)
    own = "00-" + "ab" * 16 + "-" + "cd" * 8 + "-00"
    echoed = user.client.get("/echo", headers={"Traceparent": own}).json()["headers"]
    assert echoed["traceparent"] == own


def case_auth(user: Any, told: Any) -> None:
    basic = "Basic dXNlcjpwYXNz"
    get = user.client.get
    assert get("/echo", auth=("user", "pass")).json()["headers"]["authorization"] == basic
    assert get("/echo", auth="token").json()["headers"]["authorization"] == "Bearer token"

    def signed(request: Any) -> Any:
        request.headers["X-Signed"] = f"{request.method} {request.url}"
        return request

    seen = get("/echo?x=1", auth=signed).json()["headers"]["x-signed"]
    assert seen == f"GET {user.host}/echo?x=1"
    user.client.auth = ("user", "pass")
    assert get("/echo").json()["headers"]["authorization"] == basic
    user.client.auth = None
    assert "authorization" not in get("/echo").json()["headers"]


def case_credentials_in_the_host(user: Any, told: Any) -> None:
    other, heard = make_user(user.host.replace("//", "//us%40er:pa%3Ass@"))
    response = other.client.get("/echo")
    seen = response.json()["headers"]["authorization"]
    assert seen == "Basic dXNAZXI6cGE6c3M="
    assert "us" not in response.url.split("//")[1] and "us" not in heard[0]["url"].split("//")[1]


def case_cookies(user: Any, told: Any) -> None:
    response = user.client.get("/set_cookie")
    assert response.cookies["session"] == "abc"
    assert user.client.get("/echo").json()["headers"]["cookie"] == "session=abc"
    assert user.client.cookies.get("session") == "abc"
    user.client.cookies.set("mine", "1")
    seen = user.client.get("/echo").json()["headers"]["cookie"]
    assert sorted(seen.split("; ")) == ["mine=1", "session=abc"]
    user.client.cookiejar.clear()
    assert "cookie" not in user.client.get("/echo").json()["headers"]


def case_redirect(user: Any, told: Any) -> None:
    response = user.client.get("/redirect")
    assert response.url == f"{user.host}/ultra_fast"
    assert [r.status_code for r in response.history] == [302]
    assert response.history[0].headers["location"] == "/ultra_fast"
    assert len(told) == 1 and told[0]["name"] == "/redirect"
    stopped = user.client.get("/redirect", allow_redirects=False)
    assert stopped.status_code == 302 and stopped.is_redirect and not stopped.history
    assert told[1]["exception"] is None


def case_params(user: Any, told: Any) -> None:
    answer = user.client.get("/echo?a=1", params={"b": [2, 3], "c": None, "d": "x y"})
    assert answer.json()["target"] == "/echo?a=1&b=2&b=3&d=x+y"
    assert told[0]["name"] == "/echo?a=1"


def case_rest(user: Any, told: Any) -> None:
    with user.rest("POST", "/echo", json={"a": 1}) as response:
        assert response.js["method"] == "POST"
        assert response.js["headers"]["accept"] == "application/json"
    with user.rest("GET", "/ultra_fast") as response:
        assert response.js is None
    with user.rest("GET", "/echo") as response:
        assert response.js["method"] == "POST", "wrong method,"
    with user.rest("GET", "/echo") as response:
        judge(response, KeyError("mine"))
    with user.rest_("GET", "/echo") as response:
        assert "_=" in response.js["target"]
    with user.rest("GET", "http://127.0.0.1:1/") as response:
        pass
    failures = [str(meta["exception"] or "") for meta in told]
    assert failures[0] == "" and failures[1].startswith("Could not parse response as JSON")
    assert failures[2].startswith("wrong method, response was {"), failures[2]
    assert failures[3].startswith("KeyError: 'mine' at ")
    assert failures[4] == "" and told[4]["name"] == "/echo?_=..."
    assert "refused" in failures[5]


def case_json_errors(user: Any, told: Any) -> None:
    try:
        user.client.get("/ultra_fast").json()
    except json.JSONDecodeError:
        pass
    else:
        raise AssertionError
    try:
        user.client.get("http://127.0.0.1:1/").json()
    except json.JSONDecodeError:
        return
    raise AssertionError


def case_text(user: Any, told: Any) -> None:
    assert user.client.get("/latin1").text == "för"
    response = user.client.get("/utf8")
    assert response.encoding == "utf-8" and response.text == "för"
    response.encoding = "latin-1"
    assert response.text == "fÃ¶r"


def case_elapsed_and_request(user: Any, told: Any) -> None:
    response = user.client.post("/echo?a=b", json={"x": 1})
    assert 0 < response.elapsed.total_seconds() < 5
    assert response.request.method == "POST" and response.request.body == b'{"x":1}'
    assert response.request.url == f"{user.host}/echo?a=b"
    assert response.request.headers["content-type"] == "application/json"


def case_stream(user: Any, told: Any) -> None:
    response = user.client.get("/stream", stream=True)
    assert len(told) == 1 and told[0]["response_time"] < 150
    assert list(response.iter_lines()) == ["one", "two", "three"]
    assert list(user.client.iter_lines("/stream")) == ["one", "two", "three"]
    assert user.client.get("/stream", stream=True).content == b"one\r\ntwo\nthree"
    pieces = user.client.get("/stream", stream=True).iter_content(2)
    assert b"".join(pieces) == b"one\r\ntwo\nthree"
    dropped = user.client.get("/stream", stream=True)
    dropped.close()
    del dropped
    assert user.client.get("/ultra_fast").status_code == 200
    assert list(user.client.get("/ultra_fast").iter_content(20))[1] == b"t response"


def case_wrong_calls(user: Any, told: Any) -> None:
    wrong: list[tuple[Callable[[], Any], type[Exception]]] = [
        (lambda: user.client.get("ftp://x/"), ValueError),
        (lambda: user.client.get("http:///x"), ValueError),
        (lambda: user.client.get("/", headers={"X": "a\r\nb: c"}), ValueError),
        (lambda: user.client.get("/", headers={"X y": "a"}), ValueError),
        (lambda: user.client.get("/", headers={"Transfer-Encoding": "chunked"}), ValueError),
        (lambda: user.client.request("GE T", "/"), ValueError),
        (lambda: user.client.post("/", json={"a": {1}}), TypeError),
        (lambda: user.client.post("/", json=float("nan")), ValueError),
        (lambda: user.client.post("/", data=5), TypeError),
        (lambda: user.client.get("/", auth=5), TypeError),
        (lambda: user.client.get("/", cookies={"a": "b\r\nc: d"}), ValueError),
    ]
    for number, (call, error) in enumerate(wrong):
        try:
            call()
        except error:
            continue
        raise AssertionError(number)
    assert user.client.get("/ultra_fast").status_code == 200


def case_many_urls(user: Any, told: Any) -> None:
    for n in range(1_200):
        user.client.get(f"/echo?n={n}", name="/echo", headers={"X-N": str(n)})
    assert len(user.client._heads) <= 512 and len(user.client._heads_of_lines) <= 512
    answer = user.client.get("/echo?n=1", headers={"X-N": "1"}).json()
    assert answer["target"] == "/echo?n=1" and answer["headers"]["x-n"] == "1"
    assert {meta["name"] for meta in told[:1_200]} == {"/echo"}


def case_users_share_what_is_prepared_but_not_their_secrets(user: Any, told: Any) -> None:
    other, _ = make_user(user.host)
    assert other.client._heads is user.client._heads
    other.client.headers["Authorization"] = "Bearer other"
    assert other.client._heads is not user.client._heads
    assert "authorization" not in user.client.get("/echo").json()["headers"]
    assert other.client.get("/echo").json()["headers"]["authorization"] == "Bearer other"
    del other.client.headers["Authorization"]
    assert other.client._heads is user.client._heads


def case_a_signer_of_the_session_is_asked_each_time(user: Any, told: Any) -> None:
    numbers = iter(range(10))

    def sign(request: Any) -> None:
        request.headers["X-Number"] = str(next(numbers))

    user.client.auth = sign
    seen = [user.client.get("/echo").json()["headers"]["x-number"] for _ in range(3)]
    assert seen == ["0", "1", "2"]


def case_connections_are_closed_when_the_user_ends(user: Any, told: Any) -> None:
    class Short(HttpUser):
        host = user.host
        wait_time = locust.constant(0)

        @locust.task
        def once(self) -> None:
            self.client.get("/ultra_fast")
            raise locust.exception.StopUser

    short = Short(user.environment)
    greenlet = short.start(gevent.pool.Group())
    greenlet.join()
    gevent.sleep(0)
    assert short.client._connections._idle == {}
    assert told[0]["name"] == "/ultra_fast"


def case_another_base(user: Any, told: Any) -> None:
    user.client.base_url = user.host + "/"
    assert user.client.get("/echo").json()["target"] == "/echo"
    user.client.base_url = user.host + "/echo?under="
    assert user.client.get("/x").json()["target"] == "/echo?under=/x"
    assert user.client.get("/x").url == f"{user.host}/echo?under=/x"


def case_nothing_is_left_for_the_collector(user: Any, told: Any) -> None:
    user.environment.events.request._handlers.clear()
    user.client.get("/ultra_fast")
    gc.collect()
    gc.disable()
    try:
        for url in ("/ultra_fast", "/fail", "/redirect", "http://127.0.0.1:1/", "/slow"):
            response = user.client.get(url, timeout=0.1)
            alive = weakref.ref(response)
            del response
            assert alive() is None, url
        with user.client.get("/fail", catch_response=True) as caught:
            pass
        alive = weakref.ref(caught)
        del caught
        assert alive() is None
    finally:
        gc.enable()


def case_no_host(user: Any, told: Any) -> None:
    for host in (None, "nonsense", "ftp://x"):
        try:
            type("V", (HttpUser,), {"host": host})(user.environment)
        except StopTest:
            continue
        raise AssertionError(host)
    for settings in ({"verify": "/nowhere.pem"}, {"cert": "/nowhere.pem"}):
        try:
            type("V", (HttpUser,), {"host": "https://x", **settings})(user.environment)
        except StopTest as error:
            assert "/nowhere.pem" in str(error)
            continue
        raise AssertionError(settings)


def case_killed_while_waiting(user: Any, told: Any) -> None:
    greenlet = gevent.spawn(user.client.get, "/slow")
    gevent.sleep(0.1)
    greenlet.kill()
    assert told == []
    assert user.client.get("/ultra_fast").text == "This is an ultra fast response"


def case_gevent_timeout_of_ones_own(user: Any, told: Any) -> None:
    try:
        with gevent.Timeout(0.1):
            user.client.get("/slow")
    except gevent.Timeout:
        assert user.client.get("/ultra_fast").status_code == 200
        return
    raise AssertionError


def case_several_greenlets_share_a_user(user: Any, told: Any) -> None:
    jobs = [gevent.spawn(user.client.get, f"/echo?n={n}") for n in range(20)]
    gevent.joinall(jobs)
    assert [job.value.json()["target"] for job in jobs] == [f"/echo?n={n}" for n in range(20)]


def case_a_listener_that_raises(user: Any, told: Any) -> None:
    def bad(**_: Any) -> None:
        raise RuntimeError("listener")

    user.environment.events.request.add_listener(bad)
    user.environment.events.request.add_listener(lambda **meta: told.append(meta))
    user.client.get("/ultra_fast")
    assert len(told) == 2


def case_settings(user: Any, told: Any) -> None:
    other, heard = make_user(
        user.host, network_timeout=0.1, max_redirects=0, default_headers={"X-D": "1"}, insecure=True
    )
    assert other.client.get("/echo").json()["headers"]["x-d"] == "1"
    other.client.get("/slow")
    other.client.get("/redirect")
    kinds = [type(meta["exception"]).__name__ for meta in heard]
    assert kinds == ["NoneType", "ResponseTimeout", "TooManyRedirects"]
    assert other.client.verify is False


def case_the_class(user: Any, told: Any) -> None:
    assert loadkit.HttpUser is HttpUser and HttpUser.abstract and HttpUser.loadkit_counts
    assert "HttpUser" not in vars(loadkit)
    assert isinstance(user, locust.User)


def main(host: str) -> None:
    results: dict[str, str | None] = {}
    cases: dict[str, Case] = {n: f for n, f in globals().items() if n.startswith("case_")}
    for name, case in cases.items():
        user, told = make_user(host)
        try:
            case(user, told)
            results[name] = None
        except BaseException:
            results[name] = traceback.format_exc()
        user.client.close()
    print(json.dumps(results))


if __name__ == "__main__":
    main(sys.argv[1])
