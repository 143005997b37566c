"""The routes of the API, and how a cost is recorded, step by step."""

import asyncio
import json
import secrets
import time
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request, Response
from pydantic import AwareDatetime

from loadkit.reference import schemas
from loadkit.reference.auth import FINGERPRINT, check_user, digest_key, key_from_headers
from loadkit.reference.errors import BadRequest, NotFound, Unavailable
from loadkit.reference.exchange import KEY, Exchange
from loadkit.reference.ports import (
    CostQuery,
    CostRecord,
    Idempotency,
    Notification,
    Stored,
    User,
)
from loadkit.reference.pricing import (
    Charge,
    Price,
    discount_for,
    nano_text,
    price_tokens,
    split_tokens,
    to_nano,
)
from loadkit.reference.services import Services

BASE = "/api/v1"
LONGEST_KEY = 128


def answer(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON response of plain values."""
    body = json.dumps(content, separators=(",", ":")).encode()
    return Response(body, status, headers, "application/json")


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of answers that aren't a success."""
    content = {"application/problem+json": {"schema": schemas.Problem.model_json_schema()}}
    return {status: {"description": "Problem", "content": content} for status in statuses}


def database_attributes(
    system: str, operation: str, collection: str, texts: Mapping[str, str]
) -> dict[str, str | int]:
    """What spans of database calls say."""
    return {
        "db.system.name": system,
        "db.operation.name": operation,
        "db.collection.name": collection,
        "db.query.summary": f"{operation} {collection}",
        "db.query.text": texts[f"{operation} {collection}"],
    }


class Api:
    """The handlers, with what they need."""

    def __init__(self, services: Services) -> None:
        self._services = services
        system, texts = services.storage.system, services.storage.statements
        self._user_span = database_attributes(system, "SELECT", "users", texts)
        self._price_span = database_attributes(system, "SELECT", "prices", texts)
        self._insert_span = database_attributes(system, "INSERT", "costs", texts)

    async def authenticate(self, exchange: Exchange, request: Request) -> User:
        """Who asks. Raises Unauthenticated."""
        storage = self._services.storage
        async with exchange.step("authenticate_user") as step:
            digest = digest_key(key_from_headers(request.scope["headers"]), storage.salt)
            async with (
                exchange.step("fetch_user_from_db", self._user_span, late=True) as fetch,
                storage.session() as session,
            ):
                # Here, not before: a slow query holds its connection.
                await fetch.strike()
                found = await session.find_user(digest[:FINGERPRINT])
            user = check_user(found, digest)
            step.set("user.id", user.id)
            step.set("user.tier", user.tier)
            exchange.user_id = user.id
            return user

    async def price_of(self, exchange: Exchange, provider: str, model: str) -> Price:
        """The price of a model, from the cache or the database. Raises BadRequest."""
        services = self._services
        async with exchange.step("fetch_pricing_data", self._price_span) as step:
            wait_s = await self._spoil_cache(exchange)
            price = None if wait_s else await services.cache.get(provider, model)
            step.set("cache.hit", "true" if price is not None else "false")
            if price is None:
                async with services.storage.session() as session:
                    if wait_s:
                        await asyncio.sleep(wait_s)
                    price = await session.find_price(provider, model)
                if price is None:
                    raise _unknown_model()
                await services.cache.put(price)
            return price

    async def _spoil_cache(self, exchange: Exchange) -> float:
        """Let faults at the cache; seconds by which they make a fetch longer."""
        faults = exchange.faults
        if faults is None or not faults.any_active:
            return 0.0
        if faults.evicts():
            await self._services.cache.clear()
        return faults.price_wait_s()

    async def calculate(self, exchange: Exchange, wanted: schemas.CostIn, user: User) -> Charge:
        """What the call costs this user."""
        async with exchange.step("calculate_cost") as step:
            price = await self.price_of(exchange, wanted.provider, wanted.model)
            async with exchange.step("calculate_tokens"):
                tokens = split_tokens(
                    wanted.input_tokens, wanted.cached_input_tokens, wanted.output_tokens
                )
            async with exchange.step("calculate_total"):
                amounts = price_tokens(tokens, price)
            async with exchange.step("apply_discount"):
                charge = discount_for(amounts, user.tier)
            step.set("llm.cost.total", str(charge.total))
            return charge

    async def create_cost(self, request: Request) -> Response:
        """Price one LLM call and record it."""
        exchange: Exchange = request.scope[KEY]
        user = await self.authenticate(exchange, request)
        async with exchange.step("validate_request"):
            wanted = schemas.parse_cost(await request.body())
            key = _idempotency_key(request)
        charge = await self.calculate(exchange, wanted, user)
        record = _record(wanted, user, charge)
        idempotency = None if key is None else Idempotency(key, wanted.fingerprint())
        async with (
            exchange.step("store_cost"),
            exchange.step("insert_database", self._insert_span),
        ):
            stored = await self._services.storage.store(record, idempotency)
        if not stored.replayed:
            self._services.metrics.track_call(
                record.provider, record.model, record.total_tokens, record.total
            )
        async with exchange.step("send_notification") as step:
            await self._notify(step, user, stored)
        self._log(exchange, stored)
        record = stored.record
        headers = {"Location": f"/api/v1/costs/{record.id}"}
        if stored.replayed:
            headers["Idempotency-Replayed"] = "true"
        return answer(schemas.cost_dict(record), 201, headers)

    async def _notify(self, step: Any, user: User, stored: Stored) -> None:
        record = stored.record
        if stored.replayed:
            step.set("messaging.outcome", "skipped")
            return
        taken = await self._services.notifier.send(
            Notification(user.id, user.tier, record.id, record.total)
        )
        step.set("messaging.outcome", "queued" if taken else "dropped")

    def _log(self, exchange: Exchange, stored: Stored) -> None:
        record = stored.record
        self._services.log.write(
            "info",
            "cost_replayed" if stored.replayed else "cost_recorded",
            "Cost recorded",
            exchange.ids,
            method=exchange.method,
            path=exchange.route,
            status=201,
            duration_ms=exchange.elapsed_ms,
            user_id=record.user_id,
            cost_id=record.id,
            provider=record.provider,
            model=record.model,
            tokens=record.total_tokens,
            cost=nano_text(record.total),
        )

    async def list_costs(
        self,
        request: Request,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
        cursor: Annotated[str | None, Query(max_length=128)] = None,
        since: Annotated[AwareDatetime | None, Query(description="included")] = None,
        until: Annotated[AwareDatetime | None, Query(description="not included")] = None,
    ) -> Response:
        """The records of the key's user, newest first, page by page."""
        user = await self.authenticate(request.scope[KEY], request)
        query = CostQuery(
            user.id,
            limit,
            _us(since),
            _us(until),
            None if cursor is None else schemas.parse_cursor(cursor),
        )
        async with self._services.storage.session() as session:
            page = await session.list_costs(query)
        return answer(
            {
                "items": [schemas.cost_dict(record) for record in page.records],
                "next_cursor": schemas.cursor_text(page.next_after),
            }
        )

    async def get_cost(self, request: Request, cost_id: str) -> Response:
        """One record of the key's user."""
        user = await self.authenticate(request.scope[KEY], request)
        async with self._services.storage.session() as session:
            record = await session.find_cost(user.id, cost_id)
        if record is None:
            raise NotFound("no such cost")
        return answer(schemas.cost_dict(record))

    async def usage_summary(
        self,
        request: Request,
        since: Annotated[date | None, Query(description="first day, UTC")] = None,
        until: Annotated[date | None, Query(description="last day, UTC, included")] = None,
    ) -> Response:
        """What the key's user has spent, by model, from sums kept up to date."""
        user = await self.authenticate(request.scope[KEY], request)
        first = None if since is None else since.isoformat()
        last = None if until is None else until.isoformat()
        async with self._services.storage.session() as session:
            rows = await session.usage(user.id, first, last)
        return answer(
            {
                "user_id": user.id,
                "tier": user.tier,
                "currency": "USD",
                "since": first,
                "until": last,
                "calls": sum(row.calls for row in rows),
                "input_tokens": sum(row.input_tokens for row in rows),
                "output_tokens": sum(row.output_tokens for row in rows),
                "total": nano_text(sum(row.cost for row in rows)),
                "by_model": [schemas.usage_dict(row) for row in rows],
            }
        )

    async def pricing(self) -> Response:
        """The price list; needs no key."""
        async with self._services.storage.session() as session:
            prices = await session.list_prices()
        return answer(schemas.pricing_dict(prices))

    async def health(self) -> Response:
        """Whether the process lives."""
        return answer({"status": "ok"})

    async def ready(self) -> Response:
        """Whether requests would be taken: the writer lives and its queue has room."""
        state = self._services.storage.state()
        if not state.writer_alive:
            raise Unavailable("the database's writer has ended")
        if state.queue_depth >= state.queue_capacity:
            raise Unavailable("the queue in front of the database is full")
        return answer({"status": "ready"})


def _unknown_model() -> BadRequest:
    text = "no price is known for this provider and model; see GET /api/v1/pricing"
    return BadRequest(
        "not valid: model", errors=[{"field": "model", "code": "unknown_model", "message": text}]
    )


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is not None and not 1 <= len(key) <= LONGEST_KEY:
        text = f"must have 1 to {LONGEST_KEY} characters"
        raise BadRequest(
            "not valid: Idempotency-Key",
            errors=[{"field": "Idempotency-Key", "code": "length", "message": text}],
        )
    return key


def _us(moment: datetime | None) -> int | None:
    if moment is None:
        return None
    return max(-(2**62), min(schemas.to_us(moment), 2**62))


def _record(wanted: schemas.CostIn, user: User, charge: Charge) -> CostRecord:
    now = time.time_ns() // 1000
    return CostRecord(
        # Begins with the time, so that the index over ids grows at its end only.
        id=f"cost_{now:014x}{secrets.token_hex(6)}",
        user_id=user.id,
        provider=wanted.provider,
        model=wanted.model,
        input_tokens=wanted.input_tokens,
        cached_input_tokens=wanted.cached_input_tokens,
        output_tokens=wanted.output_tokens,
        subtotal=to_nano(charge.subtotal),
        discount=to_nano(charge.discount),
        total=to_nano(charge.total),
        project=wanted.project,
        occurred_us=now if wanted.occurred_at is None else schemas.to_us(wanted.occurred_at),
        created_us=now,
    )


def add_routes(app: FastAPI, services: Services) -> None:
    """Add all routes; to the application itself, because a router of routers costs time."""
    api = Api(services)
    body = {
        "required": True,
        "content": {"application/json": {"schema": schemas.CostIn.model_json_schema()}},
    }
    header = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "maxLength": LONGEST_KEY},
    }
    key: dict[str, Any] = {"security": [{"bearer": []}, {"apiKey": []}]}
    add = app.add_api_route
    add(
        f"{BASE}/costs", api.create_cost, methods=["POST"], status_code=201,
        responses={201: {"model": schemas.CostOut}, **problems(400, 401, 409, 422, 500, 503)},
        openapi_extra={"requestBody": body, "parameters": [header], **key},
    )  # fmt: skip
    reads = problems(401, 422, 500, 503)
    add(f"{BASE}/costs", api.list_costs, methods=["GET"], openapi_extra=key,
        responses={200: {"model": schemas.CostsOut}, **reads})  # fmt: skip
    add(BASE + "/costs/{cost_id}", api.get_cost, methods=["GET"], openapi_extra=key,
        responses={200: {"model": schemas.CostOut}, **reads, **problems(404)})  # fmt: skip
    add(f"{BASE}/usage/summary", api.usage_summary, methods=["GET"], openapi_extra=key,
        responses={200: {"model": schemas.SummaryOut}, **reads})  # fmt: skip
    add(f"{BASE}/pricing", api.pricing, methods=["GET"],
        responses={200: {"model": schemas.PricingOut}, **problems(500, 503)})  # fmt: skip
    add(f"{BASE}/health", api.health, methods=["GET"], responses=problems(500, 503))
    add(f"{BASE}/ready", api.ready, methods=["GET"], responses=problems(500, 503))
