"""Statistics: against scipy's own answers, published figures, and the cases that have no answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from results import stats


def launches(medians: list[float], inferences: int = 40) -> list[np.ndarray]:
    """Launches whose samples lie evenly around their medians, ns."""
    return [np.linspace(0.9, 1.1, inferences) * median for median in medians]


@pytest.mark.parametrize(("q", "needed"), stats.SAMPLES_NEEDED.items())
def test_fewest_samples_are_those_with_a_finite_interval(q: float, needed: int) -> None:
    """A quantile from fewer samples than this has no distribution-free interval: it must not be printed."""

    def finite(n: int) -> bool:
        interval = scipy_stats.quantile_test(np.arange(n), p=q).confidence_interval(0.95)
        return bool(np.isfinite(interval).all())

    assert finite(needed)
    assert not finite(needed - 1)


def test_too_few_samples_give_a_reason_and_no_number() -> None:
    """p99 of 200 inferences is a number that means nothing."""
    estimate = stats.typical(launches([60e6, 61e6], 200), 0.99, 0.95)
    assert (estimate.value, estimate.interval) == (None, None)
    assert estimate.reason == "n too small (need >= 368 per launch, has 200)"


def test_one_short_launch_holds_back_the_quantile() -> None:
    """Five whole launches must not hide a sixth that was cut short."""
    estimate = stats.typical([*launches([60e6] * 5, 200), *launches([60e6], 35)], 0.9, 0.95)
    assert estimate.value is None


def test_typical_launch_is_the_geometric_mean_of_launch_quantiles() -> None:
    """Pooling the samples would weigh the spread inside launches, which is not the uncertainty."""
    estimate = stats.typical(launches([50e6, 80e6]), 0.5, 0.95)
    assert estimate.value == pytest.approx(np.sqrt(50e6 * 80e6))
    assert estimate.n == 2


def test_interval_covers_the_typical_median_when_launches_differ() -> None:
    """The very case (1.5 % between launches) in which pooled intervals hold the truth 15 % of the time."""
    generator = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        medians = 60e6 * np.exp(0.015 * generator.standard_normal(10))
        samples = [m * np.exp(0.01 * generator.standard_normal(60)) for m in medians]
        interval = stats.typical(samples, 0.5, 0.95).interval
        assert interval is not None
        hits += interval.low <= 60e6 <= interval.high
    assert 0.92 <= hits / 300 <= 0.98


def test_one_launch_has_a_value_and_no_interval() -> None:
    """scipy would answer NaN here, and NaN must never be printed as a number."""
    estimate = stats.typical(launches([60e6]), 0.5, 0.95)
    assert estimate.value == pytest.approx(60e6)
    assert estimate.interval is None
    assert estimate.reason == "one launch has no interval (need >= 2)"


def test_equal_launches_have_no_interval() -> None:
    """Equal values are a coarse clock, not perfect knowledge: no interval of width zero."""
    estimate = stats.typical(launches([60e6] * 5), 0.5, 0.95)
    assert estimate.interval is None
    assert estimate.reason is not None
    assert "same value" in estimate.reason


def test_no_launch_has_no_value() -> None:
    """Every launch was invalid."""
    assert stats.typical([], 0.5, 0.95) == stats.Estimate(
        value=None, interval=None, n=0, reason="no valid launch"
    )


def test_one_sided_p_agrees_with_the_deciding_interval() -> None:
    """The verdict is decided by the interval and its confidence by p: they must be one test."""
    values = np.array([60.0, 61.0, 62.5, 61.2, 60.8])
    interval = stats.over_launches(values, 0.90).interval
    assert interval is not None
    assert stats.p_beyond(values, interval.high, "smaller") == pytest.approx(0.05)
    assert stats.p_beyond(values, interval.low, "larger") == pytest.approx(0.05)
    assert stats.p_beyond(np.array([60.0, 60.0]), 62.0, "smaller") is None


def test_launches_to_decide_shrinks_with_distance() -> None:
    """Advice has to be right in kind: nearer to the bound takes more launches, on it none suffices."""
    values = np.array([60.0, 62.0, 61.0, 63.0, 59.0])
    near, far = stats.launches_to_decide(values, 61.8), stats.launches_to_decide(values, 64.0)
    assert near is not None
    assert far is not None
    assert near > 10 > far
    assert stats.launches_to_decide(values, float(np.exp(np.log(values).mean()))) is None


def test_slow_first_inference_is_noticed() -> None:
    """A first timed sample far outside means that the warm-up was too short."""
    steady = np.linspace(59e6, 61e6, 50).astype(np.int64)
    assert not stats.first_is_slow(steady)
    assert stats.first_is_slow(np.concatenate([[120_000_000], steady]))
    assert not stats.first_is_slow(np.array([60_000_000] * 10))
