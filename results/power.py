"""What a number of pairs can show: the smallest drop that would be seen, and how many decide the floor."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

from results.paired import fewest_above, tail

# Fewer discordant pairs say so little of their share that its upper limit is taken instead.
FEW_DISCORDANT = 10
ALPHA, POWER = 0.05, 0.8  # McNemar's, two-sided; the usual promise of a design
_RARE = 1e-9
# Where so many pairs differ, the normal approximation is as good as the exact test.
_MANY_DISCORDANT = 1000
# Up to so many discordant pairs are planned with as if they were tested at 4 %, a safe factor. Source:
# tests/results/test_power.py, by which the exact test then has the power that is promised.
_FEW, _SHARPER = 30, 0.04
_BEYOND = (1.0, 1.02, 1.04, 1.06, 1.08, 1.1)  # of the number advised, which is rounded up


def discordance(differ: int, n: int) -> float:
    """The share of pairs that one alone has right, to plan with; its upper limit (95 %) where few."""
    if differ >= FEW_DISCORDANT:
        return differ / n
    from statsmodels.stats.proportion import proportion_confint

    return float(proportion_confint(differ, n, alpha=0.1, method="beta")[1])


def mcnemar_power(n: int, drop: float, discordant: float) -> float:
    """How likely the exact McNemar test finds a `drop` in accuracy at 5 %, two-sided, on `n` pairs.

    `discordant`: the share of pairs that one alone has right, at least `drop`. Source: the conditional power
    of the sign test, weighed by how many discordant pairs there may be.
    """
    from scipy.stats import binom

    counts = np.arange(int(binom.ppf(_RARE, n, discordant)), int(binom.isf(_RARE, n, discordant)) + 1)
    most = _most_won(counts)
    won = (discordant - drop) / (2 * discordant)
    lower, upper = binom.cdf(most, counts, won), binom.sf(counts - most - 1, counts, won)
    found = np.where(most < 0, 0.0, lower + upper)
    return float(np.dot(binom.pmf(counts, n, discordant), found))


def _most_won(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of so many discordant pairs, the most that may be won for the loss to be seen; -1 where none may."""
    from scipy.stats import binom

    most = binom.ppf(ALPHA / 2, counts, 0.5).astype(np.int64)
    fits: NDArray[np.int64] = np.where(binom.cdf(most, counts, 0.5) <= ALPHA / 2, most, most - 1)
    return fits


@functools.lru_cache(maxsize=256)
def smallest_drop(n: int, discordant: float) -> float | None:
    """The smallest drop in accuracy, 0 to 1, that McNemar's test would find with 80 % power on `n` pairs.

    `discordant`: the share of discordant pairs where nothing is lost; a larger drop brings its own. None
    where so few pairs show no drop at all.
    """
    if n == 0 or mcnemar_power(n, 1.0, 1.0) < POWER:
        return None
    from scipy import optimize

    def missing(drop: float) -> float:
        return mcnemar_power(n, drop, max(discordant, drop)) - POWER

    return float(optimize.brentq(missing, 1e-9, 1.0, xtol=1e-6))


@functools.lru_cache(maxsize=256)
def pairs_to_decide(value: float, discordant: float, bound: float) -> int | None:
    """Pairs at which the test that decides the floor tells a difference from `bound` with 80 % power.

    One-sided at 5 %. `value`: the difference, as seen; `discordant`: the share of pairs that make it up. None
    where value and bound are the same. So many and up to a tenth more have the power, for that moves up and
    down with the number of pairs. Source: the normal approximation for a paired difference, from which the
    number is searched upwards; beyond many discordant pairs they are the same. For a bound below 0, no fewer
    than with which no loss at all would be shown to be within it (rule of three).
    """
    if math.isclose(value, bound):
        return None
    from scipy import stats

    on_bound = math.sqrt(max(discordant, abs(bound)) - bound**2)
    as_seen = math.sqrt(max(discordant, abs(value)) - value**2)
    errors = float(stats.norm.isf(ALPHA)) * on_bound + float(stats.norm.isf(1 - POWER)) * as_seen
    fewest = math.log(ALPHA) / math.log1p(-abs(bound)) if value > bound else 1.0
    needed = math.ceil(max((errors / (value - bound)) ** 2, fewest))
    while needed * discordant < _MANY_DISCORDANT:
        lacking = [
            more for more in _BEYOND if deciding_power(int(needed * more), value, discordant, bound) < POWER
        ]
        if not lacking:
            break
        needed = math.ceil(needed * max(1.01, min(lacking)))
    return needed


def deciding_power(n: int, value: float, discordant: float, bound: float) -> float:
    """How likely `n` pairs show on which side of `bound` the difference lies, one-sided at 5 %.

    By the score test, weighed by how many discordant pairs there may be. The exact test that decides asks for
    the same counts or, where few are discordant, now and then for one pair more: these are tested at 4 %.
    """
    from scipy import stats

    # A loss that is shown is a gain of the other one.
    value, bound = (value, bound) if value > bound else (-value, -bound)
    share = max(discordant, abs(value), _RARE)
    counts = np.arange(int(stats.binom.ppf(_RARE, n, share)), int(stats.binom.isf(_RARE, n, share)) + 1)
    # None at all is the rule of three's, which the caller keeps.
    few = (counts > 0) & (counts <= _FEW)
    fewest = fewest_above(counts, n, bound, stats.norm.isf(np.where(few, _SHARPER, ALPHA)))
    shown = tail(fewest, counts, np.array((share + value) / (2 * share)))
    return float(np.dot(stats.binom.pmf(counts, n, share), shown))
