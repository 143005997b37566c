"""Small services that somebody else wrote, each with a document of another style."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

HERE = Path(__file__).parent
TOKEN, KEY, USER, PASSWORD = "t-4711-secret", "k-4711-secret", "clerk", "pw-4711-secret"
ENVIRONMENT = {
    "OAUTH_TOKEN": TOKEN,
    "SHOP_KEY": KEY,
    "CLERK_USER": USER,
    "CLERK_PASSWORD": PASSWORD,
    "PASSWORD": PASSWORD,
}
"""What the scenario made from the document of the shop asks for."""

Handler = Callable[[web.Request], Any]


class Shop:
    """Everything that documents/shop.yaml describes; refuses what is not as described."""

    def __init__(self) -> None:
        self.orders: dict[str, Any] = {}

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/items", self.items),
            web.get("/v1/items/{sku}", self.item),
            web.post("/v1/orders", self.order),
            web.get("/v1/orders/{orderId}", self.read),
            web.delete("/v1/orders/{orderId}", self.cancel),
            web.post("/v1/session", self.login),
            web.post("/v1/photos", self.photo),
            web.get("/v1/report", self.report),
            web.get("/shop.yaml", self.document),
        ]

    async def document(self, request: web.Request) -> web.Response:
        text = (HERE / "documents" / "shop.yaml").read_text(encoding="utf-8")
        return web.Response(text=text, content_type="application/yaml")

    async def items(self, request: web.Request) -> web.Response:
        if request.query.get("shop_key") != KEY:
            raise web.HTTPUnauthorized
        if request.query.getall("tag", []) != ["new", "green tea"]:
            raise web.HTTPBadRequest(text="tag")
        if request.query.get("filter[stock]") != "true":
            raise web.HTTPBadRequest(text="filter")
        return web.json_response([])

    async def item(self, request: web.Request) -> web.Response:
        if request.match_info["sku"] != "TEA-001" or request.cookies.get("lang") != "en":
            raise web.HTTPNotFound
        if request.headers.get("X-Shop-Version") != "2":
            raise web.HTTPBadRequest
        return web.json_response({})

    async def order(self, request: web.Request) -> web.Response:
        _bearer(request)
        body = await request.json()
        good = (
            body["payment"]["method"] == "card"
            and len(body["payment"]["last4"]) == 4
            and body["lines"][0]["quantity"] >= 1
            and body["lines"][0]["sku"].startswith("TEA-")
            and "id" not in body
            and set(body) <= {"lines", "payment", "customer", "note"}
        )
        if not good:
            raise web.HTTPUnprocessableEntity(text=json.dumps(body))
        number = f"order-{len(self.orders) + 1}"
        self.orders[number] = body
        return web.json_response({"id": number, **body}, status=201)

    async def read(self, request: web.Request) -> web.Response:
        _bearer(request)
        if request.match_info["orderId"] not in self.orders:
            raise web.HTTPNotFound
        return web.json_response({})

    async def cancel(self, request: web.Request) -> web.Response:
        _bearer(request)
        if self.orders.pop(request.match_info["orderId"], None) is None:
            raise web.HTTPNotFound
        return web.Response(status=204)

    async def login(self, request: web.Request) -> web.Response:
        fields = await request.post()
        if fields.get("password") != PASSWORD or fields.get("remember") != "true":
            raise web.HTTPForbidden
        return web.json_response({})

    async def photo(self, request: web.Request) -> web.Response:
        fields = await request.post()
        if not isinstance(fields.get("image"), web.FileField) or fields.get("title") != "Tea":
            raise web.HTTPBadRequest
        return web.json_response({}, status=201)

    async def report(self, request: web.Request) -> web.Response:
        wanted = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {wanted}":
            raise web.HTTPUnauthorized
        return web.Response(text="fine")


def _bearer(request: web.Request) -> None:
    if request.headers.get("Authorization") != f"Bearer {TOKEN}":
        raise web.HTTPUnauthorized


class Tickets:
    """What documents/tickets.json describes, in the words of 3.1."""

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/tickets", self.open),
            web.get("/tickets/{number}", self.read),
            web.put("/trees/root", self.tree),
            web.get("/openapi.json", self.document),
            web.get("/", self.front),
        ]

    async def document(self, request: web.Request) -> web.Response:
        text = (HERE / "documents" / "tickets.json").read_text(encoding="utf-8")
        return web.Response(text=text, content_type="application/json")

    async def front(self, request: web.Request) -> web.Response:
        return web.Response(text="tickets")

    async def open(self, request: web.Request) -> web.Response:
        body = await request.json()
        good = (
            body["version"] == 3
            and isinstance(body["title"], str)
            and isinstance(body["priority"], int)
            and 1 <= body["priority"] < 5
            and len(body["place"]) == 2
            and body["assignee"] is not None
        )
        if not good:
            raise web.HTTPUnprocessableEntity(text=json.dumps(body))
        return web.json_response({"ticketNumber": 17}, status=201)

    async def read(self, request: web.Request) -> web.Response:
        if request.match_info["number"] != "17":
            raise web.HTTPNotFound
        return web.json_response({})

    async def tree(self, request: web.Request) -> web.Response:
        body = await request.json()
        if body != {"name": "root", "children": []}:
            raise web.HTTPUnprocessableEntity(text=json.dumps(body))
        return web.json_response({})


async def serve(kind: str) -> None:
    """Serves on a free port and says which, until standard input ends."""
    app = web.Application()
    app.add_routes(Shop().routes() if kind == "shop" else Tickets().routes())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
