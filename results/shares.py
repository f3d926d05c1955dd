"""Shares of rows, such as an accuracy: their intervals, and one-sided tests that agree with these."""

from __future__ import annotations

import math
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


def of_whole_set(sample: Estimate, total: int) -> Estimate:
    """The same share of a finite set of `total` rows, from which the sample's rows were drawn.

    The interval shrinks by sqrt((N - n) / (N - 1)), to nothing where every row was seen: then there is none,
    for the share is exact. Source: sampling without replacement, Cochran 1977, Sampling Techniques, ch. 2.
    """
    if sample.value is None or sample.interval is None:
        return sample
    if sample.n >= total:
        return Estimate(value=sample.value, interval=None, n=sample.n)
    shrunk, interval = math.sqrt((total - sample.n) / (total - 1)), sample.interval
    return Estimate(
        value=sample.value,
        interval=Interval(
            low=sample.value - (sample.value - interval.low) * shrunk,
            high=sample.value + (interval.high - sample.value) * shrunk,
            level=interval.level,
        ),
        n=sample.n,
    )


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
