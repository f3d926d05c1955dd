"""The statistics of a run, on plain NumPy arrays; scipy and statsmodels do the mathematics.

The process launch is the unit of replication: each launch gives one quantile, and intervals are
t-intervals on the logarithms of those. A number that the data do not support is None with a reason.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

# Fewest samples in one launch for which a distribution-free two-sided 95 % interval of that quantile is
# finite. Source: scipy.stats.quantile_test(...).confidence_interval(0.95), checked by a test.
SAMPLES_NEEDED = {0.5: 6, 0.9: 36, 0.95: 72, 0.99: 368}

MAX_LAUNCHES = 1000  # beyond this, "more launches" is no advice

SHOWN_LEVEL = 0.95
DECIDING_LEVEL = 0.90  # two-sided: a one-sided test at 5 % each way


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A two-sided interval in the unit of its estimate; `level` is 0 to 1 (0.9: 5 % on each side)."""

    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value from `n` units of replication. What is None is explained by `reason`."""

    value: float | None
    interval: Interval | None
    n: int
    reason: str | None = None


def quantile(durations: NDArray[np.int64], q: float) -> float | None:
    """The quantile of one launch, in the unit of `durations`; None where n is too small for it.

    Source: NumPy's "linear" method, k = (n - 1) q, as pyperf, androidx.benchmark and asv define it.
    """
    if durations.size < SAMPLES_NEEDED[q]:
        return None
    return float(np.quantile(durations, q, method="linear"))


def typical(launches: list[NDArray[np.int64]], q: float, level: float) -> Estimate:
    """The quantile of a typical launch: exp(mean log q_i), with a t-interval over the launches.

    The estimand is the typical launch's quantile, not the pooled one, which no interval over so few
    launches covers.
    """
    if not launches:
        return Estimate(value=None, interval=None, n=0, reason="no valid launch")
    fewest = min(launch.size for launch in launches)
    if fewest < SAMPLES_NEEDED[q]:
        reason = f"n too small (need >= {SAMPLES_NEEDED[q]} per launch, has {fewest})"
        return Estimate(value=None, interval=None, n=len(launches), reason=reason)
    values = np.array([np.quantile(launch, q, method="linear") for launch in launches])
    return over_launches(values, level)


def over_launches(values: NDArray[np.float64], level: float, of: str = "launch") -> Estimate:
    """exp(mean log) of one positive value per launch (or round: `of`), its t-interval on the log scale."""
    n = values.size
    logs = np.log(values)
    value = float(np.exp(logs.mean()))
    if n < 2:
        return Estimate(value=value, interval=None, n=n, reason=f"one {of} has no interval (need >= 2)")
    if float(np.ptp(values)) == 0.0:
        many = f"{of}es" if of == "launch" else f"{of}s"
        reason = f"all {n} {many} gave the same value, so their spread is unknown"
        return Estimate(value=value, interval=None, n=n, reason=reason)
    from scipy import stats

    low, high = stats.t.interval(level, n - 1, loc=logs.mean(), scale=stats.sem(logs))
    interval = Interval(low=float(np.exp(low)), high=float(np.exp(high)), level=level)
    return Estimate(value=value, interval=interval, n=n)


def median_over_launches(values: NDArray[np.float64], level: float) -> Estimate:
    """The median of one value per launch, with its distribution-free interval (order statistics).

    For the single sequence, whose launches are too few and too skewed to trust a t-interval.
    Source: scipy.stats.quantile_test(...).confidence_interval, the exact binomial one.
    """
    n = values.size
    if n == 0:
        return Estimate(value=None, interval=None, n=0, reason="not timed")
    value = float(np.median(values))
    if n < SAMPLES_NEEDED[0.5]:
        reason = f"too few launches for an interval (need >= {SAMPLES_NEEDED[0.5]}, has {n})"
        return Estimate(value=value, interval=None, n=n, reason=reason)
    from scipy import stats

    low, high = stats.quantile_test(values, q=value, p=0.5).confidence_interval(level)
    return Estimate(value=value, interval=Interval(low=float(low), high=float(high), level=level), n=n)


def p_beyond(
    values: NDArray[np.float64], bound: float, alternative: Literal["smaller", "larger"]
) -> float | None:
    """One-sided p of "the typical launch is smaller (larger) than `bound`"; None without a spread."""
    if values.size < 2 or float(np.ptp(values)) == 0.0:
        return None
    from statsmodels.stats.weightstats import DescrStatsW

    return float(DescrStatsW(np.log(values)).ttest_mean(math.log(bound), alternative=alternative)[1])


def shown_p(values: NDArray[np.float64], bound: float, side: Literal["smaller", "larger"]) -> float | None:
    """`p_beyond` to six digits, as a verdict's file holds it."""
    p = p_beyond(values, bound, side)
    return None if p is None else float(f"{p:.6g}")


def launches_to_decide(
    values: NDArray[np.float64], bound: float, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Launches at which a one-sided test against `bound` would decide with `power`, at the seen spread.

    None where no useful number of launches would (the value lies on the bound), or the spread is unknown.
    """
    if values.size < 2 or float(np.ptp(values)) == 0.0:
        return None
    from statsmodels.stats.power import TTestPower

    logs = np.log(values)
    effect = abs(float(logs.mean()) - math.log(bound)) / float(logs.std(ddof=1))
    test = TTestPower()
    if test.power(effect, MAX_LAUNCHES, alpha, alternative="larger") < power:
        return None
    # More launches never have less power, so that the first that has enough is found by halving.
    counts = range(2, MAX_LAUNCHES)
    at = bisect_left(
        counts, 1, key=lambda n: int(test.power(effect, n, alpha, alternative="larger") >= power)
    )
    return 2 + at


def holm(ps: list[float]) -> list[float]:
    """The same p values, corrected for their number, in their order. Source: Holm's step-down procedure."""
    if len(ps) < 2:
        return ps
    from statsmodels.stats.multitest import multipletests

    return [float(p) for p in multipletests(ps, method="holm")[1]]


def first_is_slow(durations: NDArray[np.int64]) -> bool:
    """Whether the first timed sample is an outlier upward: the warm-up was too short.

    Source: modified z-score above 10 standard deviations, hyperfine's rule for a slow first run.
    """
    if durations.size < SAMPLES_NEEDED[0.5]:
        return False
    from scipy import stats

    spread = float(stats.median_abs_deviation(durations, scale="normal"))
    return spread > 0 and float(durations[0] - np.median(durations)) > 10 * spread
