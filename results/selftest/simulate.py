"""Latencies of known truth, drawn by a seeded generator: launches, pairs of launches, histories of runs.

Logarithms of latencies are what is drawn, so that every spread and change is a share of the latency. The
model has what benchmarks see: noise that remembers (AR(1)), rare slow inferences, launches that differ from
one another, a device that warms up, a clock that steps down.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

INFERENCES = 200  # of a launch
BASE_NS = 60e6
NOISE_SD = 0.01  # of one inference to the next, on the log scale
SPIKE_SHARE, SPIKE_MEAN = 0.03, 0.25  # inferences that something else held up, and by how much
RUN_MEMORY = 0.3  # AR(1) between one run of a history and the next
HOT_SHARE, HOT_MEAN = 0.05, 0.04  # runs on a device that had not cooled down

DISTURBED = 0.05  # by how much a launch is slower while something slows it down
_TYPICAL_OF = 10_000  # launches

Order = Literal["pairs", "sequential"]


def noise(generator: Generator, count: int, length: int, rho: float, sd: float) -> NDArray[np.float64]:
    """Stationary AR(1) series, shape (count, length): standard deviation `sd`, autocorrelation `rho`."""
    from scipy.signal import lfilter

    drawn = generator.standard_normal((count, length))
    drawn[:, 1:] *= np.sqrt(1 - rho**2)
    series: NDArray[np.float64] = lfilter([1.0], [1.0, -rho], drawn, axis=1)
    return sd * series


def spikes(generator: Generator, count: int, length: int, share: float) -> NDArray[np.float64]:
    """How much longer slow inferences take, log scale, shape (count, length); `share` of them are slow."""
    held_up = generator.random((count, length)) < share
    return held_up * generator.exponential(SPIKE_MEAN, (count, length))


def launches(
    generator: Generator,
    count: int,
    inferences: int,
    *,
    rho: float = 0.0,
    launch_sd: float = 0.0,
    spike_share: float = SPIKE_SHARE,
    shape: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """Latencies of `count` launches, ns, shape (count, inferences).

    `launch_sd`: of one launch to the next, log scale. `shape`: what happens within each, log scale, shape
    (inferences,), such as `step`, `ramp` or `decay`, or (count, inferences), such as `disturbances`.
    """
    logs = noise(generator, count, inferences, rho, NOISE_SD)
    logs += spikes(generator, count, inferences, spike_share)
    logs += launch_sd * generator.standard_normal((count, 1))
    if shape is not None:
        logs += shape
    rounded: NDArray[np.int64] = np.rint(BASE_NS * np.exp(logs)).astype(np.int64)
    return rounded


@functools.cache
def typical(rho: float) -> Mapping[str, float]:
    """p50 and p90 of a typical launch, ns, from a great many; launches' spread leaves them where they are."""
    drawn = launches(np.random.default_rng(0), _TYPICAL_OF, INFERENCES, rho=rho)
    p50, p90 = np.exp(np.log(np.quantile(drawn, (0.5, 0.9), axis=1)).mean(axis=1))
    return {"p50": float(p50), "p90": float(p90)}


def disturbances(
    generator: Generator, count: int, inferences: int, *, throttled: float, hot: float = 0.0
) -> NDArray[np.float64]:
    """Slower by DISTURBED for a part of some launches, log scale, shape (count, inferences).

    A share `throttled` of them is slower from some place on, a share `hot` up to some place, where the device
    has cooled down; every place is as likely, so that some are all slower, or hardly at all.
    """
    kind = generator.random((count, 1))
    later = np.arange(inferences) >= inferences * generator.random((count, 1))
    slow = ((kind < throttled) & later) | ((kind >= throttled) & (kind < throttled + hot) & ~later)
    slower: NDArray[np.float64] = np.log1p(DISTURBED) * slow
    return slower


def step(inferences: int, size: float, at: float) -> NDArray[np.float64]:
    """A clock that goes down once: slower by the share `size` from the share `at` of the launch on."""
    slower: NDArray[np.float64] = np.log1p(size) * (np.arange(inferences) >= at * inferences)
    return slower


def ramp(inferences: int, size: float) -> NDArray[np.float64]:
    """A device that slows down steadily, by the share `size` from first to last."""
    slower: NDArray[np.float64] = np.log1p(size) * np.linspace(0, 1, inferences)
    return slower


def decay(inferences: int, size: float, over: float) -> NDArray[np.float64]:
    """A warm-up that was cut short: slower by `size` at first, fading within about `over` inferences."""
    slower: NDArray[np.float64] = np.log1p(size) * np.exp(-np.arange(inferences) / over)
    return slower


def arms(
    generator: Generator,
    pairs: int,
    *,
    change: float,
    launch_sd: float,
    drift: float,
    order: Order = "pairs",
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A median per launch of A and of B, ns, each of shape (pairs,), B slower by the share `change`.

    The device slows down by the share `drift` while it warms up, exponentially, within about the first third
    of the run. `order`: A and B in random order within each pair, or first all of A and then all of B.
    """
    slots = np.arange(2 * pairs)
    slowed = np.log1p(drift) * -np.expm1(-slots / (2 * pairs / 3))
    logs = slowed + launch_sd * generator.standard_normal(2 * pairs)
    if order == "sequential":
        a, b = logs[:pairs], logs[pairs:]
    else:
        first = generator.integers(0, 2, pairs)
        a, b = logs[slots[::2] + first], logs[slots[::2] + 1 - first]
    return BASE_NS * np.exp(a), BASE_NS * (1 + change) * np.exp(b)


def medians(generator: Generator, count: int, *, typical_ns: float, launch_sd: float) -> NDArray[np.float64]:
    """One median per launch, ns, shape (count,), of a typical launch of `typical_ns`."""
    drawn: NDArray[np.float64] = typical_ns * np.exp(launch_sd * generator.standard_normal(count))
    return drawn


def two_runs(
    generator: Generator, count: int, *, change: float, launch_sd: float, run_sd: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A median per launch of run A and of run B, ns, each of shape (count,), B slower by the share `change`.

    `run_sd`: of one run to the next, log scale: what all launches of a run share, such as the day's warmth.
    """
    a, b = run_sd * generator.standard_normal((2, 1)) + launch_sd * generator.standard_normal((2, count))
    return BASE_NS * np.exp(a), BASE_NS * (1 + change) * np.exp(b)


def history(
    generator: Generator, runs: int, *, sd: float, shift: float = 0.0, since: int | None = None
) -> NDArray[np.float64]:
    """One latency per run, ns, oldest first, shape (runs,); slower by the share `shift` from run `since` on.

    Runs remember a little of the one before, and some were measured on a hot device.
    """
    logs = noise(generator, 1, runs, RUN_MEMORY, sd)[0]
    logs += (generator.random(runs) < HOT_SHARE) * generator.exponential(HOT_MEAN, runs)
    if since is not None:
        logs[since:] += np.log1p(shift)
    drawn: NDArray[np.float64] = BASE_NS * np.exp(logs)
    return drawn
