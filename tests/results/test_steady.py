"""Classes of launches: on simulated ones whose course is known, and where nothing can be known."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from results.samples import LaunchSamples, read_samples
from results.selftest import simulate
from results.steady import (
    BLOCK,
    FEWEST_BLOCKS,
    FEWEST_SAMPLES,
    Level,
    classify,
    classify_launch,
)
from tests.results.make_run import samples_text

MS = 1_000_000
SERIES = 200  # of each kind; the standard error of a share of 0.9 is 0.02


def shares(
    inferences: int,
    rho: float = 0.0,
    *,
    shape: NDArray[np.float64] | None = None,
    spike_share: float = simulate.SPIKE_SHARE,
) -> dict[str, float]:
    """How often each class is found, of launches with 1 % noise."""
    launches = simulate.launches(
        np.random.default_rng(7), SERIES, inferences, rho=rho, spike_share=spike_share, shape=shape
    )
    counts = Counter(classify(one).kind for one in launches)
    return {kind: counts[kind] / SERIES for kind in ("flat", "warmup", "slowdown", "no_steady_state")}


def steps(*levels: tuple[int, float]) -> NDArray[np.int64]:
    """A launch without noise: so many inferences at so many ms, and so on."""
    return np.concatenate([np.full(many, round(ms * MS), dtype=np.int64) for many, ms in levels])


@pytest.mark.parametrize("spike_share", [0.03, 0.15])
@pytest.mark.parametrize(("rho", "least"), [(0.0, 0.97), (0.5, 0.97), (0.9, 0.75)])
def test_a_flat_launch_is_called_flat(rho: float, least: float, spike_share: float) -> None:
    """A classifier that calls noise a slowdown makes every run long, and chooses among launches."""
    assert shares(200, rho, spike_share=spike_share)["flat"] >= least


@pytest.mark.parametrize("inferences", [40, 60])
@pytest.mark.parametrize(("rho", "least"), [(0.0, 0.97), (0.5, 0.95), (0.9, 0.8)])
def test_short_launches_are_no_false_alarms(inferences: int, rho: float, least: float) -> None:
    """`--quick` times 60 inferences a launch: few blocks must not mean many alarms."""
    assert shares(inferences, rho)["flat"] >= least


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("inferences", [60, 200])
def test_a_throttle_step_is_never_missed(inferences: int, rho: float) -> None:
    """A phone that clocks down by 5 % in the middle of a launch is what validity is for."""
    found = shares(inferences, rho, shape=simulate.step(inferences, 0.05, 0.6))
    assert found["slowdown"] + found["no_steady_state"] >= 0.99


@pytest.mark.parametrize(("rho", "least"), [(0.0, 0.98), (0.5, 0.98), (0.9, 0.81)])
def test_a_warm_up_is_told_from_a_slowdown(rho: float, least: float) -> None:
    """A launch that began 20 % slower and went steady is kept; it needs a longer warm-up, not a repeat."""
    assert shares(200, rho, shape=simulate.decay(200, 0.2, 20))["warmup"] >= least


@pytest.mark.parametrize(("rho", "least"), [(0.0, 0.95), (0.5, 0.9), (0.9, 0.8)])
def test_a_slow_ramp_is_caught_by_its_trend(rho: float, least: float) -> None:
    """3 % over a launch has no step to find; without the trend a third of them go unseen."""
    found = shares(200, rho, shape=simulate.ramp(200, 0.03))
    assert found["slowdown"] + found["no_steady_state"] >= least


@pytest.mark.parametrize("inferences", [43, 60, 201])
def test_the_fast_search_is_pelt(inferences: int) -> None:
    """The compiled kernel search stands in for ruptures.Pelt with the l2 cost: the same change points."""
    from ruptures import KernelCPD, Pelt

    generator = np.random.default_rng(5)
    for _ in range(10):
        launch = simulate.launches(generator, 1, inferences, rho=0.9)[0]
        blocks = np.median(launch[: inferences // BLOCK * BLOCK].reshape(-1, BLOCK), axis=1)
        signal = np.log(blocks) / 0.002
        penalty = 3 * np.log(signal.size)
        slow = Pelt(model="l2", min_size=FEWEST_BLOCKS, jump=1).fit(signal).predict(pen=penalty)
        fast = (
            KernelCPD(kernel="linear", min_size=FEWEST_BLOCKS).fit(signal.reshape(-1, 1)).predict(pen=penalty)
        )
        assert fast == slow


def test_a_step_is_placed_and_measured() -> None:
    """Why a launch was thrown out has to name where and by how much; 60 inferences of 200 are too few."""
    found = classify(steps((140, 60.0), (60, 63.0)))
    assert found.kind == "no_steady_state"
    assert found.levels == (
        Level(start=0, end=140, median_ns=60e6),
        Level(start=140, end=200, median_ns=63e6),
    )
    assert found.invalid == ("no steady state: 5.0 % slower from timed inference 141 on",)


def test_each_class_without_noise() -> None:
    """A simulated device, or a coarse clock: no spread at all must neither divide by zero nor hide a step."""
    kinds = {
        "flat": steps((200, 60.0)),
        "warmup": steps((50, 66.0), (150, 60.0)),
        "slowdown": steps((80, 60.0), (120, 63.0)),
        "no_steady_state": steps((60, 60.0), (60, 66.0), (80, 60.0)),
    }
    found = {name: classify(launch) for name, launch in kinds.items()}
    assert {name: one.kind for name, one in found.items()} == {name: name for name in kinds}
    assert {name: bool(one.invalid) for name, one in found.items()} == {
        "flat": False,
        "warmup": False,
        "slowdown": True,
        "no_steady_state": True,
    }
    assert found["warmup"].reason == "warm-up: 9.1 % faster from timed inference 51 on"
    assert (found["flat"].drift, found["flat"].reason) == (0.0, None)


def test_slower_than_some_level_before_is_no_warm_up() -> None:
    """A launch that once was faster than it ended has slowed down, whatever came between."""
    assert classify(steps((40, 60.0), (40, 66.0), (120, 63.0))).kind == "slowdown"


@pytest.mark.parametrize(("ms", "kind"), [(61.1, "flat"), (61.3, "slowdown")])
def test_levels_closer_than_2_percent_are_one(ms: float, kind: str) -> None:
    """With little noise any step is significant, and under 2 % none of them matters."""
    assert classify(steps((80, 60.0), (120, ms))).kind == kind


def test_a_fall_without_a_step_is_a_warm_up_that_did_not_end() -> None:
    """What gets faster to its last inference is not flat, and not slowed down either."""
    falling = np.rint(60 * MS * np.exp(-simulate.ramp(60, 0.025))).astype(np.int64)
    found = classify(falling)
    assert (found.kind, found.invalid) == ("warmup", ())
    assert found.reason is not None
    assert found.reason.startswith("warm-up: it fell by 2.")


@pytest.mark.parametrize("size", [0, 1, 6, 36, FEWEST_SAMPLES - 1])
def test_too_few_inferences_have_no_class(size: int) -> None:
    """Seven blocks cannot hold two levels of four: "flat" would be said of everything."""
    found = classify(steps((size, 60.0)))
    assert (found.kind, found.levels, found.drift, found.invalid) == ("unknown", (), None, ())
    assert found.reason == f"too few inferences to tell (need >= 40, has {size})"


def test_what_fills_no_block_is_in_the_last_level() -> None:
    """Levels are of every inference: n does not shrink by what division leaves."""
    found = classify(steps((80, 60.0), (124, 66.0)))
    assert [(one.start, one.end) for one in found.levels] == [(0, 80), (80, 204)]


def test_many_changes_are_said_in_few_words() -> None:
    """A launch on a busy machine changes ten times; its reason still fits a line."""
    found = classify(steps(*((20, ms) for ms in (60.0, 80.0) * 5)))
    assert found.kind == "no_steady_state"
    assert found.reason is not None
    assert found.reason.count("from timed inference") == 3
    assert found.reason.endswith(", and 6 more changes")


def mixed(timed_ns: NDArray[np.int64]) -> LaunchSamples:
    """A launch in which every other inference ran a signature that takes a third of the time."""
    held = read_samples(samples_text(timed_ns), "launch")
    signature = np.where(np.arange(held.row.size) % 3 == 0, "s24", "s128")
    duration = np.where(signature == "s24", held.duration_ns // 3, held.duration_ns)
    return LaunchSamples(
        timed=held.timed,
        row=held.row,
        signature=signature,
        start_ns=held.start_ns,
        duration_ns=duration,
        core=held.core,
    )


def test_signatures_are_no_pace() -> None:
    """Short sequences at the front are not a slowdown; one that slows all of them down still is."""
    timed = steps((100, 60.0))
    held = read_samples(samples_text(timed), "launch")
    first_short = np.where(np.arange(held.row.size) < 60, "s24", "s128")
    durations = np.where(first_short == "s24", held.duration_ns // 3, held.duration_ns)
    sorted_by_length = LaunchSamples(
        timed=held.timed,
        row=held.row,
        signature=first_short,
        start_ns=held.start_ns,
        duration_ns=durations,
        core=held.core,
    )
    assert classify(sorted_by_length.timed_ns).kind == "slowdown"
    assert classify_launch(sorted_by_length).kind == "flat"
    assert classify_launch(mixed(steps((40, 60.0), (60, 63.0)))).kind == "slowdown"
