"""Verdicts on simulated runs: right where there is a difference, silent where there is none."""

import random
from collections.abc import Sequence
from itertools import product
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.cli.compare import REPEAT
from crawler.compare.plan import Contestant, turns
from crawler.compare.statistics import Interval, interval

COMPARISONS = 1000
NOISE = 0.06
"""Coefficient of variation of a run's time, outliers apart.

Measured on 40 runs of 0.6 s, two cores shared with others: 0.053 and 0.068 for one engine under two
names, from the median absolute deviation.
"""
OUTLIERS = 0.1
"""Share of runs that something else makes longer by 1.2 to 1.6; measured: 5 of 40, 1.21 to 1.5."""
DRIFT = 0.003
"""What a run takes longer than the one before."""
RATIOS = st.lists(st.floats(0.01, 100.0), min_size=1, max_size=12)


def simulated(rng: random.Random, slowdown: float) -> list[float]:
    """Ratios of the pairs of a comparison in which the second takes ``slowdown`` times as long."""
    ours, other = Contestant("ours", 1), Contestant("other", 1)
    took: dict[Contestant, list[float]] = {ours: [], other: []}
    for place, turn in enumerate(turns([ours, other], REPEAT)):
        time = (slowdown if turn.contestant is other else 1.0) * (1 + DRIFT * place)
        time *= rng.lognormvariate(0, NOISE)
        if rng.random() < OUTLIERS:
            time *= rng.uniform(1.2, 1.6)
        took[turn.contestant].append(time)
    return [b / a for a, b in zip(took[ours], took[other], strict=True)]


@pytest.fixture(scope="module")
def slower() -> list[Interval]:
    """One does 20 % fewer pages in the same time."""
    rng = random.Random(1)
    return [interval(simulated(rng, 1 / 0.8)) for _ in range(COMPARISONS)]


@pytest.fixture(scope="module")
def same() -> list[Interval]:
    rng = random.Random(2)
    return [interval(simulated(rng, 1.0)) for _ in range(COMPARISONS)]


def test_an_engine_a_fifth_slower_is_called_slower(slower: Sequence[Interval]) -> None:
    assert sum(found.is_above for found in slower) >= 0.95 * COMPARISONS
    assert not any(found.is_below for found in slower)


def test_equal_engines_show_no_difference(same: Sequence[Interval]) -> None:
    assert sum(found.is_above or found.is_below for found in same) <= 0.05 * COMPARISONS


def test_the_interval_contains_the_truth(slower: Sequence[Interval]) -> None:
    held = sum(found.low <= 1.25 <= found.high for found in slower)
    assert held >= 0.85 * COMPARISONS


def resampled(ratios: Sequence[float]) -> tuple[float, float]:
    """The same bounds by going through every resample there is."""
    size = len(ratios)
    medians = sorted(median(draw) for draw in product(ratios, repeat=size))
    total = len(medians)
    # The smallest value that a share of the medians does not exceed.
    low = next(m for n, m in enumerate(medians, 1) if n / total >= 0.025)
    high = next(m for n, m in enumerate(medians, 1) if n / total >= 0.975)
    return low, high


@given(st.lists(st.floats(0.01, 100.0), min_size=5, max_size=5))
def test_the_closed_form_equals_all_resamples(ratios: list[float]) -> None:
    found = interval(ratios)
    assert (found.low, found.high) == resampled(ratios)


def test_bounds_of_an_even_number_of_pairs() -> None:
    found = interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert (found.ratio, found.low, found.high) == (3.5, 1, 6)
    low, high = resampled([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    assert found.low <= low < high <= found.high


@given(RATIOS)
def test_the_median_lies_within_its_bounds(ratios: list[float]) -> None:
    found = interval(ratios)
    assert min(ratios) <= found.low <= found.ratio <= found.high <= max(ratios)


@given(RATIOS, st.randoms())
def test_the_order_of_pairs_does_not_matter(ratios: list[float], rng: random.Random) -> None:
    shuffled = rng.sample(ratios, len(ratios))
    assert interval(shuffled) == interval(ratios)


@given(RATIOS, st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_scaling_all_pairs_scales_the_interval(ratios: list[float], factor: float) -> None:
    found, scaled = interval(ratios), interval([ratio * factor for ratio in ratios])
    assert (scaled.low, scaled.high) == (found.low * factor, found.high * factor)


def test_an_empty_list_of_pairs_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one pair"):
        interval([])
