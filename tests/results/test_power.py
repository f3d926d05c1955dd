"""What so many pairs can show: powers against independent figures, drops and numbers of pairs that hold."""

from __future__ import annotations

import time
from bisect import bisect_left

import numpy as np
import pytest
from scipy.stats import binom

from results import power
from results.paired import _p_above, mcnemar


@pytest.mark.parametrize(
    ("n", "drop", "discordant", "expected"),
    [
        *((1000, 0.005, 0.02, 0.15), (2000, 0.005, 0.02, 0.31), (9815, 0.005, 0.02, 0.93)),
        *((500, 0.01, 0.02, 0.24), (1000, 0.01, 0.02, 0.56), (2000, 0.01, 0.02, 0.88)),
        *(
            (500, 0.02, 0.02, 0.93),
            (500, 0.02, 0.04, 0.53),
            (2000, 0.01, 0.04, 0.57),
            (9815, 0.01, 0.04, 1.0),
        ),
    ],
)
def test_powers_are_those_of_a_simulation(n: int, drop: float, discordant: float, expected: float) -> None:
    """Figures simulated independently of this code, to two digits."""
    assert power.mcnemar_power(n, drop, discordant) == pytest.approx(expected, abs=0.025)


def test_the_power_is_that_of_the_test_that_reports_show() -> None:
    """A power of another test (mid-p, the normal approximation) would promise what is then not seen."""
    generator = np.random.default_rng(1)
    losses, wins = 0.03, 0.01
    counts = generator.multinomial(400, (wins, losses, 1 - wins - losses), size=2000)
    seen = np.mean([mcnemar(int(a), int(b)) <= power.ALPHA for a, b, _ in counts])
    assert power.mcnemar_power(400, losses - wins, losses + wins) == pytest.approx(float(seen), abs=0.03)


@pytest.mark.parametrize(("n", "discordant"), [(200, 0.0452), (500, 0.002), (2000, 0.02), (9815, 0.005)])
def test_the_smallest_drop_is_seen_in_four_of_five_cases(n: int, discordant: float) -> None:
    """A smaller one is seen less often, so that "or more" is true."""
    drop = power.smallest_drop(n, discordant)
    assert drop is not None
    assert power.mcnemar_power(n, drop, max(discordant, drop)) == pytest.approx(0.8, abs=0.005)
    assert power.mcnemar_power(n, 0.8 * drop, max(discordant, 0.8 * drop)) < 0.75


def test_five_pairs_show_no_drop_at_all() -> None:
    """All five lost is p = 0.06: no number is honest."""
    assert power.smallest_drop(5, 0.4) is None
    assert power.smallest_drop(0, 0.4) is None
    assert power.smallest_drop(6, 0.4) is not None


def test_where_few_pairs_differ_their_upper_limit_is_planned_with() -> None:
    """No flip in 30 pairs does not mean that there are none."""
    assert power.discordance(0, 30) == pytest.approx(1 - 0.05 ** (1 / 30))
    assert power.discordance(10, 1000) == 0.01


def decided(n: int, value: float, discordant: float, bound: float) -> float:
    """The power of the test that decides the floor, over all outcomes, as one that is met."""
    found = 0.0
    for differ in range(int(binom.ppf(1e-4, n, discordant)), int(binom.isf(1e-4, n, discordant)) + 1):
        wins = range(differ + 1)
        fewest = bisect_left(
            wins, True, key=lambda won: _p_above(won, differ - won, n, bound, power.ALPHA) <= power.ALPHA
        )
        share = (discordant + value) / (2 * discordant)
        found += float(binom.pmf(differ, n, discordant) * binom.sf(fewest - 1, differ, share))
    return found


@pytest.mark.parametrize(
    ("value", "discordant"),
    [
        *((0.0, 0.001), (0.0, 0.002), (0.0, 0.003), (0.0, 0.01), (0.002, 0.01), (0.0, 0.02)),
        *((-0.002, 0.002), (-0.005, 0.005), (-0.003, 0.005)),
        *((-0.02, 0.02), (-0.03, 0.03), (-0.03, 0.05), (-0.1, 0.1)),  # under the floor
    ],
)
def test_so_many_pairs_decide_the_floor_in_four_of_five_cases(value: float, discordant: float) -> None:
    """The advice is followed by who pays for it with time: by a normal power it was 66 % instead."""
    n = power.pairs_to_decide(value, discordant, -0.01)
    assert n is not None
    value, bound = (value, -0.01) if value > -0.01 else (-value, 0.01)
    for more in (1.0, 1.07):  # a report rounds it up
        assert decided(int(n * more), value, discordant, bound) >= 0.78


@pytest.mark.parametrize(("value", "discordant"), [(-0.004, 0.04), (-0.008, 0.02), (0.0, 0.08)])
def test_with_many_discordant_pairs_the_advice_is_hardly_more_than_the_approximation(
    value: float, discordant: float
) -> None:
    """A safe factor that grows with the number would ask for pairs that nobody has."""
    n = power.pairs_to_decide(value, discordant, -0.01)
    assert n is not None
    errors = 1.645 * np.sqrt(discordant - 1e-4) + 0.842 * np.sqrt(discordant - value**2)
    assert 0.99 <= n / (errors / (value + 0.01)) ** 2 < 1.06


def test_the_advice_is_quick() -> None:
    """It is one line of a report, and a report is made in a second."""
    power.pairs_to_decide.cache_clear()
    start = time.perf_counter()
    for value, discordant in ((0.0, 0.01), (-0.0098, 0.02), (-0.0099999, 0.3)):
        power.pairs_to_decide(value, discordant, -0.01)
    assert time.perf_counter() - start < 3 * 0.3


def test_no_number_of_pairs_decides_what_lies_on_the_floor() -> None:
    """ "Evaluate 10 million pairs" is no advice."""
    assert power.pairs_to_decide(-0.01, 0.02, -0.01) is None


def test_the_floor_takes_299_pairs_at_the_least() -> None:
    """Even where nothing ever differs: the rule of three."""
    assert power.pairs_to_decide(0.0, 0.0, -0.01) == 299
