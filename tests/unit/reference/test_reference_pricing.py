"""What tokens cost, to the last nano-dollar."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadkit.reference.pricing import (
    CATALOGUE,
    DISCOUNTS,
    Price,
    discount_for,
    from_nano,
    nano_text,
    price_tokens,
    split_tokens,
    to_nano,
)

COUNTS = st.integers(0, 100_000_000)
PRICES = {(price.provider, price.model): price for price in CATALOGUE}


def test_a_call_worked_out_by_hand() -> None:
    amounts = price_tokens(split_tokens(1200, 200, 350), PRICES[("openai", "gpt-4o")])
    assert amounts.input == Decimal("0.0025")
    assert amounts.cached_input == Decimal("0.00025")
    assert amounts.output == Decimal("0.0035")
    charge = discount_for(amounts, "enterprise")
    assert charge.subtotal == Decimal("0.00625")
    assert charge.discount == Decimal("0.00125")
    assert charge.total == Decimal("0.005")


def test_halves_go_to_the_even_nano_dollar() -> None:
    price = Price("p", "m", Decimal("0.0005"), Decimal("0.0015"), Decimal("0.0025"))
    amounts = price_tokens(split_tokens(2, 1, 1), price)
    assert (amounts.input, amounts.cached_input, amounts.output) == (
        Decimal("0"),
        Decimal("0.000000002"),
        Decimal("0.000000002"),
    )


def test_more_cached_tokens_than_tokens_make_no_sense() -> None:
    with pytest.raises(ValueError, match="more cached"):
        split_tokens(1, 2, 0)


def test_a_tier_nobody_has_is_an_error() -> None:
    amounts = price_tokens(split_tokens(1, 0, 1), CATALOGUE[0])
    with pytest.raises(KeyError):
        discount_for(amounts, "gold")


@given(
    fresh=COUNTS,
    cached=COUNTS,
    output=COUNTS,
    price=st.sampled_from(CATALOGUE),
    tier=st.sampled_from(sorted(DISCOUNTS)),
)
def test_the_parts_add_up_and_are_within_half_a_nano_dollar(
    fresh: int, cached: int, output: int, price: Price, tier: str
) -> None:
    tokens = split_tokens(fresh + cached, cached, output)
    assert (tokens.fresh, tokens.total) == (fresh, fresh + cached + output)
    charge = discount_for(price_tokens(tokens, price), tier)
    parts = charge.amounts
    assert parts.input + parts.cached_input + parts.output == charge.subtotal
    assert charge.subtotal - charge.discount == charge.total
    assert 0 <= charge.discount <= charge.subtotal
    exact = Fraction(price.output_per_million) * output / 10**6
    assert abs(Fraction(parts.output) - exact) <= Fraction(1, 2 * 10**9)
    kept = Fraction(charge.subtotal) * (1 - Fraction(DISCOUNTS[tier]))
    assert abs(Fraction(charge.total) - kept) <= Fraction(1, 2 * 10**9)
    assert from_nano(to_nano(charge.total)) == charge.total


@given(st.integers(-(2**63), 2**63 - 1))
def test_nano_dollars_survive_text(nano: int) -> None:
    assert Decimal(nano_text(nano)) == from_nano(nano)
    assert to_nano(from_nano(nano)) == nano


def test_nano_dollars_as_text() -> None:
    assert nano_text(1500) == "0.000001500"
    assert nano_text(12_000_000_001) == "12.000000001"
    assert nano_text(-5) == "-0.000000005"


def test_what_is_finer_than_a_nano_dollar_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 9 places"):
        to_nano(Decimal("0.0000000001"))
