"""Has a series of latencies changed? A watch over its newest value, and a gate over its newest ten.

One value is a hint at most: the watch asks for another measurement. The gate needs three values at a new
level. Both see only values; which runs they are of, and whether these may be judged, is known elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

FEWEST = 6  # Source: Chromium's Pinpoint compares no fewer
FEWEST_AT_LEVEL = 3  # values that make a level
NEWEST = 10  # a change further back is history
WINDOW = 100  # values that are looked at, the newest: a history may be long, a judgment must not be
WATCH_SIGMAS = 4.0
PENALTY = 3.0  # times ln n
SURE_SIGMAS = 3.0  # how clearly a level must lie above the acknowledged one
# Where values hardly differ there still are clocks and temperatures: noise is never taken for less.
SMALLEST_NOISE = 0.001

FindingKind = Literal["collecting", "steady", "suspect", "slower", "faster"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Values [start, end) of a series that belong together, and their median, ns."""

    start: int
    end: int
    value_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What became of a series. Positions are in the values that were given, oldest first.

    `at`: where the change begins, or the suspect; `change`: its share of the level before, above 0 for
    slower; None where nothing changed. `has` of `needs` values where it is still collecting. `noise`: the
    standard deviation of one value, as a share.
    """

    kind: FindingKind
    has: int
    needs: int = FEWEST
    at: int | None = None
    change: float | None = None
    levels: tuple[Level, ...] = ()
    noise: float | None = None


def examine(
    values: NDArray[np.float64], threshold: float, since: int = 0, acknowledged_ns: float | None = None
) -> Finding:
    """Judge a series by its newest values; `values`: ns, shape (n,), finite and above 0, oldest first.

    `threshold`: the share below which a change does not matter. `since`: where the acknowledged level begins,
    `acknowledged_ns`: that level; what lies before tells of the noise alone.

    Change points are PELT's with squared error on logarithms in units of the noise, penalty 3 ln n, at least
    three values a level; levels are compared by their medians, so that one hot run makes none. Slower is the
    newest level against the lowest one since just before the first change among the newest ten.
    Source: Killick, Fearnhead & Eckley 2012 (PELT); the constants are held to error rates by simulation.
    """
    if values.ndim != 1 or not np.all(np.isfinite(values) & (values > 0)):
        raise ValueError("latencies must be finite and above 0, shape (n,)")
    if values.size < FEWEST:
        return Finding(kind="collecting", has=values.size)
    logs = np.log(values)
    noise = _noise(logs[-WINDOW:])
    first = max(since, values.size - WINDOW)
    own = logs[first:]
    if own.size < FEWEST_AT_LEVEL:
        return Finding(kind="collecting", has=own.size, needs=FEWEST_AT_LEVEL, noise=noise)
    spans = _spans(own, noise)
    heights = [float(np.median(own[start:end])) for start, end in spans]
    levels = tuple(
        Level(start=first + start, end=first + end, value_ns=float(np.exp(height)))
        for (start, end), height in zip(spans, heights, strict=True)
    )
    kind, position, step = _changed(spans, heights, own.size, threshold)
    if kind != "slower" and acknowledged_ns is not None:
        above = _above(spans, heights, noise, float(np.log(acknowledged_ns)), threshold)
        if above is not None:
            kind, (position, step) = "slower", above
    if kind == "steady":
        step = float(own[-1] - np.median(own[_last_step(spans, heights, threshold) : -1]))
        if step > max(WATCH_SIGMAS * noise, float(np.log1p(threshold))):
            kind, position = "suspect", own.size - 1
    changed = kind != "steady"
    return Finding(
        kind=kind,
        has=own.size,
        at=first + position if changed else None,
        change=float(np.expm1(step)) if changed else None,
        levels=levels,
        noise=noise,
    )


def _noise(logs: NDArray[np.float64]) -> float:
    """The standard deviation of one value about its level, from differences that no level enters twice.

    Steps and hot runs are few among the differences, so their median is not moved. Neighbours are alike and
    few differences tell little: both make it too small, hence 1 + 4 / n, found by simulation.
    """
    from scipy.stats import median_abs_deviation

    differences = np.concatenate([logs[1:] - logs[:-1], logs[2:] - logs[:-2]])
    spread = float(median_abs_deviation(differences, scale="normal")) / float(np.sqrt(2))
    return max(spread * (1 + 4 / logs.size), SMALLEST_NOISE)


def _spans(logs: NDArray[np.float64], noise: float) -> list[tuple[int, int]]:
    """Where levels begin and end. KernelCPD with a linear kernel is PELT with squared error, in C."""
    if logs.size < 2 * FEWEST_AT_LEVEL:
        return [(0, logs.size)]
    from ruptures import KernelCPD

    search = KernelCPD(kernel="linear", min_size=FEWEST_AT_LEVEL).fit((logs / noise).reshape(-1, 1))
    ends = [int(end) for end in search.predict(pen=PENALTY * float(np.log(logs.size)))]
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _changed(
    spans: list[tuple[int, int]], heights: list[float], count: int, threshold: float
) -> tuple[FindingKind, int, float]:
    """The newest level against those since just before the first change among the newest values."""
    recent = [at for at in range(1, len(spans)) if spans[at][0] >= count - NEWEST]
    if not recent:
        return "steady", 0, 0.0
    before = range(recent[0] - 1, len(spans) - 1)
    newest, slow, fast = heights[-1], float(np.log1p(threshold)), float(np.log1p(-threshold))
    lowest = min(before, key=lambda at: (heights[at], -at))
    if newest - heights[lowest] >= slow:
        at = next(at for at in range(lowest + 1, len(spans)) if heights[at] - heights[lowest] >= slow)
        return "slower", spans[at][0], newest - heights[lowest]
    old = recent[0] - 1
    if newest - heights[old] <= fast:
        at = next(at for at in range(old + 1, len(spans)) if heights[at] - heights[old] <= fast)
        return "faster", spans[at][0], newest - heights[old]
    return "steady", 0, 0.0


def _last_step(spans: list[tuple[int, int]], heights: list[float], threshold: float) -> int:
    """Where the last change that matters begins: one high value may split off a level with two others."""
    for at in range(len(spans) - 1, 0, -1):
        if abs(heights[at] - heights[at - 1]) >= float(np.log1p(threshold)):
            return spans[at][0]
    return 0


def _above(
    spans: list[tuple[int, int]], heights: list[float], noise: float, acknowledged: float, threshold: float
) -> tuple[int, float] | None:
    """Where the newest level's rise above the acknowledged one began, and by how much, in logarithms."""
    start, end = spans[-1]
    step = heights[-1] - acknowledged
    if step < max(float(np.log1p(threshold)), SURE_SIGMAS * noise / float(np.sqrt(end - start))):
        return None
    return start, step
