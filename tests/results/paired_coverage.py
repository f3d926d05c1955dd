"""`python -m tests.results.paired_coverage`: the table of docs/statistics.md on the paired difference.

Nothing is simulated: every outcome that is not rarer than 1 in 10 million is counted with its probability.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from results.accuracy import FLOOR_MARGIN
from results.paired import difference, score

CASES = tuple(
    (n, true, discordant)
    for n in (100, 300, 500, 1000, 2000)
    for true, discordant in (
        *((-FLOOR_MARGIN, 0.01), (-FLOOR_MARGIN, 0.02), (-FLOOR_MARGIN, 0.04)),
        *((0.0, 0.002), (0.0, 0.02)),
    )
)
ALPHA = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Shares, 0 to 1: the interval lies wholly above the true difference, wholly below, or holds it."""

    above: float
    below: float

    @property
    def holds(self) -> float:
        return 1 - self.above - self.below


def outcomes(n: int, true: float, discordant: float) -> list[tuple[int, int, float]]:
    """Rows that A alone and that B alone has right, and how likely that is."""
    found = []
    for differ in range(int(stats.binom.isf(1e-9, n, discordant)) + 1):
        won = np.arange(differ + 1)
        of_all = stats.binom.pmf(differ, n, discordant)
        for a, p in zip(
            won, stats.binom.pmf(won, differ, (discordant + true) / (2 * discordant)), strict=True
        ):
            if p * of_all > 1e-7:
                found.append((int(a), differ - int(a), float(p * of_all)))
    return found


def scored(n: int, true: float, discordant: float) -> Coverage:
    """Of Tango's interval as he gives it."""
    all_of = outcomes(n, true, discordant)
    a, b, p = (np.array(column, dtype=float) for column in zip(*all_of, strict=True))
    scores, limit = score(a, b, n, true), stats.norm.isf(ALPHA)
    return Coverage(above=_sum(p[scores > limit]), below=_sum(p[scores < -limit]))


def exact(n: int, true: float, discordant: float) -> Coverage:
    """Of the interval that reports show."""
    above = below = 0.0
    for a, b, p in outcomes(n, true, discordant):
        at = (a - b) / n - true
        if abs(float(score(np.array(float(a)), np.array(float(b)), n, true))) < 1:
            continue  # far inside
        interval = difference(a, b, n, 1 - 2 * ALPHA).interval
        assert interval is not None
        above += p * (at > 0 and interval.low > true)
        below += p * (at < 0 and interval.high < true)
    return Coverage(above=above, below=below)


def line(n: int, true: float, discordant: float) -> str:
    """One row of the table in docs/statistics.md."""
    plain, shown = scored(n, true, discordant), exact(n, true, discordant)
    shares = (shown.holds, shown.above, shown.below, plain.holds, plain.above, plain.below)
    figures = (f"{100 * share:.1f} %" for share in shares)
    return " | ".join((f"| {n}", f"{100 * true:g}", f"{100 * discordant:g} %", *figures)) + " |"


def _sum(values: NDArray[np.float64]) -> float:
    return float(values.sum())


if __name__ == "__main__":
    for case in CASES:
        print(line(*case), flush=True)  # a page's table
