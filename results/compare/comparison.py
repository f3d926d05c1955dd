"""Two sides against each other, metric by metric: their ratio, its interval, and what that decides.

B against A throughout: a ratio above 1 says that B is slower. The launch is the unit of replication, and
where both sides ran in turns, the pair of launches.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from results import stats
from results.compare.metrics import LOAD
from results.stats import SHOWN_LEVEL, Estimate, Interval

Decision = Literal["slower", "faster", "equivalent", "not_shown"]

DEFAULT_THRESHOLD = 0.02  # share of latency: criterion's is 1 % on desktops, and phones are noisier
FEWEST = 5  # pairs, or launches of a side; below, spread is known too badly for a decision
ALPHA = 1 - SHOWN_LEVEL

# Logarithms that differ by less have no spread: one nanosecond in ten seconds.
_NO_SPREAD = 1e-10


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricChange:
    """One metric of B against the same of A.

    `a`, `b`: the typical launch of each side, in the metric's unit; `ratio`: of B to A, with a 95 %
    interval. `n_a`, `n_b`: launches, equal where they are paired; `ratios`: then one per pair, in their
    order. `threshold`: the share within which both sides are equivalent; `beyond`: that beyond which B is
    slower or faster, larger where a noise floor is. `p_beyond`: two-sided, of lying beyond it; `p_holm`: the
    same among all metrics that were compared. `p_rank`: of any difference, by ranks (Wilcoxon's of pairs,
    Mann and Whitney's otherwise); it decides nothing. `reason`: why nothing is shown.
    """

    name: str
    n_a: int
    n_b: int
    a: Estimate
    b: Estimate
    ratio: Estimate
    ratios: tuple[float, ...]
    threshold: float
    beyond: float
    p_beyond: float | None
    p_holm: float | None
    p_rank: float | None
    decision: Decision
    reason: str | None


def compare_paired(
    name: str, a: NDArray[np.float64], b: NDArray[np.float64], threshold: float, floor: float = 0.0
) -> MetricChange:
    """B against A over pairs: `a` and `b` of shape (pairs,), one positive value per launch, paired by place.

    `threshold`, `floor`: shares, 0 to 1; "slower" and "faster" lie beyond the larger of them, "equivalent"
    within the threshold. What drifts from pair to pair is in both of its launches, and not in the ratio. The
    decision is that of this metric alone; `decide` judges several.
    Source: one-sample t-test of the log ratios, its interval against a noise threshold (criterion's rule);
    signed-rank test beside it.
    """
    if a.shape != b.shape:
        raise ValueError(f"{a.shape} against {b.shape} values are no pairs")
    unfit = _unfit(a, b, "pair")
    if unfit is not None:
        return missing(name, threshold, unfit, n_a=a.size, n_b=b.size, floor=floor)
    beyond = max(threshold, floor)
    logs = np.log(b / a)
    ratio = Estimate(value=float(np.exp(logs.mean())), interval=None, n=a.size)
    p_beyond = p_rank = None
    if a.size < 2:
        ratio = dataclasses.replace(ratio, reason="one pair has no interval (need >= 2)")
    elif float(np.ptp(logs)) < _NO_SPREAD:
        same = f"all {a.size} pairs gave the same ratio, so their spread is unknown"
        ratio = dataclasses.replace(ratio, reason=same)
    else:
        from scipy import stats as scipy_stats

        limits = scipy_stats.ttest_1samp(logs, 0.0).confidence_interval(SHOWN_LEVEL)
        ratio = dataclasses.replace(ratio, interval=_interval(limits.low, limits.high))
        above = scipy_stats.ttest_1samp(logs, np.log1p(beyond), alternative="greater").pvalue
        below = scipy_stats.ttest_1samp(logs, np.log1p(-beyond), alternative="less").pvalue
        p_beyond = _two_sided(above, below)
        p_rank = _digits(scipy_stats.wilcoxon(logs).pvalue)
    return _decided(name, a, b, ratio, (threshold, beyond), p_beyond, p_rank, tuple(map(float, b / a)))


def compare_independent(
    name: str, a: NDArray[np.float64], b: NDArray[np.float64], threshold: float, floor: float = 0.0
) -> MetricChange:
    """B against A where their launches are no pairs: `a` of shape (n_a,), `b` of (n_b,), else as above.

    Of launches of two runs it is a finding about these two: what makes all launches of one run slower is in
    the ratio, and not in the interval.
    Source: Welch's t-test of the logarithms; Mann and Whitney's beside it.
    """
    unfit = _unfit(a, b, "launch")
    if unfit is not None:
        return missing(name, threshold, unfit, n_a=a.size, n_b=b.size, floor=floor)
    beyond = max(threshold, floor)
    logs_a, logs_b = np.log(a), np.log(b)
    value = float(np.exp(logs_b.mean() - logs_a.mean()))
    ratio = Estimate(value=value, interval=None, n=min(a.size, b.size))
    p_beyond = p_rank = None
    if ratio.n < 2:
        ratio = dataclasses.replace(ratio, reason="one launch of a side has no interval (need >= 2)")
    elif min(float(np.ptp(logs_a)), float(np.ptp(logs_b))) < _NO_SPREAD:
        same = "all launches of a side gave the same value, so its spread is unknown"
        ratio = dataclasses.replace(ratio, reason=same)
    else:
        from scipy import stats as scipy_stats

        limits = scipy_stats.ttest_ind(logs_b, logs_a, equal_var=False).confidence_interval(SHOWN_LEVEL)
        ratio = dataclasses.replace(ratio, interval=_interval(limits.low, limits.high))
        high, low = logs_a + np.log1p(beyond), logs_a + np.log1p(-beyond)
        above = scipy_stats.ttest_ind(logs_b, high, equal_var=False, alternative="greater").pvalue
        below = scipy_stats.ttest_ind(logs_b, low, equal_var=False, alternative="less").pvalue
        p_beyond = _two_sided(above, below)
        p_rank = _digits(scipy_stats.mannwhitneyu(logs_b, logs_a).pvalue)
    return _decided(name, a, b, ratio, (threshold, beyond), p_beyond, p_rank, ())


def decide(changes: Sequence[MetricChange]) -> tuple[MetricChange, ...]:
    """The same metrics judged together: "slower" and "faster" need Holm's p below 0.05 as well.

    Each metric more is one more chance of a false alarm; "equivalent" is none.
    Source: Holm's step-down procedure over the two-sided p of lying beyond the threshold.
    """
    known = [change.p_beyond for change in changes if change.p_beyond is not None]
    if not known:
        return tuple(changes)
    adjusted = iter(stats.holm(known))
    return tuple(
        change if change.p_beyond is None else _among(change, _digits(next(adjusted)), len(known))
        for change in changes
    )


def overall(changes: Sequence[MetricChange]) -> Decision:
    """What all metrics come to: slower where any latency is, else what the first one, the main metric, says.

    How long the model took to load is shown and said, and decides nothing: it is paid once.
    """
    if any(change.decision == "slower" for change in changes if change.name != LOAD):
        return "slower"
    return changes[0].decision if changes else "not_shown"


def missing(
    name: str, threshold: float, reason: str, n_a: int = 0, n_b: int = 0, floor: float = 0.0
) -> MetricChange:
    """A metric of which nothing can be said, and why."""
    return MetricChange(
        name=name,
        n_a=n_a,
        n_b=n_b,
        a=Estimate(value=None, interval=None, n=n_a, reason=reason),
        b=Estimate(value=None, interval=None, n=n_b, reason=reason),
        ratio=Estimate(value=None, interval=None, n=min(n_a, n_b), reason=reason),
        ratios=(),
        threshold=threshold,
        beyond=max(threshold, floor),
        p_beyond=None,
        p_holm=None,
        p_rank=None,
        decision="not_shown",
        reason=reason,
    )


def withheld(change: MetricChange, reason: str) -> MetricChange:
    """The same numbers, of which nothing follows, and why."""
    return dataclasses.replace(change, decision="not_shown", reason=reason)


def confirmed(
    changes: Sequence[MetricChange], with_every: Sequence[MetricChange]
) -> tuple[MetricChange, ...]:
    """What holds as well over every launch that ran: repeating until a launch is valid is choosing."""
    words = {"not_shown": "nothing would be shown", "equivalent": "both sides would be equivalent"}
    return tuple(
        change
        if change.decision in ("not_shown", other.decision)
        else withheld(
            change,
            f"{_SHOWN[change.decision]} over the launches that count, but over every launch that ran "
            + words.get(other.decision, f"B would be {other.decision}"),
        )
        for change, other in zip(changes, with_every, strict=True)
    )


_SHOWN = {"slower": "B is slower", "faster": "B is faster", "equivalent": "both sides are equivalent"}


def _unfit(a: NDArray[np.float64], b: NDArray[np.float64], of: str) -> str | None:
    """Why no ratio can be taken of these values; None where it can."""
    if not a.size or not b.size:
        return f"no {of} has a valid launch of both" if of == "pair" else "a side has no valid launch"
    if not (np.isfinite(a).all() and np.isfinite(b).all() and (a > 0).all() and (b > 0).all()):
        return "a value is zero, negative or no number, so that it has no ratio"
    return None


def _decided(
    name: str,
    a: NDArray[np.float64],
    b: NDArray[np.float64],
    ratio: Estimate,
    limits: tuple[float, float],
    p_beyond: float | None,
    p_rank: float | None,
    ratios: tuple[float, ...],
) -> MetricChange:
    """`limits`: the threshold, and the share beyond which a side is slower or faster."""
    decision, reason = _by_interval(ratio, *limits, "pairs" if ratios else "launches of a side")
    return MetricChange(
        name=name,
        n_a=a.size,
        n_b=b.size,
        a=stats.over_launches(a, SHOWN_LEVEL),
        b=stats.over_launches(b, SHOWN_LEVEL),
        ratio=ratio,
        ratios=ratios,
        threshold=limits[0],
        beyond=limits[1],
        p_beyond=p_beyond,
        p_holm=p_beyond,
        p_rank=p_rank,
        decision=decision,
        reason=reason,
    )


def _by_interval(ratio: Estimate, threshold: float, beyond: float, of: str) -> tuple[Decision, str | None]:
    """Source: criterion's rule: the whole interval beyond the threshold; equivalent where all is within."""
    interval = ratio.interval
    if ratio.n < FEWEST:
        return "not_shown", f"too few {of}: {ratio.n} (need >= {FEWEST})"
    if interval is None:
        return "not_shown", ratio.reason
    if interval.low > 1 + beyond:
        return "slower", None
    if interval.high < 1 - beyond:
        return "faster", None
    if interval.low >= 1 - threshold and interval.high <= 1 + threshold:
        return "equivalent", None
    if interval.low > 1 + threshold or interval.high < 1 - threshold:
        return "not_shown", "the interval lies beyond the threshold, and not wholly beyond the noise floor"
    return "not_shown", "the interval lies on both sides of the threshold"


def _among(change: MetricChange, p_holm: float, metrics: int) -> MetricChange:
    judged = dataclasses.replace(change, p_holm=p_holm)
    if change.decision not in ("slower", "faster") or p_holm < ALPHA:
        return judged
    of = "noise floor" if change.beyond > change.threshold else "threshold"
    return withheld(judged, f"beyond the {of} alone, but not among {metrics} metrics (Holm)")


def _interval(low: float, high: float) -> Interval:
    return Interval(low=float(np.exp(low)), high=float(np.exp(high)), level=SHOWN_LEVEL)


def _two_sided(above: float, below: float) -> float:
    return _digits(min(1.0, 2 * min(float(above), float(below))))


def _digits(p: float) -> float:
    """A p to six digits, as files hold it."""
    return float(f"{p:.6g}")
