"""What tokens cost: prices, tiers and the sums, in exact decimals. Pure.

Every amount is a `Decimal` of dollars with at most nine places; the database keeps whole
nano-dollars. Parts are rounded first and added afterwards, so that the figures of one record
always add up: input + cached input + output = subtotal, subtotal − discount = total.
"""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

NANO = Decimal("0.000000001")
PLACES = 9
TOKENS_PER_PRICE = 6  # prices are for 10**6 tokens

DISCOUNTS = {
    "free": Decimal("0"),
    "pro": Decimal("0.10"),
    "enterprise": Decimal("0.20"),
}
"""The share of the subtotal that a tier doesn't pay."""


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million tokens of one model."""

    provider: str
    model: str
    input_per_million: Decimal
    cached_input_per_million: Decimal
    output_per_million: Decimal


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens by the way they are billed; `fresh` are input tokens that came from no cache."""

    fresh: int
    cached: int
    output: int

    @property
    def total(self) -> int:
        """All tokens of the call."""
        return self.fresh + self.cached + self.output


@dataclass(frozen=True, slots=True)
class Amounts:
    """Dollars before discount, by the way tokens are billed."""

    input: Decimal
    cached_input: Decimal
    output: Decimal

    @property
    def subtotal(self) -> Decimal:
        """The sum, exactly."""
        return self.input + self.cached_input + self.output


@dataclass(frozen=True, slots=True)
class Charge:
    """What one call costs its user. `subtotal - discount == total`, always."""

    amounts: Amounts
    discount: Decimal
    total: Decimal

    @property
    def subtotal(self) -> Decimal:
        """Dollars before discount."""
        return self.amounts.subtotal


def _price(provider: str, model: str, fresh: str, cached: str, output: str) -> Price:
    return Price(provider, model, Decimal(fresh), Decimal(cached), Decimal(output))


CATALOGUE = (
    _price("anthropic", "claude-haiku", "0.80", "0.08", "4.00"),
    _price("anthropic", "claude-sonnet", "3.00", "0.30", "15.00"),
    _price("anthropic", "claude-opus", "15.00", "1.50", "75.00"),
    _price("google", "gemini-flash", "0.075", "0.01875", "0.30"),
    _price("google", "gemini-pro", "1.25", "0.3125", "5.00"),
    _price("mistral", "mistral-large", "2.00", "2.00", "6.00"),
    _price("openai", "gpt-4o", "2.50", "1.25", "10.00"),
    _price("openai", "gpt-4o-mini", "0.15", "0.075", "0.60"),
)
"""What a fresh database is seeded with: examples of the right order, not a price list."""


def split_tokens(input_tokens: int, cached_input_tokens: int, output_tokens: int) -> Tokens:
    """Sort tokens by the way they are billed.

    `cached_input_tokens` are part of `input_tokens`. Raises ValueError when they are more.
    """
    if cached_input_tokens > input_tokens:
        raise ValueError("more cached input tokens than input tokens")
    return Tokens(input_tokens - cached_input_tokens, cached_input_tokens, output_tokens)


def _amount(tokens: int, per_million: Decimal) -> Decimal:
    exact = (per_million * tokens).scaleb(-TOKENS_PER_PRICE)
    return exact.quantize(NANO, rounding=ROUND_HALF_EVEN)


def price_tokens(tokens: Tokens, price: Price) -> Amounts:
    """Dollars for the tokens, each part rounded half-even to a nano-dollar."""
    return Amounts(
        _amount(tokens.fresh, price.input_per_million),
        _amount(tokens.cached, price.cached_input_per_million),
        _amount(tokens.output, price.output_per_million),
    )


def discount_for(amounts: Amounts, tier: str) -> Charge:
    """Take off what the tier doesn't pay. Raises KeyError for a tier nobody has."""
    subtotal = amounts.subtotal
    total = (subtotal * (1 - DISCOUNTS[tier])).quantize(NANO, rounding=ROUND_HALF_EVEN)
    return Charge(amounts, subtotal - total, total)


def to_nano(dollars: Decimal) -> int:
    """Whole nano-dollars. Raises ValueError if the amount is finer than that."""
    scaled = dollars.scaleb(PLACES)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{dollars} dollars have more than {PLACES} places")
    return whole


def from_nano(nano: int) -> Decimal:
    """Dollars of whole nano-dollars, exactly."""
    return Decimal(nano).scaleb(-PLACES)


def nano_text(nano: int) -> str:
    """Nano-dollars as decimal dollars with nine places: 1500 → "0.000001500"."""
    sign = "-" if nano < 0 else ""
    whole, rest = divmod(abs(nano), 10**PLACES)
    return f"{sign}{whole}.{rest:0{PLACES}d}"
