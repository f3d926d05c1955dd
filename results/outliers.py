"""The inferences of a launch that lie far from its median: counted and placed, never taken out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.stats import SAMPLES_NEEDED

MILD = 3.5  # scaled MADs. Source: Iglewicz and Hoaglin 1993, the modified z-score
SEVERE = 10.0  # scaled MADs. Source: hyperfine's rule for outliers


@dataclass(frozen=True, slots=True, kw_only=True)
class Outliers:
    """Positions among the timed inferences, from 0; the mild ones are not among the severe ones.

    `reason`: why there are no counts, a clause; None where there are. Both are empty then.
    """

    mild: tuple[int, ...]
    severe: tuple[int, ...]
    reason: str | None = None

    @property
    def counts(self) -> str:
        """Mild and severe ones as a cell of a table has them: "3 / 1"."""
        return "-" if self.reason is not None else f"{len(self.mild)} / {len(self.severe)}"


def count_outliers(durations_ns: NDArray[np.int64]) -> Outliers:
    """The outliers of one launch to either side; `durations_ns`: timed inferences, shape (n,)."""
    if durations_ns.size < (needed := SAMPLES_NEEDED[0.5]):
        return _none(f"too few inferences to count outliers (need >= {needed}, has {durations_ns.size})")
    from scipy import stats

    spread = float(stats.median_abs_deviation(durations_ns, scale="normal"))
    if spread == 0.0:
        if float(np.ptp(durations_ns)) == 0.0:
            return Outliers(mild=(), severe=())
        return _none("more than half of the inferences took the same time, so what is far off is unknown")
    distance = np.abs(durations_ns - np.median(durations_ns)) / spread
    return Outliers(
        mild=_positions((distance > MILD) & (distance <= SEVERE)), severe=_positions(distance > SEVERE)
    )


def _positions(found: NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(one) for one in np.flatnonzero(found))


def _none(reason: str) -> Outliers:
    return Outliers(mild=(), severe=(), reason=reason)
