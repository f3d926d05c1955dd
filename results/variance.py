"""Where the spread comes from, between launches or within them, and what it would take to narrow it."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from results.stats import MAX_LAUNCHES, SAMPLES_NEEDED, SHOWN_LEVEL

# Half-width of the typical launch's interval, share, at which more of anything is no longer advised.
WIDE = 0.01

Advice = Literal["enough", "more launches", "more inferences"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variance:
    """Standard deviations as shares of the latency: `between` launches, `within` one (single inferences).

    `half_width`: of the 95 % interval of the typical launch, share. `launches_needed`: for one of WIDE at
    the seen spread, None where no useful number is enough. What is None is explained by `reason`, a clause.
    """

    launches: int
    between: float | None
    within: float | None
    half_width: float | None
    advice: Advice | None
    launches_needed: int | None = None
    reason: str | None = None


def split(launches: Sequence[NDArray[np.int64]]) -> Variance:
    """The split of valid launches of one series; each holds timed inferences, ns > 0, shape (n,).

    Source: one-way variance components on log latencies (Searle et al. 1992), read as Kalibera and Jones
    2013 do: where the launches differ by more than the inferences in them explain, only more launches help.
    Inferences that resemble their neighbours count as a difference between launches.
    """
    many = len(launches)
    if many < 2:
        return _unknown(many, "one launch has no spread between launches (need >= 2)")
    fewest = min(launch.size for launch in launches)
    if fewest < SAMPLES_NEEDED[0.5]:
        return _unknown(many, f"n too small (need >= {SAMPLES_NEEDED[0.5]} per launch, has {fewest})")
    medians = np.array([math.log(float(np.median(launch))) for launch in launches])
    if float(np.ptp(medians)) == 0.0:
        return _unknown(many, f"all {many} launches gave the same value, so their spread is unknown")
    logs = [np.log(launch) for launch in launches]
    sizes = np.array([one.size for one in logs], dtype=np.float64)
    means = np.array([one.mean() for one in logs])
    total = sizes.sum()
    of_launches = float(np.sum(sizes * (means - np.concatenate(logs).mean()) ** 2)) / (many - 1)
    of_inferences = float(sum(((one - one.mean()) ** 2).sum() for one in logs)) / float(total - many)
    typical_size = float(total - (sizes**2).sum() / total) / (many - 1)
    between = max(0.0, (of_launches - of_inferences) / typical_size)
    spread = float(medians.std(ddof=1))
    half_width = math.expm1(_half_width(spread, many))
    advice: Advice = "more launches" if between >= of_inferences / typical_size else "more inferences"
    return Variance(
        launches=many,
        between=math.expm1(math.sqrt(between)),
        within=math.expm1(math.sqrt(of_inferences)),
        half_width=half_width,
        advice="enough" if half_width <= WIDE else advice,
        launches_needed=_needed(spread),
    )


def _unknown(launches: int, reason: str) -> Variance:
    return Variance(launches=launches, between=None, within=None, half_width=None, advice=None, reason=reason)


def _half_width(spread: float, launches: int) -> float:
    """Of the t-interval on the log scale; `spread`: the launches' standard deviation there."""
    from scipy import stats

    return float(stats.t.ppf((1 + SHOWN_LEVEL) / 2, launches - 1)) * spread / math.sqrt(launches)


def _needed(spread: float) -> int | None:
    """The fewest launches whose interval is narrow enough; it narrows with each more of them."""
    if _half_width(spread, MAX_LAUNCHES) > math.log1p(WIDE):
        return None
    counts = range(2, MAX_LAUNCHES)
    return 2 + bisect_left(
        counts, 1, key=lambda launches: int(_half_width(spread, launches) <= math.log1p(WIDE))
    )
