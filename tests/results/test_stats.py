"""Statistics: against scipy's own answers, published figures, and the cases that have no answer."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.contingency_tables import mcnemar

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


@pytest.mark.parametrize(
    ("n", "low", "high"), [(200, 0.777, 0.880), (1000, 0.809, 0.855), (9815, 0.826, 0.840)]
)
def test_wilson_gives_the_published_intervals(n: int, low: float, high: float) -> None:
    """83.3 % on slices of MNLI: figures computed independently of this code."""
    interval = stats.wilson(round(0.833 * n), n, 0.95).interval
    assert interval is not None
    assert (interval.low, interval.high) == (pytest.approx(low, abs=0.002), pytest.approx(high, abs=0.002))


def test_wilson_of_nothing_is_no_number() -> None:
    """No rows: no accuracy, and no division by zero."""
    assert stats.wilson(0, 0, 0.95).value is None


@pytest.mark.parametrize("successes", range(0, 201, 8))
def test_share_p_agrees_with_wilson(successes: int) -> None:
    """Status comes from Wilson's interval, confidence from this p: they must never disagree."""
    interval = stats.wilson(successes, 200, 0.95).interval
    assert interval is not None
    assert (interval.low >= 0.5) == (stats.p_share(successes, 200, 0.5, "larger") <= 0.025)
    assert (interval.high < 0.5) == (stats.p_share(successes, 200, 0.5, "smaller") < 0.025)


def test_paired_counts_and_tests_discordant_rows() -> None:
    """Only rows on which exactly one is right say anything about which is better."""
    a = np.array([True] * 80 + [False] * 20)
    b = np.array([True] * 76 + [False] * 4 + [True] * 12 + [False] * 8)
    pair = stats.paired(a, b, 0.9)
    assert (pair.only_a, pair.only_b) == (4, 12)
    assert pair.difference.value == pytest.approx(-0.08)
    exact = mcnemar([[76, 4], [12, 8]], exact=True).pvalue
    assert pair.mcnemar_p == pytest.approx(float(exact))
    assert pair.difference.interval is not None
    assert pair.difference.interval.low < -0.08 < pair.difference.interval.high


@pytest.mark.parametrize(("n", "width"), [(30, 0.095), (300, 0.00994), (9815, 0.000305)])
def test_equal_predictions_on_few_pairs_prove_little(n: int, width: float) -> None:
    """No flip in 30 pairs leaves room for 9.5 % of flips; an interval of width zero would hide that."""
    same = np.ones(n, dtype=bool)
    pair = stats.paired(same, same, 0.9)
    assert pair.difference.interval is not None
    assert pair.difference.interval.high == pytest.approx(width, rel=0.01)
    assert pair.difference.interval.low == -pair.difference.interval.high
    assert pair.mcnemar_p == 1.0


def test_paired_refuses_other_lengths() -> None:
    """Two sets of pairs are not paired, even where NumPy could broadcast them."""
    with pytest.raises(ValueError, match="3 rows against 1"):
        stats.paired(np.ones(3, dtype=bool), np.ones(1, dtype=bool), 0.9)


def test_slow_first_inference_is_noticed() -> None:
    """A first timed sample far outside means that the warm-up was too short."""
    steady = np.linspace(59e6, 61e6, 50).astype(np.int64)
    assert not stats.first_is_slow(steady)
    assert stats.first_is_slow(np.concatenate([[120_000_000], steady]))
    assert not stats.first_is_slow(np.array([60_000_000] * 10))
