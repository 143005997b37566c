"""What clients send and get, and the way between that and `ports`. Money is text in JSON."""

import base64
import binascii
import hashlib
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
    model_validator,
)

from loadkit.reference.errors import BadRequest, Malformed
from loadkit.reference.ports import CostRecord, UsageRow
from loadkit.reference.pricing import DISCOUNTS, Price, nano_text

MOST_TOKENS = 100_000_000
LONGEST_BODY = 65_536
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]*$")
]
Tokens = Annotated[int, Field(strict=True, ge=0, le=MOST_TOKENS)]
Money = Annotated[str, Field(pattern=r"^-?\d+\.\d{9}$", description="dollars, nine places")]

# What the document shows of a call: one that has a price, unlike any that is made up from types.
EXAMPLE: JsonValue = {
    "provider": "openai",
    "model": "gpt-4o-mini",
    "input_tokens": 1200,
    "output_tokens": 300,
}


class CostIn(BaseModel):
    """One call to an LLM, to be priced and recorded."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})

    provider: Name
    model: Name
    input_tokens: Tokens
    output_tokens: Tokens
    cached_input_tokens: Tokens = 0
    project: Name | None = None
    occurred_at: AwareDatetime | None = None

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.input_tokens + self.output_tokens == 0:
            raise ValueError("at least one token is needed")
        if self.cached_input_tokens > self.input_tokens:
            raise ValueError("cached_input_tokens must not exceed input_tokens")
        if self.occurred_at is not None and not 1970 <= self.occurred_at.year <= 9000:
            raise ValueError("occurred_at must lie in the years 1970 to 9000")
        return self

    def fingerprint(self) -> bytes:
        """A digest that two bodies share exactly when they ask for the same."""
        return hashlib.sha256(self.model_dump_json(exclude_unset=True).encode()).digest()


class CostOut(BaseModel):
    """A priced and recorded call."""

    id: str
    user_id: str
    provider: str
    model: str
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    total_tokens: int
    currency: str
    subtotal: Money
    discount: Money
    total: Money
    project: str | None
    occurred_at: datetime
    created_at: datetime


class CostsOut(BaseModel):
    """A page of records, newest first."""

    items: list[CostOut]
    next_cursor: str | None


class UsageOut(BaseModel):
    """Sums of one model."""

    provider: str
    model: str
    calls: int
    input_tokens: int
    output_tokens: int
    total: Money


class SummaryOut(BaseModel):
    """What a user has spent."""

    user_id: str
    tier: str
    currency: str
    since: date | None
    until: date | None
    calls: int
    input_tokens: int
    output_tokens: int
    total: Money
    by_model: list[UsageOut]


class PriceOut(BaseModel):
    """Dollars for a million tokens."""

    provider: str
    model: str
    input_per_million: str
    cached_input_per_million: str
    output_per_million: str


class PricingOut(BaseModel):
    """The price list, and what each tier is spared."""

    currency: str
    discounts: dict[str, str]
    prices: list[PriceOut]


class FieldProblem(BaseModel):
    """One field that is wrong."""

    field: str
    code: str
    message: str


class Problem(BaseModel):
    """Every answer that isn't a success (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []
    trace_id: str | None = None


def parse_cost(raw: bytes) -> CostIn:
    """The body of a POST. Raises BadRequest with every field that is wrong, never its value."""
    if len(raw) > LONGEST_BODY:
        raise Malformed(f"the body is longer than {LONGEST_BODY} bytes")
    try:
        return CostIn.model_validate_json(raw)
    except ValidationError as error:
        raise as_problem(error.errors(include_url=False, include_input=False)) from None


def as_problem(errors: list[Any]) -> BadRequest:
    """pydantic's findings as ours."""
    if any(error["type"] == "json_invalid" for error in errors):
        return Malformed("the body is not JSON")
    fields = [
        {
            "field": ".".join(str(part) for part in error["loc"]) or "body",
            "code": str(error["type"]),
            "message": str(error["msg"]).removeprefix("Value error, "),
        }
        for error in errors
    ]
    names = ", ".join(field["field"] for field in fields)
    return BadRequest(f"not valid: {names}", errors=fields)


def time_text(us: int) -> str:
    """Microseconds since 1970 as RFC 3339 in UTC."""
    return (EPOCH + timedelta(microseconds=us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def to_us(moment: datetime) -> int:
    """A moment as microseconds since 1970, exactly."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def cost_dict(record: CostRecord) -> dict[str, Any]:
    """A record as in `CostOut`."""
    return {
        "id": record.id,
        "user_id": record.user_id,
        "provider": record.provider,
        "model": record.model,
        "input_tokens": record.input_tokens,
        "cached_input_tokens": record.cached_input_tokens,
        "output_tokens": record.output_tokens,
        "total_tokens": record.total_tokens,
        "currency": "USD",
        "subtotal": nano_text(record.subtotal),
        "discount": nano_text(record.discount),
        "total": nano_text(record.total),
        "project": record.project,
        "occurred_at": time_text(record.occurred_us),
        "created_at": time_text(record.created_us),
    }


def usage_dict(row: UsageRow) -> dict[str, Any]:
    """Sums as in `UsageOut`."""
    return {
        "provider": row.provider,
        "model": row.model,
        "calls": row.calls,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "total": nano_text(row.cost),
    }


def pricing_dict(prices: tuple[Price, ...]) -> dict[str, Any]:
    """The price list as in `PricingOut`."""
    return {
        "currency": "USD",
        "discounts": {tier: str(share) for tier, share in DISCOUNTS.items()},
        "prices": [
            {
                "provider": price.provider,
                "model": price.model,
                "input_per_million": str(price.input_per_million),
                "cached_input_per_million": str(price.cached_input_per_million),
                "output_per_million": str(price.output_per_million),
            }
            for price in prices
        ],
    }


def cursor_text(after: tuple[int, int] | None) -> str | None:
    """Where the next page starts, as clients pass it back."""
    if after is None:
        return None
    return base64.urlsafe_b64encode(f"{after[0]}.{after[1]}".encode()).decode().rstrip("=")


def parse_cursor(text: str) -> tuple[int, int]:
    """The reverse. Raises BadRequest."""
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        moment, _, seq = plain.partition(".")
        after = int(moment), int(seq)
    except (ValueError, binascii.Error):
        after = (-1, -1)
    if not all(0 <= part < 2**63 for part in after):
        raise BadRequest(
            "not valid: cursor",
            errors=[{"field": "cursor", "code": "cursor", "message": "not one of our cursors"}],
        )
    return after
