"""A small site with a session, a login by JSON, orders and parts of pages; for recordings.

It is strict: without its cookie, a token of its own making or the right password it refuses.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import uuid
from typing import Any

from aiohttp import web

PASSWORD = "pw-4711-of-the-session"

_PAGE = """<!doctype html><html><head><title>Tea</title>
<link rel="stylesheet" href="/static/page.css"><script src="/static/page.js" defer></script>
</head><body><h1>Tea</h1>
<form id="login"><input name="user" id="user"><input name="password" id="password" type="password">
<button>In</button></form><p id="said"></p>
<form method="post" action="/subscribe"><input name="mail" value="a@b.example">
<button id="subscribe">Subscribe</button></form></body></html>"""

_SCRIPT = """
const said = (text) => { document.getElementById("said").textContent = text; };
const json = (body) => ({ method: "POST", body: JSON.stringify(body) });
document.getElementById("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const kind = { "Content-Type": "application/json", "X-Shop": "tea" };
  const form = new FormData(event.target);
  const login = await fetch("/api/login", { ...json(Object.fromEntries(form)), headers: kind });
  const session = (await login.json()).session;
  const headers = { ...kind, Authorization: "Bearer " + session.token };
  const order = await fetch("/api/orders", { ...json({ cup: "tea", count: 2 }), headers });
  const id = (await order.json()).id;
  await fetch("/api/orders/" + id + "?full=1&access_token=" + session.token, { headers });
  await fetch("/api/gone", { headers });
  said("ready");
});
"""


class Site:
    """The handlers, and what they gave out."""

    def __init__(self) -> None:
        self.sessions: set[str] = set()
        self.tokens: set[str] = set()
        self.orders: set[str] = set()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.front),
            web.get("/static/page.css", self.css),
            web.get("/static/page.js", self.script),
            web.post("/api/login", self.login),
            web.post("/api/orders", self.order),
            web.get("/api/orders/{id}", self.read),
            web.post("/subscribe", self.subscribe),
            web.get("/thanks", self.thanks),
        ]

    async def front(self, request: web.Request) -> web.Response:
        session = secrets.token_urlsafe(24)
        self.sessions.add(session)
        answer = web.Response(text=_PAGE, content_type="text/html")
        answer.set_cookie("session", session, httponly=True)
        return answer

    async def css(self, request: web.Request) -> web.Response:
        return web.Response(text="h1 { color: green }", content_type="text/css")

    async def script(self, request: web.Request) -> web.Response:
        return web.Response(text=_SCRIPT, content_type="text/javascript")

    def _known(self, request: web.Request) -> None:
        if request.cookies.get("session") not in self.sessions:
            raise web.HTTPUnauthorized(text="no session")

    def _allowed(self, request: web.Request) -> None:
        self._known(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.tokens or request.headers.get("X-Shop") != "tea":
            raise web.HTTPForbidden(text="no token")

    async def login(self, request: web.Request) -> web.Response:
        self._known(request)
        body: dict[str, Any] = await request.json()
        if body != {"user": "ada", "password": PASSWORD}:
            raise web.HTTPForbidden(text="wrong password")
        token = secrets.token_urlsafe(32)
        self.tokens.add(token)
        return web.json_response({"session": {"user": "ada", "token": token}})

    async def order(self, request: web.Request) -> web.Response:
        self._allowed(request)
        if await request.json() != {"cup": "tea", "count": 2}:
            raise web.HTTPBadRequest
        number = str(uuid.uuid4())
        self.orders.add(number)
        return web.json_response({"id": number}, status=201)

    async def read(self, request: web.Request) -> web.Response:
        self._allowed(request)
        good = (
            request.query.get("access_token") in self.tokens
            and request.query.get("full") == "1"
            and request.match_info["id"] in self.orders
        )
        if not good:
            raise web.HTTPNotFound
        return web.json_response({})

    async def subscribe(self, request: web.Request) -> web.Response:
        self._known(request)
        if (await request.post()).get("mail") != "a@b.example":
            raise web.HTTPBadRequest
        raise web.HTTPSeeOther("/thanks")

    async def thanks(self, request: web.Request) -> web.Response:
        self._known(request)
        return web.Response(text="Thanks", content_type="text/html")


async def serve() -> None:
    """Serves on a free port and says which, until standard input ends."""
    app = web.Application()
    app.add_routes(Site().routes())
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(serve())
