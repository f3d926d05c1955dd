"""Two classifiers on the same rows: which rows only one has right, and what that shows of the difference.

The interval of the difference is Tango's score interval made exact: his limit orders the outcomes, and the
limit given is the difference under which an outcome so far up, or farther, has the probability that the level
says (Buehler). The score interval alone errs too often where few rows differ: docs/statistics.md.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.stats import Estimate, Interval

# Of the share of rows that differ, how much is left outside of what is searched. Source: Berger and Boos
# 1994, JASA 89:1012-1016; it is added to each p.
_LEFT_OUT = 1e-4
_STEPS = 33  # at which that share is tried
_RARE = 1e-9  # counts of rows that differ, less likely than this, are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """Two classifiers on the same `n` rows: A (the one under test) against B (the reference).

    `only_a`, `only_b`: rows that only this one has right. `difference`: A's accuracy less B's, 0 to 1.
    `mcnemar_p`: two-sided, exact, of no difference at all.
    """

    n: int
    only_a: int
    only_b: int
    difference: Estimate
    mcnemar_p: float

    def p_above(self, bound: float) -> float:
        """One-sided p of "the difference is above `bound`", by the test that the interval inverts."""
        assert self.difference.interval is not None
        return _p_above(self.only_a, self.only_b, self.n, bound, _one_sided(self.difference.interval.level))


def paired(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_], level: float) -> Paired:
    """Compare two classifiers row by row; `level`: of the difference's two-sided interval, 0 to 1."""
    n = right_a.size
    if right_b.size != n:
        raise ValueError(f"{n} rows against {right_b.size}")
    only_a = int(np.sum(right_a & ~right_b))
    only_b = int(np.sum(right_b & ~right_a))
    return Paired(
        n=n,
        only_a=only_a,
        only_b=only_b,
        difference=difference(only_a, only_b, n, level),
        mcnemar_p=mcnemar(only_a, only_b),
    )


def difference(only_a: int, only_b: int, n: int, level: float) -> Estimate:
    """A's share of `n` rows less B's, with its exact interval.

    Source: Tango 1998, Statistics in Medicine 17:891-908, for the order of outcomes; Buehler 1957, JASA
    52:482-493, for the exact limit of an order.
    """
    if n == 0:
        return Estimate(value=None, interval=None, n=0, reason="no rows")
    alpha = _one_sided(level)
    low, high = _lower(only_a, only_b, n, alpha), -_lower(only_b, only_a, n, alpha)
    interval = Interval(low=low, high=high, level=level)
    return Estimate(value=(only_a - only_b) / n, interval=interval, n=n)


def mcnemar(only_a: int, only_b: int) -> float:
    """Exact McNemar: the sign test of the rows on which exactly one is right; 1 where there are none."""
    if only_a + only_b == 0:
        return 1.0
    from scipy import stats

    return float(stats.binomtest(only_a, only_a + only_b).pvalue)


def score(only_a: NDArray[np.float64], only_b: NDArray[np.float64], n: int, at: float) -> NDArray[np.float64]:
    """How far the counts lie above what the difference `at` lets expect, in standard errors.

    Source: Tango 1998, with the maximum likelihood of the rows that only B has right under `at`.
    """
    twice, lead = 2.0 * n, only_a - only_b
    linear = -only_a - only_b + (twice - lead) * at
    root = np.sqrt(np.maximum(linear**2 + 4 * twice * only_b * at * (1 - at), 0))
    share_b = (root - linear) / (2 * twice)
    variance = n * np.maximum(2 * share_b + at * (1 - at), 0.0)
    above = lead - n * at
    with np.errstate(divide="ignore", invalid="ignore"):
        scores: NDArray[np.float64] = np.where(above == 0, 0.0, above / np.sqrt(variance))
        return scores


def fewest_above(
    counts: NDArray[np.int64], n: int, at: float, z: float | NDArray[np.float64]
) -> NDArray[np.int64]:
    """Of so many rows that differ, the fewest of A alone with a score of `z`; one more than all if none has.

    More rows of A alone never lower the score, so that they are found by halving.
    """
    below, enough = np.full(counts.shape, -1), counts + 1
    for _ in range(math.ceil(math.log2(counts[-1] + 2)) + 1):
        middle = (below + enough) // 2
        known = (middle == below) | (middle == enough)
        reached = score(middle.astype(float), (counts - middle).astype(float), n, at) >= z
        below = np.where(known | reached, below, middle)
        enough = np.where(known | ~reached, enough, middle)
    return enough


def tango_lower(only_a: int, only_b: int, n: int, alpha: float) -> float:
    """The lower limit of Tango's interval, without the correction: one-sided at `alpha`."""
    from scipy import optimize, stats

    if only_b == n:
        return -1.0
    z = float(stats.norm.isf(alpha))
    a, b = np.array(float(only_a)), np.array(float(only_b))
    return float(
        optimize.brentq(
            lambda at: float(score(a, b, n, at)) - z, -1 + 1e-12, (only_a - only_b) / n, xtol=1e-12
        )
    )


def _one_sided(level: float) -> float:
    return round((1 - level) / 2, 12)


@functools.lru_cache(maxsize=4096)
def _lower(only_a: int, only_b: int, n: int, alpha: float) -> float:
    """The exact lower limit: the difference at which an outcome so far up has the probability `alpha`."""
    from scipy import optimize

    if only_b == n:
        return -1.0
    top = (only_a - only_b) / n
    far = tango_lower(only_a, only_b, n, alpha)
    while far > -1 + 1e-9 and _p_above(only_a, only_b, n, far, alpha) > alpha:
        far = max(top - 1.5 * (top - far), -1 + 1e-9)
    if _p_above(only_a, only_b, n, far, alpha) > alpha:
        return -1.0
    return float(
        optimize.brentq(
            lambda at: _p_above(only_a, only_b, n, at, alpha) - alpha, far, top, xtol=1e-7, rtol=1e-9
        )
    )


@functools.lru_cache(maxsize=4096)
def _p_above(only_a: int, only_b: int, n: int, bound: float, alpha: float) -> float:
    """How likely an outcome at least so far up is where the difference is `bound`, at worst.

    The worst share of rows that differ is searched within its own limits. Outcomes are in the order of
    Tango's lower limits at `alpha`.
    """
    from scipy.stats import binom
    from statsmodels.stats.proportion import proportion_confint

    differ = only_a + only_b
    low, high = proportion_confint(differ, n, alpha=_LEFT_OUT, method="beta")
    low, high = max(float(low), abs(bound), 1e-12), float(high)
    if low > high:  # more than the data leave open: a loss so large would hardly look so, a gain always would
        return _LEFT_OUT if bound < 0 else 1.0
    counts, fewest = _so_far_up(only_a, only_b, n, alpha, binom.ppf(_RARE, n, low), binom.isf(_RARE, n, high))
    shares = np.geomspace(low, high, _STEPS)[:, None]
    worst = float(
        np.max(
            np.sum(_pmf(counts, n, shares) * tail(fewest, counts, (shares + bound) / (2 * shares)), axis=1)
        )
    )
    return min(1.0, worst + _LEFT_OUT)


def _pmf(counts: NDArray[np.int64], n: int, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """The binomial probabilities of `counts` of n, shape (len(shares), len(counts)).

    Source: scipy.stats.binom.pmf, which takes a hundred times longer for few of them.
    """
    from scipy import special

    ways = special.gammaln(n + 1) - special.gammaln(counts + 1) - special.gammaln(n - counts + 1)
    logs = ways + special.xlogy(counts, shares) + special.xlog1py(n - counts, -shares)
    probabilities: NDArray[np.float64] = np.exp(logs)
    return probabilities


def tail(
    fewest: NDArray[np.int64], counts: NDArray[np.int64], won: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How likely at least `fewest` of `counts` are won, each with the chance `won`; the shape of both.

    Source: scipy.stats.binom.sf, as the incomplete beta function that it is.
    """
    from scipy import special

    some = np.clip(fewest, 1, counts)
    beta = special.betainc(np.maximum(some, 1), np.maximum(counts - some + 1, 1), won)
    tail: NDArray[np.float64] = np.where(fewest <= 0, 1.0, np.where(fewest > counts, 0.0, beta))
    return tail


def _so_far_up(
    only_a: int, only_b: int, n: int, alpha: float, low: float, high: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Counts of rows that differ, and for each the fewest of A alone with a limit at least as high."""
    at = tango_lower(only_a, only_b, n, alpha)
    z = float(score(np.array(float(only_a)), np.array(float(only_b)), n, at)) - 1e-9
    counts = np.arange(int(low), min(int(high), n) + 1)
    return counts, fewest_above(counts, n, at, z)
