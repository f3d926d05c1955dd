"""What so many pairs can show: powers against independent figures, drops and numbers of pairs that hold."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from results import power
from results.paired import mcnemar, score


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


@pytest.mark.parametrize(("value", "discordant"), [(0.0, 0.02), (-0.004, 0.02), (-0.002, 0.05)])
def test_so_many_pairs_decide_the_floor_in_four_of_five_cases(value: float, discordant: float) -> None:
    """The advice is followed by who pays for it with time."""
    n = power.pairs_to_decide(value, discordant, -0.01)
    assert n is not None
    generator = np.random.default_rng(1)
    wins, losses = (discordant + value) / 2, (discordant - value) / 2
    drawn = generator.multinomial(n, (wins, losses, 1 - wins - losses), size=4000).astype(float)
    met = score(drawn[:, 0], drawn[:, 1], n, -0.01) > norm.isf(0.05)
    assert np.mean(met) == pytest.approx(0.8, abs=0.06)


def test_no_number_of_pairs_decides_what_lies_on_the_floor() -> None:
    """ "Evaluate 10 million pairs" is no advice."""
    assert power.pairs_to_decide(-0.01, 0.02, -0.01) is None


def test_the_floor_takes_299_pairs_at_the_least() -> None:
    """Even where nothing ever differs: the rule of three."""
    assert power.pairs_to_decide(0.0, 0.0, -0.01) == 299
