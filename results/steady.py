"""Whether a launch ran at one pace: flat, still warming up, slowed down, or never steady.

Levels are found by change points on the medians of short blocks, slow drifts by a trend test beside them.
A launch that slowed down says what the device did to it, not what the model takes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from results.record import SteadyKind
from results.samples import LaunchSamples

BLOCK = 5  # samples; the median of so many hides single interrupted inferences
FEWEST_BLOCKS = 4  # in a level; what is shorter is a disturbance, not another pace
FEWEST_SAMPLES = 2 * FEWEST_BLOCKS * BLOCK  # fewer cannot hold two levels
LEAST_CHANGE = 0.02  # share; levels closer than this are one. Source: a usual noise threshold (criterion)
STEADY_SHARE = 0.5  # of the samples that the last level has to hold
TREND_BLOCK = 10
# Below this noise nothing is gained: levels that close are one anyway. It also stands in for no noise at all.
_LEAST_NOISE = LEAST_CHANGE / 20
_SHOWN_STEPS = 3  # in words

INVALID: tuple[SteadyKind, ...] = ("slowdown", "no_steady_state")


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """Timed samples at one pace: positions `start` to `end`, which is not among them, and their median."""

    start: int
    end: int
    median_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Steady:
    """What one launch did. `levels` cover all of its samples, none where `kind` is "unknown".

    `drift`: the share by which a straight line through the launch rises, None where `kind` is "unknown".
    `reason`: a clause, None for a flat launch.
    """

    kind: SteadyKind
    levels: tuple[Level, ...]
    drift: float | None
    reason: str | None

    @property
    def invalid(self) -> tuple[str, ...]:
        """Why the launch may not be averaged in, as `Launch.invalid` has it."""
        return (self.reason,) if self.kind in INVALID and self.reason is not None else ()


def classify_launch(samples: LaunchSamples) -> Steady:
    """One launch from all that is known of it; where it ran several signatures, as if it had run one.

    What a signature takes is not pace: each duration is scaled by its own signature's median, so that levels
    are of the launch's median sequence.
    """
    timed = samples.timed_ns
    keys, ran = np.unique(samples.signature[samples.timed], return_inverse=True)
    if keys.size < 2:
        return classify(timed)
    medians = np.array([np.median(timed[ran == key]) for key in range(keys.size)])
    return classify(np.rint(timed / medians[ran] * np.median(timed)).astype(np.int64))


def unknown(reason: str) -> Steady:
    """What is said of a launch that cannot be classified; `reason`: a clause."""
    return Steady(kind="unknown", levels=(), drift=None, reason=reason)


def classify(durations_ns: NDArray[np.int64]) -> Steady:
    """One launch from its timed inferences in measured order, ns > 0, shape (n,).

    Source: PELT (Killick et al. 2012) with penalty 3 ln m on m block medians; the classes are those of
    Barrett et al. 2017; the trend is Theil's and Sen's, with its 95 % interval.
    """
    if durations_ns.size < FEWEST_SAMPLES:
        return unknown(f"too few inferences to tell (need >= {FEWEST_SAMPLES}, has {durations_ns.size})")
    levels = _levels(durations_ns)
    low_drift, drift, high_drift = _drift(durations_ns)
    if len(levels) > 1:
        kind = _kind(levels, durations_ns.size)
        return Steady(kind=kind, levels=levels, drift=drift, reason=_said(kind, levels))
    over = f"over its {durations_ns.size} inferences"
    if low_drift > 0 and drift > LEAST_CHANGE:
        reason = f"slowdown: it rose by {drift * 100:.1f} % {over}, without a step"
        return Steady(kind="slowdown", levels=levels, drift=drift, reason=reason)
    if high_drift < 0 and -drift > LEAST_CHANGE:
        reason = f"warm-up: it fell by {-drift * 100:.1f} % {over}, without a step"
        return Steady(kind="warmup", levels=levels, drift=drift, reason=reason)
    return Steady(kind="flat", levels=levels, drift=drift, reason=None)


def _levels(durations_ns: NDArray[np.int64]) -> tuple[Level, ...]:
    """The launch cut where its pace changed; neighbours closer than LEAST_CHANGE are one level."""
    from ruptures import KernelCPD
    from scipy import stats

    logs = _block_medians(durations_ns, BLOCK)
    noise = float(stats.median_abs_deviation(np.diff(logs), scale="normal")) / math.sqrt(2)
    # The linear kernel is the l2 cost of ruptures.Pelt, the same minimum a hundred times faster.
    scaled = (logs / max(noise, _LEAST_NOISE)).reshape(-1, 1)
    ends = KernelCPD(kernel="linear", min_size=FEWEST_BLOCKS).fit(scaled).predict(pen=3 * math.log(logs.size))
    # What does not fill a block belongs to the last level.
    cuts = [0, *(end * BLOCK for end in ends[:-1]), durations_ns.size]
    while len(cuts) > 2:
        medians = [float(np.median(durations_ns[start:end])) for start, end in pairwise(cuts)]
        gaps = [abs(math.log(after / before)) for before, after in pairwise(medians)]
        closest = min(range(len(gaps)), key=gaps.__getitem__)
        if gaps[closest] >= math.log1p(LEAST_CHANGE):
            break
        del cuts[closest + 1]
    return tuple(
        Level(start=start, end=end, median_ns=float(np.median(durations_ns[start:end])))
        for start, end in pairwise(cuts)
    )


def _block_medians(durations_ns: NDArray[np.int64], block: int) -> NDArray[np.float64]:
    """Logarithms of the medians of whole blocks, shape (n // block,)."""
    whole = durations_ns[: durations_ns.size // block * block]
    medians: NDArray[np.float64] = np.log(np.median(whole.reshape(-1, block), axis=1))
    return medians


def _drift(durations_ns: NDArray[np.int64]) -> tuple[float, float, float]:
    """By which share a straight line rises over the whole launch: its lower limit, itself, its upper one."""
    from scipy import stats

    line = stats.theilslopes(_block_medians(durations_ns, TREND_BLOCK), alpha=0.95)
    blocks = durations_ns.size / TREND_BLOCK
    low, slope, high = (
        math.expm1(float(one) * blocks) for one in (line.low_slope, line.slope, line.high_slope)
    )
    return low, slope, high


def _kind(levels: tuple[Level, ...], samples: int) -> SteadyKind:
    *earlier, last = levels
    if last.end - last.start < STEADY_SHARE * samples:
        return "no_steady_state"
    return "warmup" if all(one.median_ns > last.median_ns for one in earlier) else "slowdown"


def _said(kind: SteadyKind, levels: tuple[Level, ...]) -> str:
    """Where the pace changed, and by how much."""
    name = {"warmup": "warm-up", "slowdown": "slowdown", "no_steady_state": "no steady state"}[kind]
    steps = [
        f"{abs(change) * 100:.1f} % {'slower' if change > 0 else 'faster'} from timed inference "
        f"{after.start + 1} on"
        for before, after in pairwise(levels)
        for change in (after.median_ns / before.median_ns - 1,)
    ]
    more = f", and {len(steps) - _SHOWN_STEPS} more changes" if len(steps) > _SHOWN_STEPS else ""
    return f"{name}: {', '.join(steps[:_SHOWN_STEPS])}{more}"
