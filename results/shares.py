"""Shares of rows, such as an accuracy: their intervals, and one-sided tests that agree with these."""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Literal

from results.evaluated import IntervalMethod
from results.stats import Estimate, Interval

# As a title names the interval.
METHODS: dict[IntervalMethod, str] = {"wilson": "Wilson", "clopper-pearson": "Clopper-Pearson"}


def share(successes: int, n: int, level: float, method: IntervalMethod = "wilson") -> Estimate:
    """A share with its interval, 0 to 1, of the population that the rows are like.

    Wilson's is right on average; Clopper and Pearson's at least as often as it says, for any share.
    """
    if n == 0:
        return Estimate(value=None, interval=None, n=0, reason="no rows")
    from statsmodels.stats.proportion import proportion_confint

    of = "wilson" if method == "wilson" else "beta"
    low, high = proportion_confint(successes, n, alpha=1 - level, method=of)
    interval = Interval(low=float(low), high=float(high), level=level)
    return Estimate(value=successes / n, interval=interval, n=n)


def wilson(successes: int, n: int, level: float) -> Estimate:
    """A share with its Wilson interval, 0 to 1."""
    return share(successes, n, level, "wilson")


def of_whole_set(sample: Estimate, total: int, method: IntervalMethod = "wilson") -> Estimate:
    """The same share of a finite set of `total` rows, from which the sample's rows were drawn.

    Where every row was seen there is no interval, for the share is exact. Wilson's shrinks by
    sqrt((N - n) / (N - 1)), and is right on average. Source: sampling without replacement, Cochran 1977,
    Sampling Techniques, ch. 2. Clopper and Pearson's is their own of a finite set, and holds as it says.
    """
    if sample.value is None or sample.interval is None:
        return sample
    if sample.n >= total:
        return Estimate(value=sample.value, interval=None, n=sample.n)
    interval = sample.interval
    if method == "clopper-pearson":
        low, high = _of_finite_set(round(sample.value * sample.n), sample.n, total, interval.level)
    else:
        shrunk = math.sqrt((total - sample.n) / (total - 1))
        low = sample.value - (sample.value - interval.low) * shrunk
        high = sample.value + (interval.high - sample.value) * shrunk
    return Estimate(
        value=sample.value, interval=Interval(low=low, high=high, level=interval.level), n=sample.n
    )


def _of_finite_set(successes: int, n: int, total: int, level: float) -> tuple[float, float]:
    """The least and the most successes of `total` that one-sided hypergeometric tests leave open, as shares.

    Source: Clopper and Pearson's inversion of both tests; Cochran 1977, ch. 3.6.
    """
    from scipy.stats import hypergeom

    alpha = (1 - level) / 2
    # Of so many successes in all, the sample leaves open those that it shows and those that it has not seen.
    possible = range(successes, total - (n - successes) + 1)
    first = bisect_left(possible, True, key=lambda k: bool(hypergeom.sf(successes - 1, total, k, n) > alpha))
    beyond = bisect_left(possible, True, key=lambda k: bool(hypergeom.cdf(successes, total, k, n) <= alpha))
    return possible[first] / total, possible[beyond - 1] / total


def p_share(
    successes: int,
    n: int,
    bound: float,
    alternative: Literal["smaller", "larger"],
    method: IntervalMethod = "wilson",
) -> float:
    """One-sided p of "the share is smaller (larger) than `bound`".

    By the test that the interval inverts, so that they never disagree: the score test for Wilson's, the exact
    binomial one for Clopper and Pearson's.
    """
    if method == "clopper-pearson":
        from scipy import stats

        side: Literal["less", "greater"] = "less" if alternative == "smaller" else "greater"
        return float(stats.binomtest(successes, n, bound, alternative=side).pvalue)
    from statsmodels.stats.proportion import proportions_ztest

    return float(proportions_ztest(successes, n, value=bound, alternative=alternative, prop_var=bound)[1])
