"""Outliers: how many and where; and where their number would mean nothing."""

from __future__ import annotations

import numpy as np
import pytest

from results.outliers import count_outliers
from results.selftest import simulate


def test_positions_of_both_kinds() -> None:
    """An interrupted inference is found where it was, and a severe one is not a mild one too."""
    launch = np.linspace(59e6, 61e6, 101).astype(np.int64)
    launch[[7, 50]] = 90_000_000, 64_000_000
    found = count_outliers(launch)
    assert (found.mild, found.severe, found.counts) == ((50,), (7,), "1 / 1")


def test_fast_ones_are_outliers_too() -> None:
    """An inference that took half the time did something else."""
    launch = np.linspace(59e6, 61e6, 101).astype(np.int64)
    launch[3] = 30_000_000
    assert count_outliers(launch).severe == (3,)


def test_noise_alone_has_few() -> None:
    """3.5 scaled MADs are 1 in 2,000 of normal noise: a count has to mean something."""
    launch = simulate.launches(np.random.default_rng(1), 1, 20_000, spike_share=0)[0]
    found = count_outliers(launch)
    assert len(found.severe) == 0
    assert 2 <= len(found.mild) <= 25


def test_equal_inferences_have_none() -> None:
    """A coarse clock: nothing is far off where everything is the same."""
    found = count_outliers(np.full(40, 60_000_000))
    assert (found.counts, found.reason) == ("0 / 0", None)


def test_no_spread_is_no_ruler() -> None:
    """With a MAD of 0 any difference would be infinitely far off."""
    launch = np.full(40, 60_000_000)
    launch[:5] = 60_000_001
    found = count_outliers(launch)
    assert found.counts == "-"
    assert found.reason is not None
    assert found.reason.startswith("more than half of the inferences took the same time")


@pytest.mark.parametrize("size", [0, 1, 5])
def test_too_few_inferences_have_no_count(size: int) -> None:
    """Of five inferences nobody knows which is odd."""
    found = count_outliers(np.arange(60, 60 + size))
    assert (found.mild, found.severe, found.counts) == ((), (), "-")
    assert found.reason == f"too few inferences to count outliers (need >= 6, has {size})"
