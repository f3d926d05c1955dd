"""Shares of rows: published intervals, intervals and p that agree, a slice of a finite set."""

from __future__ import annotations

import dataclasses

import pytest
from scipy.stats import binomtest, hypergeom

from results import shares
from results.claims import load_claims
from results.evaluated import IntervalMethod
from results.stats import Estimate
from results.verdict import judge
from tests.results.make_run import MNLI, make_run

CLAIMS = load_claims()


def limits(estimate: Estimate) -> tuple[float, float]:
    assert estimate.interval is not None
    return estimate.interval.low, estimate.interval.high


@pytest.mark.parametrize(
    ("n", "low", "high"), [(200, 0.777, 0.880), (1000, 0.809, 0.855), (9815, 0.826, 0.840)]
)
def test_wilson_gives_the_published_intervals(n: int, low: float, high: float) -> None:
    """83.3 % on slices of MNLI: figures computed independently of this code."""
    assert limits(shares.wilson(round(0.833 * n), n, 0.95)) == pytest.approx((low, high), abs=0.002)


def test_clopper_pearson_gives_the_textbook_interval() -> None:
    """15 of 148 (Newcombe 1998, Statistics in Medicine 17:857-872, Table I): 0.0578 to 0.1617."""
    found = limits(shares.share(15, 148, 0.95, "clopper-pearson"))
    assert found == pytest.approx((0.0578, 0.1617), abs=5e-5)


def test_a_share_of_nothing_is_no_number() -> None:
    """No rows: no accuracy, and no division by zero."""
    assert shares.wilson(0, 0, 0.95).value is None
    assert shares.of_whole_set(shares.wilson(0, 0, 0.95), 9815).value is None


@pytest.mark.parametrize("method", ["wilson", "clopper-pearson"])
@pytest.mark.parametrize("successes", range(0, 201, 8))
def test_share_p_agrees_with_its_interval(method: IntervalMethod, successes: int) -> None:
    """Status comes from the interval, confidence from this p: they must never disagree."""
    low, high = limits(shares.share(successes, 200, 0.95, method))
    assert (low >= 0.5) == (shares.p_share(successes, 200, 0.5, "larger", method) <= 0.025)
    assert (high < 0.5) == (shares.p_share(successes, 200, 0.5, "smaller", method) < 0.025)


def test_the_exact_method_has_the_exact_p() -> None:
    """The score test beside Clopper and Pearson's interval could contradict it."""
    p = shares.p_share(100, 120, 0.823, "larger", "clopper-pearson")
    assert p == binomtest(100, 120, 0.823, alternative="greater").pvalue
    assert p != pytest.approx(shares.p_share(100, 120, 0.823, "larger"), rel=0.01)


def test_a_slice_of_half_the_set_knows_the_set_better_than_the_population() -> None:
    """The half-width shrinks by sqrt((N - n) / (N - 1)), on each side by itself."""
    sample = shares.wilson(400, 500, 0.95)
    low, high = limits(sample)
    of_set = limits(shares.of_whole_set(sample, 1000))
    shrunk = (500 / 999) ** 0.5
    assert of_set == pytest.approx((0.8 - (0.8 - low) * shrunk, 0.8 + (high - 0.8) * shrunk))
    assert shares.of_whole_set(sample, 500) == dataclasses.replace(sample, interval=None)


@pytest.mark.parametrize(("n", "total"), [(90, 100), (50, 100), (20, 60), (59, 60)])
def test_clopper_pearson_of_a_set_holds_at_least_as_often_as_it_says(n: int, total: int) -> None:
    """All sets of that size, all slices of each: a promise of 95 % is one for the set too."""

    def holds(good: int) -> float:
        """`good`: rows of the set that are right."""
        seen = range(max(0, n - (total - good)), min(n, good) + 1)
        return float(sum(hypergeom.pmf(x, total, good, n) for x in seen if ends[x][0] <= good <= ends[x][1]))

    def span(successes: int) -> tuple[int, int]:
        sample = shares.share(successes, n, 0.95, "clopper-pearson")
        low, high = limits(shares.of_whole_set(sample, total, "clopper-pearson"))
        assert 0 <= low <= successes / n <= high <= 1
        return round(low * total), round(high * total)

    ends = [span(successes) for successes in range(n + 1)]
    assert min(holds(good) for good in range(total + 1)) >= 0.95


def test_of_nearly_the_whole_set_what_was_seen_is_not_in_doubt() -> None:
    """One of 100 rows is open: the set has 80 or 81 right ones."""
    low, high = limits(
        shares.of_whole_set(shares.share(80, 99, 0.95, "clopper-pearson"), 100, "clopper-pearson")
    )
    assert (low, high) == (0.8, 0.81)


def test_claims_are_judged_by_the_population_even_where_the_set_is_whole() -> None:
    """82.7 % of all 9815 pairs is exactly above 82.3 %, and as a sample of the task it is not shown to be."""
    run = make_run(accuracy=0.827, pairs=MNLI)
    judged = judge(run.record, run.samples, run.predictions, CLAIMS)
    claim = next(one for one in judged.claims if one.unit == "percent" and one.role == "claim")
    assert (claim.status, claim.recipe) == ("inconclusive", "float32")


@pytest.mark.parametrize("correct", [8150, 8151, 8152, 8153, 8154, 8155, 8156])
def test_a_verdict_by_clopper_pearson_is_sure_by_the_exact_test(correct: int) -> None:
    """The status and `sure` beside it are of one test, whichever the call asked for."""
    run = make_run(accuracy=correct / 9815).settings(interval="clopper-pearson")
    judged = judge(run.record, run.samples, run.predictions, CLAIMS)
    claim = next(one for one in judged.claims if one.unit == "percent" and one.role == "claim")
    p = binomtest(correct, 9815, claim.bound / 100, alternative="greater").pvalue
    assert (claim.status == "reproduced") == (p <= 0.025)
    if claim.status == "reproduced":
        assert claim.confidence == pytest.approx(1 - p)
