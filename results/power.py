"""What a number of pairs can show: the smallest drop that would be seen, and how many decide the floor."""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

# Fewer discordant pairs say so little of their share that its upper limit is taken instead.
FEW_DISCORDANT = 10
ALPHA, POWER = 0.05, 0.8  # McNemar's, two-sided; the usual promise of a design
_RARE = 1e-9


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


def pairs_to_decide(value: float, discordant: float, bound: float) -> int | None:
    """Pairs at which a one-sided test at 5 % would tell a difference from `bound` with 80 % power.

    `value`: the difference, as seen; `discordant`: the share of pairs that make it up. None where the two are
    the same. Source: the normal approximation for a paired difference, and for a bound below 0 no fewer than
    with which no loss at all would be shown to be within it (rule of three).
    """
    if math.isclose(value, bound):
        return None
    from scipy import stats

    on_bound = math.sqrt(max(discordant, abs(bound)) - bound**2)
    as_seen = math.sqrt(max(discordant, abs(value)) - value**2)
    errors = float(stats.norm.isf(ALPHA)) * on_bound + float(stats.norm.isf(1 - POWER)) * as_seen
    needed = (errors / (value - bound)) ** 2
    fewest = math.log(ALPHA) / math.log1p(-abs(bound)) if value > bound else 0.0
    return math.ceil(max(needed, fewest))
