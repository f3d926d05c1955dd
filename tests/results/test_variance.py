"""Variance between and within launches: against known truths, and the advice that follows."""

from __future__ import annotations

import numpy as np
import pytest

from results.selftest import simulate
from results.variance import split


def drawn(count: int, inferences: int, between: float, within: float, seed: int = 3) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    logs = between * generator.standard_normal((count, 1)) + within * generator.standard_normal(
        (count, inferences)
    )
    return list(np.rint(60e6 * np.exp(logs)).astype(np.int64))


@pytest.mark.parametrize(("between", "within"), [(0.015, 0.01), (0.005, 0.03), (0.03, 0.002)])
def test_the_two_spreads_are_found(between: float, within: float) -> None:
    """Two sources of noise, mixed in one number, would give the wrong advice."""
    found = split(drawn(400, 40, between, within))
    assert found.between == pytest.approx(between, rel=0.12)
    assert found.within == pytest.approx(within, rel=0.05)


def test_launches_of_other_sizes_are_weighed() -> None:
    """Launches that timed more inferences say more of the spread within, not of that between."""
    launches = drawn(400, 80, 0.01, 0.02)
    mixed = [one[: 20 if at % 2 else 80] for at, one in enumerate(launches)]
    found = split(mixed)
    assert found.between == pytest.approx(0.01, rel=0.15)
    assert found.within == pytest.approx(0.02, rel=0.05)


def test_no_spread_between_is_none_and_not_negative() -> None:
    """The estimate of a variance may fall below 0, and a spread may not."""
    smallest = min(split(drawn(5, 20, 0.0, 0.05, seed)).between or 0.0 for seed in range(20))
    assert smallest == 0.0


def test_advice_for_launches_that_differ() -> None:
    """1,000 inferences a launch help nothing where the launches differ by 5 %."""
    found = split(drawn(5, 200, 0.05, 0.01))
    assert found.advice == "more launches"
    assert found.launches_needed is not None
    more = split(drawn(found.launches_needed, 200, 0.05, 0.01))
    assert more.half_width == pytest.approx(0.01, rel=0.5)


def test_advice_for_noisy_inferences() -> None:
    """Where a launch's own number is uncertain, a longer launch is the cheaper way."""
    assert split(drawn(5, 10, 0.0, 0.1, seed=5)).advice == "more inferences"


def test_a_narrow_interval_asks_for_nothing() -> None:
    """Advice without need costs a user minutes of a warm phone."""
    found = split(list(simulate.launches(np.random.default_rng(2), 10, 200, launch_sd=0.005)))
    assert found.advice == "enough"
    assert found.half_width is not None
    assert found.half_width < 0.01


def test_one_launch_has_no_spread() -> None:
    """One launch, or launches of five inferences: no number, and why."""
    assert split(drawn(1, 40, 0.01, 0.01)).reason == "one launch has no spread between launches (need >= 2)"
    few = split(drawn(3, 5, 0.01, 0.01))
    assert (few.between, few.half_width, few.advice) == (None, None, None)
    assert few.reason == "n too small (need >= 6 per launch, has 5)"


def test_equal_samples_have_no_spread() -> None:
    """A coarse clock is not perfect knowledge: "+-0.0 %, which is enough" would be a lie."""
    found = split([np.full(40, 60_000_000)] * 5)
    assert (found.between, found.half_width, found.advice) == (None, None, None)
    assert found.reason == "all 5 launches gave the same value, so their spread is unknown"
