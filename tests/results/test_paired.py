"""The paired difference: published limits, guaranteed errors at the floor, and few pairs that differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from statsmodels.stats import contingency_tables

from results import paired as of
from results.accuracy import FLOOR_MARGIN, Floor, floor_of
from results.paired import Paired
from tests.results import paired_coverage

PAGE = Path(__file__).parents[2] / "docs" / "statistics.md"
# Few pairs, few that differ, and more; the errors of the score test alone are largest near 300 pairs.
TRIED = ((100, -0.01, 0.02), (298, -0.01, 0.01), (300, -0.01, 0.02), (500, -0.01, 0.01), (500, 0.0, 0.02))


def pair(only_a: int, only_b: int, n: int, level: float = 0.9) -> Paired:
    a, b = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    a[:only_a] = True
    b[only_a : only_a + only_b] = True
    return of.paired(a, b, level)


def limits(found: Paired) -> tuple[float, float]:
    assert found.difference.interval is not None
    return found.difference.interval.low, found.difference.interval.high


@pytest.mark.parametrize(
    ("only_a", "only_b", "n", "alpha", "low", "high"),
    [
        # Bentur et al. 2009, in Fagerland, Lydersen, Laake: Statistical Analysis of Contingency Tables, 8.
        (1, 7, 21, 0.025, -0.517, -0.026),
        # PropCIs 0.3, scoreci.mp(25, 28, 618, 0.90), as its users' tests hold it.
        (28, 25, 618, 0.05, -0.0148, 0.0247),
        # No pair differs: -+ z^2 / (n + z^2), Tango 1998.
        (0, 0, 30, 0.025, -0.1135, 0.1135),
    ],
)
def test_tangos_limits_are_those_that_others_publish(
    only_a: int, only_b: int, n: int, alpha: float, low: float, high: float
) -> None:
    """The order of outcomes rests on them: a slip in the restricted likelihood would go unnoticed."""
    found = of.tango_lower(only_a, only_b, n, alpha), -of.tango_lower(only_b, only_a, n, alpha)
    digits = len(str(low).partition(".")[2])
    assert found == pytest.approx((low, high), abs=0.51 * 10**-digits)


@pytest.mark.parametrize(("n", "true", "discordant"), TRIED)
def test_a_floor_is_wrongly_decided_in_one_case_of_twenty_at_most(
    n: int, true: float, discordant: float
) -> None:
    """Counted over all outcomes: "met" where a point is lost, "under" where no more than one is."""
    found = paired_coverage.exact(n, true, discordant)
    assert found.above <= 0.05
    assert found.below <= 0.05
    assert found.holds >= 0.90


def test_with_many_pairs_that_differ_the_interval_is_no_wider_than_it_says() -> None:
    """A guarantee that is bought with width alone decides nothing: 88 to 92 % for nominal 90 %."""
    found = paired_coverage.exact(500, 0.0, 0.02)
    assert 0.88 <= found.holds <= 0.92


def test_the_score_test_alone_would_err_more_often() -> None:
    """Why the limits are made exact: one time in twelve instead of one in twenty."""
    assert paired_coverage.scored(300, -0.01, 0.01).below > 0.08


@pytest.mark.parametrize("case", [(100, -0.01, 0.02), (300, -0.01, 0.01), (500, 0.0, 0.002)])
def test_the_page_has_these_figures(case: tuple[int, float, float]) -> None:
    """docs/statistics.md shows what this code does, not what it did."""
    assert case in paired_coverage.CASES
    assert paired_coverage.line(*case) in PAGE.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize(
    ("only_a", "only_b", "n"),
    [(0, 0, 299), (0, 0, 298), (0, 1, 500), (2, 9, 900), (20, 30, 2000), (3, 40, 2000)],
)
def test_p_and_interval_are_one_test(only_a: int, only_b: int, n: int) -> None:
    """The floor is decided by the interval and its p stands beside it."""
    found = pair(only_a, only_b, n)
    assert (found.p_above(-FLOOR_MARGIN) <= 0.05) == (limits(found)[0] >= -FLOOR_MARGIN)
    assert found.p_above(limits(found)[0]) == pytest.approx(0.05, abs=2e-4)


def test_a_bound_beyond_the_data_is_sure_on_either_side() -> None:
    """5 won and 1 lost of 100 are no sign of a gain of half of all pairs, and exclude such a loss."""
    found = pair(5, 1, 100)
    assert [found.p_above(bound) for bound in (0.5, 0.3, 0.9)] == [1.0, 1.0, 1.0]
    assert found.p_above(-0.5) <= 1e-4
    bounds = np.linspace(-0.6, 0.6, 41)
    ps = np.array([found.p_above(float(bound)) for bound in bounds])
    assert np.all(np.diff(ps) >= -1e-6)


def test_a_swap_mirrors_the_interval() -> None:
    """Which of two is called A is a matter of words."""
    low, high = limits(pair(4, 12, 300))
    assert limits(pair(12, 4, 300)) == (-high, -low)


@pytest.mark.parametrize(("n", "width"), [(30, 0.095), (300, 0.00994), (9815, 0.000305)])
def test_equal_predictions_on_few_pairs_prove_little(n: int, width: float) -> None:
    """No flip in 30 pairs leaves room for 9.5 % of them: the exact limit of 0 in n, as of any counts."""
    found = pair(0, 0, n)
    assert limits(found) == pytest.approx((-width, width), rel=0.01)
    assert found.mcnemar_p == 1.0


@pytest.mark.parametrize(("only_a", "only_b", "n"), [(0, 5, 5), (5, 0, 5), (0, 1, 1), (0, 0, 1), (1, 1, 2)])
def test_the_fewest_pairs_have_limits(only_a: int, only_b: int, n: int) -> None:
    """All rows differ the same way, or there is one: the interval is wide, never missing or beyond 1."""
    low, high = limits(pair(only_a, only_b, n))
    assert -1 <= low <= (only_a - only_b) / n <= high <= 1
    assert high - low > 0.5


def test_paired_counts_and_tests_discordant_rows() -> None:
    """Only rows on which exactly one is right say anything about which is better."""
    a = np.array([True] * 80 + [False] * 20)
    b = np.array([True] * 76 + [False] * 4 + [True] * 12 + [False] * 8)
    found = of.paired(a, b, 0.9)
    assert (found.only_a, found.only_b) == (4, 12)
    assert found.difference.value == pytest.approx(-0.08)
    table = contingency_tables.mcnemar([[76, 4], [12, 8]], exact=True)
    assert found.mcnemar_p == pytest.approx(float(table.pvalue))


def test_no_rows_are_no_number() -> None:
    """Where nothing was evaluated there is no difference of zero."""
    assert pair(0, 0, 0).difference.reason == "no rows"
    assert floor_of(pair(0, 0, 0)) == "unknown"


def test_paired_refuses_other_lengths() -> None:
    """Two sets of pairs are not paired, even where NumPy could broadcast them."""
    with pytest.raises(ValueError, match="3 rows against 1"):
        of.paired(np.ones(3, dtype=bool), np.ones(1, dtype=bool), 0.9)


@pytest.mark.parametrize(
    ("only_a", "only_b", "n", "floor"),
    [
        (0, 0, 298, "undecided"),  # the rule of three: 299 pairs without a loss
        (0, 0, 299, "met"),
        (0, 1, 500, "met"),  # a t-interval would say so of 200
        (0, 1, 200, "undecided"),
        (20, 30, 9815, "met"),
        (20, 220, 9815, "under"),
        (0, 6, 300, "undecided"),  # the score test alone calls it under
        (0, 7, 300, "under"),
    ],
)
def test_floors(only_a: int, only_b: int, n: int, floor: Floor) -> None:
    """What is shown, and what is not, on both sides of each bound."""
    assert floor_of(pair(only_a, only_b, n)) == floor
