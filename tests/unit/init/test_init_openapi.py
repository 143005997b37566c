"""Operations of an OpenAPI document as tasks."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from init_helpers import arguments, calls, document, draft_of, refused, text_of

from loadkit.errors import UsageError
from loadkit.init import openapi
from loadkit.init.document import Document
from loadkit.init.servers import Server, servers


def only(paths: dict[str, Any], version: str = "3.1.0", **more: Any) -> dict[str, Any]:
    """The arguments of the only request."""
    (found,) = calls(text_of(paths, version, **more)).values()
    assert len(found) == 1
    return arguments(found[0])


def get(*parameters: dict[str, Any], path: str = "/x", **more: Any) -> dict[str, Any]:
    """A path with one GET operation."""
    return {path: {"get": {"parameters": list(parameters), "responses": {}, **more}}}


def post(content: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A path with one POST operation and its body."""
    return {"/x": {"post": {"requestBody": {"content": content}, "responses": {}, **more}}}


# -- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "method", "path", "name"),
    [
        ("listItems", "get", "/items", "list_items"),
        ("list-items v2", "get", "/items", "list_items_v2"),
        ("create_cost_api_v1_costs_post", "post", "/api/v1/costs", "create_cost"),
        ("class", "get", "/items", "class_"),
        ("client", "get", "/items", "client_"),
        ("on_start", "get", "/items", "on_start_"),
        ("2fa", "get", "/items", "call_2fa"),
        ("日本", "get", "/items/{id}", "get_items_by_id"),
        (None, "delete", "/items/{id}", "delete_items_by_id"),
        (None, "get", "/", "get"),
        ('x"""; import os', "get", "/", "x_import_os"),
    ],
)
def test_an_operation_names_its_task(
    identity: str | None, method: str, path: str, name: str
) -> None:
    operation: Any = {"responses": {}} | ({} if identity is None else {"operationId": identity})
    assert [task.name for task in draft_of({path: {method: operation}}).tasks] == [name]


def test_names_are_given_once() -> None:
    same = {"operationId": "read", "responses": {}}
    paths = {f"/{n}": {"get": same} for n in range(3)} | {"/4": {"get": {"operationId": "read_2"}}}
    assert [task.name for task in draft_of(paths).tasks] == ["read", "read_2", "read_3", "read_2_2"]


_hostile = st.text(max_size=20) | st.sampled_from(
    ['"""', "\n    import os", "'); x = ('", "\\", "{x}", "#\r", "\x00", "\u2028", "__class__"]
)


@settings(max_examples=60, deadline=None)
@given(_hostile, _hostile, _hostile, _hostile)
def test_nothing_in_a_document_becomes_code(
    identity: str, summary: str, path: str, name: str
) -> None:
    operation = {
        "operationId": identity,
        "summary": summary,
        "description": summary,
        "parameters": [{"name": name or "n", "in": "query", "example": summary}],
        "requestBody": {"content": {"application/json": {"example": {name: summary}}}},
        "responses": {},
    }
    text = text_of({f"/{path}": {"post": operation}}, info={"title": summary})
    tree = ast.parse(text)
    kinds = [type(node).__name__ for node in tree.body]
    assert [kind for kind in kinds if kind not in ("Expr", "ImportFrom")][-2:] == [
        "ClassDef",
        "Assign",
    ]
    user = next(node for node in tree.body if isinstance(node, ast.ClassDef))
    assert [type(node).__name__ for node in user.body] == ["Assign", "FunctionDef"]
    task = user.body[1]
    assert isinstance(task, ast.FunctionDef)
    assert [type(node).__name__ for node in task.body] == ["Expr"]
    names = {node.id for node in ast.walk(task) if isinstance(node, ast.Name)}
    assert names - {"self", "task"} <= set(_secrets(tree))


def _secrets(tree: ast.Module) -> list[str]:
    return [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name)
    ]


# -- parameters -----------------------------------------------------------------------------------


def test_parameters_that_are_required_or_have_an_example_are_sent() -> None:
    found = only(
        get(
            {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
            {"name": "size", "in": "query", "required": True, "schema": {"enum": ["s", "m"]}},
            {"name": "page", "in": "query", "example": 2},
            {"name": "sort", "in": "query", "schema": {"type": "string"}},
            {"name": "X-Shop", "in": "header", "schema": {"type": "string", "examples": ["a"]}},
            {"name": "Accept", "in": "header", "required": True, "schema": {"type": "string"}},
            {"name": "theme", "in": "cookie", "examples": {"d": {"value": "dark"}}},
            path="/items/{id}",
        )
    )
    assert found == {
        "": "/items/1",
        "params": {"size": "s", "page": 2},
        "headers": {"X-Shop": "a"},
        "cookies": {"theme": "dark"},
        "name": "/items/{id}",
    }


def test_the_operation_outranks_the_path_and_references_are_followed() -> None:
    one = {"name": "n", "in": "query", "required": True, "schema": {"const": "path"}}
    paths = {
        "/x": {
            "parameters": [one, {"$ref": "#/components/parameters/Shop"}],
            "get": {
                "parameters": [{**one, "schema": {"const": "operation"}}],
                "responses": {},
            },
        }
    }
    shop = {"name": "shop", "in": "query", "example": "a b"}
    found = only(paths, components={"parameters": {"Shop": shop}})
    assert found["params"] == {"n": "operation", "shop": "a b"}


@pytest.mark.parametrize(
    ("given", "value", "params"),
    [
        ({}, [1, 2], {"a": ["1", "2"]}),
        ({"explode": False}, [1, 2], {"a": "1,2"}),
        ({"style": "pipeDelimited", "explode": False}, [1, 2], {"a": "1|2"}),
        ({"style": "spaceDelimited", "explode": False}, [1, 2], {"a": "1 2"}),
        ({}, {"x": 1, "y": True}, {"x": 1, "y": "true"}),
        ({"explode": False}, {"x": 1}, {"a": "x,1"}),
        ({"style": "deepObject"}, {"x": 1}, {"a[x]": 1}),
        ({}, True, {"a": "true"}),
        ({}, 1.5, {"a": "1.5"}),
        ({}, None, {"a": ""}),
    ],
)
def test_styles_of_a_query(given: dict[str, Any], value: Any, params: dict[str, Any]) -> None:
    found = only(get({"name": "a", "in": "query", "example": value, **given}))
    assert found["params"] == params


@pytest.mark.parametrize(
    ("given", "value", "path"),
    [
        ({}, "a/b c", "/i/a%2Fb%20c"),
        ({}, [1, 2], "/i/1,2"),
        ({}, {"x": 1}, "/i/x,1"),
        ({"explode": True}, {"x": 1, "y": 2}, "/i/x=1,y=2"),
        ({"style": "label"}, "a", "/i/.a"),
        ({"style": "label", "explode": True}, [1, 2], "/i/.1.2"),
        ({"style": "matrix"}, "a", "/i/;v=a"),
        ({"style": "matrix", "explode": True}, [1, 2], "/i/;v=1;v=2"),
        ({"style": "matrix"}, [1, 2], "/i/;v=1,2"),
        ({}, "..", "/i/%2E%2E"),
        ({}, "é?#", "/i/%C3%A9%3F%23"),
    ],
)
def test_styles_of_a_path(given: dict[str, Any], value: Any, path: str) -> None:
    parameter = {"name": "v", "in": "path", "required": True, "example": value, **given}
    found = only(get(parameter, path="/i/{v}"))
    assert (found[""], found["name"]) == (path, "/i/{v}")


def test_a_parameter_with_content_is_sent_as_json() -> None:
    content = {"application/json": {"schema": {"const": {"a": 1}}}}
    found = only(get({"name": "filter", "in": "query", "required": True, "content": content}))
    assert found["params"] == {"filter": '{"a":1}'}


def test_a_parameter_named_like_a_secret_comes_from_the_environment() -> None:
    found = only(
        get(
            {"name": "api_key", "in": "query", "example": "k-123456789"},
            {"name": "X-Auth-Token", "in": "header", "required": True, "example": "t-123456789"},
        )
    )
    assert found["params"] == {"api_key": "API_KEY"}
    assert found["headers"] == {"X-Auth-Token": "X_AUTH_TOKEN"}


# -- bodies ---------------------------------------------------------------------------------------

THING = {"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "boolean"}}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"application/json": {"schema": THING}}, {"json": {"a": 1, "b": True}}),
        ({"text/plain": {}, "application/json; charset=utf-8": {"example": [1]}}, {"json": [1]}),
        ({"application/vnd.shop+json": {"example": {}}},
         {"json": {}, "headers": {"Content-Type": "application/vnd.shop+json"}}),
        ({"application/json": {"examples": {"one": {"value": "x"}}}}, {"json": "x"}),
        ({"application/x-www-form-urlencoded": {"schema": THING}},
         {"data": {"a": 1, "b": "true"}}),
        ({"multipart/form-data": {"schema": {"type": "object", "required": ["n", "f"], "properties":
          {"n": {"type": "string"}, "f": {"type": "string", "format": "binary"}}}}},
         {"data": {"n": "text"}, "files": {"f": ("f.bin", b"loadkit")}}),
        ({"multipart/form-data": {"schema": THING}},
         {"files": {"a": (None, 1), "b": (None, "true")}}),
        ({"text/plain": {"schema": {"type": "string"}}},
         {"data": "text", "headers": {"Content-Type": "text/plain"}}),
        ({"application/xml": {"example": "<a/>"}},
         {"data": "<a/>", "headers": {"Content-Type": "application/xml"}}),
        ({"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
         {"data": b"loadkit", "headers": {"Content-Type": "application/octet-stream"}}),
        ({"*/*": {"schema": THING}}, {"json": {"a": 1, "b": True}}),
        ({"application/json": {"example": None}},
         {"data": "null", "headers": {"Content-Type": "application/json"}}),
        ({}, {}),
    ],
)  # fmt: skip
def test_bodies(content: dict[str, Any], expected: dict[str, Any]) -> None:
    assert only(post(content)) == {"": "/x", **expected}


def test_a_body_of_xml_without_an_example_is_said_to_be_missing() -> None:
    draft = draft_of(post({"application/xml": {"schema": THING}}))
    (note,) = draft.notes
    assert note == (
        "#/paths/~1x/post/requestBody/content/application~1xml: without an example, "
        "so the request has no body"
    )


def test_a_password_in_a_body_comes_from_the_environment() -> None:
    schema = {
        "type": "object",
        "required": ["user", "password"],
        "properties": {
            "user": {"type": "string"},
            "password": {"type": "string", "format": "password"},
        },
    }
    text = text_of(post({"application/json": {"schema": schema}}))
    assert 'PASSWORD = secret("PASSWORD")' in text
    assert 'json={"user": "text", "password": PASSWORD}' in text


# -- security -------------------------------------------------------------------------------------

SCHEMES = {
    "api_key": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "queryKey": {"type": "apiKey", "in": "query", "name": "k"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "basicAuth": {"type": "http", "scheme": "Basic"},
    "bearer": {"type": "http", "scheme": "bearer"},
    "login": {"type": "oauth2", "flows": {}},
    "sso": {"type": "openIdConnect", "openIdConnectUrl": "/sso"},
    "hmac": {"type": "http", "scheme": "hoba"},
    "cert": {"type": "mutualTLS"},
}


@pytest.mark.parametrize(
    ("security", "expected"),
    [
        ([{"api_key": []}], {"headers": {"X-Key": "API_KEY"}}),
        ([{"queryKey": []}], {"params": {"k": "QUERY_KEY"}}),
        ([{"session": []}], {"cookies": {"sid": "SESSION_KEY"}}),
        ([{"basicAuth": []}], {"auth": "(BASIC_AUTH_USER, BASIC_AUTH_PASSWORD)"}),
        ([{"bearer": []}], {"headers": {"Authorization": "f'Bearer {BEARER_TOKEN}'"}}),
        ([{"login": ["read"]}], {"headers": {"Authorization": "f'Bearer {LOGIN_TOKEN}'"}}),
        ([{"sso": []}], {"headers": {"Authorization": "f'Bearer {SSO_TOKEN}'"}}),
        ([{"hmac": []}], {"headers": {"Authorization": "HMAC_AUTHORIZATION"}}),
        ([{"bearer": []}, {"api_key": []}],
         {"headers": {"Authorization": "f'Bearer {BEARER_TOKEN}'"}}),
        ([{"api_key": [], "session": []}],
         {"headers": {"X-Key": "API_KEY"}, "cookies": {"sid": "SESSION_KEY"}}),
        ([{"api_key": []}, {}], {}),
        ([], {}),
        ([{"cert": []}], {}),
    ],
)  # fmt: skip
def test_security(security: Any, expected: dict[str, Any]) -> None:
    components = {"securitySchemes": SCHEMES}
    assert only(get(security=security), components=components) == {"": "/x", **expected}
    everywhere = only(get(), components=components, security=security)
    assert everywhere == {"": "/x", **expected}


def test_an_operation_may_do_without_what_the_document_asks_for() -> None:
    found = only(get(security=[]), components={"securitySchemes": SCHEMES},
                 security=[{"bearer": []}])  # fmt: skip
    assert found == {"": "/x"}


def test_what_has_to_be_done_by_hand_is_noted() -> None:
    more: Any = {"components": {"securitySchemes": SCHEMES}, "security": [{"cert": [], "hmac": []}]}
    cert, hmac = draft_of(get(), **more).notes
    assert cert.endswith("/cert: give the user class its certificate: cert = (file, key)")
    assert hmac.endswith("/hmac: hoba is not known here; HMAC_AUTHORIZATION is sent as the whole "
                         "Authorization header")  # fmt: skip


# -- ids that only the service knows --------------------------------------------------------------

ID = {"name": "orderId", "in": "path", "required": True, "schema": {"type": "string"}}
ORDER = {"type": "object", "properties": {"item": {"type": "string"}, "id": {"type": "string"}}}
CREATED = {"201": {"description": "", "content": {"application/json": {"schema": ORDER}}}}
ORDERS = {
    "/orders": {"post": {"operationId": "order", "responses": CREATED}},
    "/orders/{orderId}": {
        "parameters": [ID],
        "get": {"operationId": "read", "responses": {}},
        "delete": {"operationId": "cancel", "responses": {}},
    },
    "/orders/{orderId}/lines": {
        "get": {"operationId": "lines", "parameters": [ID], "responses": {}}
    },
}


def test_an_id_comes_from_the_operation_that_makes_the_thing() -> None:
    text = text_of(ORDERS)
    assert "    order_id = None  # of an earlier answer\n" in text
    assert (
        "    def order(self) -> None:\n"
        '        answer = self.client.post("/orders")\n'
        "        if answer.ok:\n"
        '            self.order_id = answer.json()["id"]\n' in text
    )
    assert (
        "    def read(self) -> None:\n"
        "        if self.order_id is None:\n"
        "            self.order()\n"
        '        self.client.get(f"/orders/{self.order_id}", name="/orders/{orderId}")\n' in text
    )
    assert 'f"/orders/{self.order_id}/lines"' in text
    assert text.count("self.order_id = None\n") == 1
    assert text.index("def cancel") < text.index("        self.order_id = None\n")


def test_an_id_with_an_example_is_that() -> None:
    paths = json.loads(json.dumps(ORDERS).replace('"in": "path"', '"in": "path", "example": "o-1"'))
    assert "order_id" not in text_of(paths)
    assert 'self.client.get("/orders/o-1", name="/orders/{orderId}")' in text_of(paths)


def test_an_id_that_no_answer_has_is_made_up() -> None:
    paths = json.loads(json.dumps(ORDERS).replace('"id"', '"number"'))
    assert 'self.client.get("/orders/text", name="/orders/{orderId}")' in text_of(paths)


# -- where it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "read_from", "expected"),
    [
        (None, None, Server("", "")),
        (None, "http://127.0.0.1:80/openapi.json", Server("http://127.0.0.1:80", "")),
        ([{"url": "https://api.example/v1/"}], None, Server("https://api.example", "/v1")),
        ([{"url": "/v2"}], "http://127.0.0.1/docs/x.json", Server("http://127.0.0.1", "/v2")),
        ([{"url": "v2"}], "http://127.0.0.1/docs/x.json", Server("http://127.0.0.1", "/docs/v2")),
        ([{"url": "https://{place}.example:{port}/v1", "variables":
           {"place": {"default": "eu"}, "port": {"enum": ["443"], "default": 443}}}], None,
         Server("https://eu.example:443", "/v1")),
        ([{"url": "https://me:pw@api.example"}], None, Server("https://api.example", "")),
    ],
)  # fmt: skip
def test_servers(given: Any, read_from: str | None, expected: Server) -> None:
    found = document({}, **({} if given is None else {"servers": given}))
    assert servers(found, read_from)[0] == expected


def test_the_base_path_comes_before_every_path() -> None:
    draft = openapi.draft(document(get()), "http://127.0.0.1:1", "/v1")
    assert draft.tasks[0].calls[0].path == "/v1/x"


# -- all of it ------------------------------------------------------------------------------------


def test_a_task_says_what_it_is() -> None:
    paths = {
        "/x/{n}": {
            "delete": {"summary": "Gone\nfor good", "deprecated": True, "responses": {}},
            "get": {"description": "Look\n\nat it.", "responses": {}},
        }
    }
    text = text_of(paths)
    assert "    # GET /x/{n}: Look\n    @task\n" in text
    assert (
        "    # DELETE /x/{n}: Gone\n"
        "    # Deprecated, says the document.\n"
        "    # It removes something. To leave it out, take the line @task away.\n"
        "    @task\n" in text
    )


def test_every_method_is_sent() -> None:
    every: Any = {method: {"responses": {}} for method in openapi.METHODS}
    found = calls(text_of({"/x": every}))
    methods = [ast.unparse(call.func).rpartition(".")[2] for (call,) in found.values()]
    assert methods == ["get", "post", "put", "patch", "delete", "head", "options", "request"]


def test_operations_can_be_left_out() -> None:
    paths = {"/x": {"get": {"operationId": "read"}, "delete": {}, "put": {}}}
    draft = openapi.draft(document(paths), "http://127.0.0.1", "", ["read", "DELETE /x"])
    assert [task.name for task in draft.tasks] == ["put_x"]
    with pytest.raises(UsageError, match=r"there is no operation 'remove'"):
        openapi.draft(document(paths), "http://127.0.0.1", "", ["remove"])
    with pytest.raises(UsageError, match="there is no operation in it"):
        openapi.draft(document({"/x": {"get": {}}}), "http://127.0.0.1", "", ["GET /x"])


@pytest.mark.parametrize("case", ["parameters", "bodies", "security", "ids"])
def test_ruff_has_nothing_to_say(tmp_path: Path, case: str) -> None:
    longer = {"type": "object", "required": [f"property_number_{n}" for n in range(9)]}
    texts = {
        "parameters": text_of(
            get(*({"name": f"p{n}", "in": "query", "example": [n] * n} for n in range(20)))
        ),
        "bodies": text_of(post({"application/json": {"schema": longer}})),
        "security": text_of(
            get(security=[{name: [] for name in SCHEMES}]),
            components={"securitySchemes": SCHEMES},
        ),
        "ids": text_of(ORDERS),
    }
    file = tmp_path / "first.py"
    file.write_text(texts[case], encoding="utf-8")
    assert refused(file) == ""


# -- what is no document --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "its root is no mapping"),
        ("[]", "its root is no mapping"),
        ("{", "not valid JSON: "),
        ("a: [", "not valid YAML: "),
        ("a: &x [*x]", "nested without end"),
        ("[" * 5000, "nested too deeply"),
        ("- " * 3000 + "a", "nested too deeply"),
        ("{}", "there is no `openapi` in it"),
        ('{"swagger": "2.0"}', "Swagger 2.0 is not read"),
        ("openapi: 4.0.0", "`openapi` is '4.0.0'"),
        ("<html></html>", "its root is no mapping"),
        ("openapi: 3.1.0", "there is no operation in it"),
        ("openapi: 3.1.0\npaths: {/x: {get: 5}}", "#/paths/~1x/get: a mapping is expected"),
        (
            "openapi: 3.1.0\npaths: {/x: {get: {parameters: {a: 1}}}}",
            "x/get/parameters: `parameters`",
        ),
        (
            "openapi: 3.1.0\npaths: {/x: {get: {parameters: [{in: query}]}}}",
            "needs `name` and `in`",
        ),
        ("openapi: 3.1.0\npaths: {/x: {get: {security: [{a: []}]}}}", "no security scheme 'a'"),
        ("openapi: 3.1.0\npaths: {/x: {$ref: '#/paths/~1x'}}", "references go in a circle"),
    ],
)
def test_what_is_no_document_is_an_error(text: str, told: str) -> None:
    with pytest.raises(UsageError) as error:
        openapi.draft(Document.read(text, "shop.yaml"), "http://127.0.0.1", "")
    assert told in str(error.value)
    assert str(error.value).startswith("shop.yaml")


def test_yaml_is_read_as_json_would_be() -> None:
    text = """
    openapi: 3.0.3
    paths:
      /on:
        get:
          parameters:
            - {name: day, in: query, example: 2026-01-01}
            - {name: sizes, in: query, example: &s [1, 2]}
            - {name: again, in: query, example: *s}
          responses: {200: {description: fine}}
    """
    draft = openapi.draft(Document.read(text, "x.yaml"), "http://127.0.0.1", "")
    assert draft.tasks[0].calls[0].params == {
        "day": "2026-01-01",
        "sizes": ["1", "2"],
        "again": ["1", "2"],
    }
