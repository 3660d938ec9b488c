import random

import pytest

from crawler.metrics.sampling import estimate


def test_the_sample_mean_is_scaled_to_the_list() -> None:
    baseline = estimate([0.1, 0.2, 0.3], total=1000, wall=4.0, rng=random.Random(1))
    assert baseline.sample == 3
    assert baseline.sequential_s == pytest.approx(200)
    assert baseline.speedup == pytest.approx(50)
    assert 100 <= baseline.low_s < 200 < baseline.high_s <= 300


def test_the_interval_is_as_reliable_as_claimed() -> None:
    rng = random.Random(7)
    held = 0
    for _ in range(200):
        times = [rng.expovariate(10) for _ in range(60)]
        baseline = estimate(times, total=100, wall=1.0, rng=rng)
        held += baseline.low_s <= 10 <= baseline.high_s
    assert 176 <= held <= 199


def test_equal_times_have_an_empty_interval() -> None:
    baseline = estimate([0.5] * 9, total=10, wall=1.0, rng=random.Random(1))
    assert baseline.low_s == baseline.sequential_s == baseline.high_s == 5


@pytest.mark.parametrize(("times", "wall"), [([], 1.0), ([1.0], 0.0)])
def test_an_empty_sample_is_refused(times: list[float], wall: float) -> None:
    with pytest.raises(ValueError, match="measured sample"):
        estimate(times, total=10, wall=wall, rng=random.Random(1))
