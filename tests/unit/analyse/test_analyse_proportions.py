"""Shares of clustered samples: quantiles, edges, and how often the interval holds the truth."""

from __future__ import annotations

import random

import pytest

from loadkit.analyse.proportions import Sampled, difference, share, student


# From the table of any textbook.
@pytest.mark.parametrize(
    ("freedom", "level", "quantile"),
    [
        (1, 0.95, 12.706), (2, 0.95, 4.303), (3, 0.95, 3.182), (4, 0.95, 2.776), (5, 0.99, 4.032),
        (6, 0.95, 2.447), (9, 0.99, 3.250), (10, 0.95, 2.228), (29, 0.95, 2.045), (7, 0.999, 5.408),
    ],
)  # fmt: skip
def test_student(freedom: int, level: float, quantile: float) -> None:
    assert student(freedom, level) == pytest.approx(quantile, abs=6e-4)


def test_a_share_of_even_slices_is_as_wide_as_so_many_draws() -> None:
    even = Sampled([10] * 30, [100] * 30)
    assert even.resemblance() == 0.0  # slices more alike than chance are not believed
    estimate = share(even)
    # Wilson on 3,000 draws is 0.0898 to 0.1113; a little wider for the 29 degrees of freedom.
    assert estimate.value == pytest.approx(0.1)
    assert estimate.low == pytest.approx(0.0894, abs=3e-4)
    assert estimate.high == pytest.approx(0.1117, abs=3e-4)


def test_slices_that_differ_widen_the_interval() -> None:
    even, uneven = Sampled([10] * 6, [20] * 6), Sampled([0, 20] * 3, [20] * 6)
    assert share(even).value == share(uneven).value == 0.5
    wide, narrow = share(uneven), share(even)
    assert wide.low is not None and narrow.low is not None
    assert wide.low < narrow.low - 0.1
    # Its design effect is 6/5 x 6 x 10² ÷ (120 x 0.5 x 0.5) = 24, more than slices of 20 can have.
    assert uneven.resemblance() == 1.0


def test_never_seen_is_not_zero() -> None:
    estimate = share(Sampled([0] * 8, [50] * 8))
    assert (estimate.value, estimate.low) == (0.0, 0.0)
    assert estimate.high is not None and 0.005 < estimate.high < 0.03


def test_never_seen_by_slices_that_resemble_each_other_is_less_sure() -> None:
    none = Sampled([0] * 6, [20] * 6)
    alike = Sampled([0, 40, 0, 40, 40, 0], [40] * 6)  # each slice is all or nothing
    apart = Sampled([20, 21, 19, 20, 21, 19], [40] * 6)
    sure, unsure = difference(none, apart), difference(none, alike)
    assert sure.low is not None and sure.low > 0.35
    assert unsure.low is not None and unsure.low < 0.1
    # Independent draws: 1 - 0.025^(1/120), the bound of Clopper and Pearson.
    upper = share(none).high
    assert upper == pytest.approx(1 - 0.025 ** (1 / 120), abs=1e-6)
    full = share(Sampled([20] * 6, [20] * 6))
    assert (full.value, full.high) == (1.0, 1.0)
    assert upper is not None and full.low == pytest.approx(1 - upper)


@pytest.mark.parametrize("slices", [[], [40]])
def test_one_slice_tells_no_interval(slices: list[int]) -> None:
    one = Sampled([n // 2 for n in slices], slices)
    many = Sampled([5, 6], [10, 10])
    assert (share(one).low, share(one).high) == (None, None)
    assert difference(one, many).low is None
    assert difference(many, one).distance == 0.0


def test_slices_without_samples_count_for_nothing() -> None:
    assert share(Sampled([3, 0, 4], [10, 0, 10])) == share(Sampled([3, 4], [10, 10]))


def test_a_difference_that_cannot_be_by_chance() -> None:
    estimate = difference(Sampled([0] * 6, [20] * 6), Sampled([40, 44, 41, 39], [80] * 4))
    assert estimate.value == pytest.approx(0.5125)
    assert estimate.low is not None and estimate.low > 0.3
    assert estimate.distance == estimate.low
    back = difference(Sampled([40, 44, 41, 39], [80] * 4), Sampled([0] * 6, [20] * 6))
    assert back.high == pytest.approx(-estimate.low)
    assert back.distance == pytest.approx(estimate.low)


def _draw(chance: random.Random, p: float, alike: float, slices: int, size: int) -> Sampled:
    """Beta-binomial slices: ``alike`` is the correlation within one."""
    hits, sizes = [], []
    for _ in range(slices):
        more = (1 - alike) / alike
        q = chance.betavariate(p * more, (1 - p) * more)
        sizes.append(max(2, round(chance.gauss(size, size / 5))))
        hits.append(sum(chance.random() < q for _ in range(sizes[-1])))
    return Sampled(hits, sizes)


@pytest.mark.parametrize(
    ("base", "peak", "alike", "slices"),
    [
        (0.1, 0.3, 0.05, 6),
        (0.3, 0.3, 0.1, 5),
        (0.05, 0.15, 0.01, 7),
        (0.02, 0.02, 0.05, 7),
        (0.01, 0.5, 0.2, 7),
    ],
)
def test_the_interval_holds_the_truth_about_as_often_as_it_says(
    base: float, peak: float, alike: float, slices: int
) -> None:
    chance = random.Random(f"{base} {peak} {alike}")
    tries, held = 400, 0
    for _ in range(tries):
        estimate = difference(
            _draw(chance, base, alike, slices, 20), _draw(chance, peak, alike, slices + 1, 60)
        )
        assert estimate.low is not None and estimate.high is not None
        held += estimate.low <= peak - base <= estimate.high
    assert held / tries >= 0.93
