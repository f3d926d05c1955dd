"""Two sides against each other: what the interval decides, how often that is right, and what is too few."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from results.compare.comparison import (
    Decision,
    MetricChange,
    compare_independent,
    compare_paired,
    confirmed,
    decide,
    missing,
    overall,
)
from results.compare.words import by_how_much, verdict_of
from results.report.comparison_tables import change_checks
from results.stats import Estimate, Interval

Values = NDArray[np.float64]


def sides(ratio: float, *, n: int = 10, spread: float = 0.005, drift: float = 0.1) -> tuple[Values, Values]:
    """`n` pairs without chance, whose log ratios have the standard deviation `spread`."""
    warm = 60e6 * (1 + drift * np.arange(n) / n)
    noise = np.linspace(-1, 1, n) if n > 1 else np.zeros(n)
    sd = noise.std(ddof=1) if n > 1 else 1.0
    return warm, warm * ratio * np.exp(spread * noise / sd)


@pytest.mark.parametrize(
    ("ratio", "spread", "decision"),
    [
        (1.05, 0.005, "slower"),
        (0.95, 0.005, "faster"),
        (1.0, 0.005, "equivalent"),
        (1.015, 0.001, "equivalent"),
        (1.02, 0.005, "not_shown"),
        (0.98, 0.005, "not_shown"),
        (1.0, 0.05, "not_shown"),
        (1.05, 0.1, "not_shown"),
    ],
)
def test_the_whole_interval_decides(ratio: float, spread: float, decision: Decision) -> None:
    """Beyond the threshold, within it, or across it: a point estimate alone must decide nothing."""
    for compare in (compare_paired, compare_independent):
        a, b = sides(ratio, spread=spread, drift=0.0)
        if compare is compare_independent:
            a = a * np.exp(0.0005 * np.linspace(-1, 1, a.size))
        change = compare("p50", a, b, 0.02)
        assert change.decision == decision
        assert (change.reason is None) == (decision != "not_shown")


@pytest.mark.parametrize(
    ("ratio", "spread", "decision", "says"),
    [
        (1.0, 0.005, "equivalent", None),
        (1.03, 0.005, "not_shown", "not wholly beyond the noise floor"),
        (0.97, 0.005, "not_shown", "not wholly beyond the noise floor"),
        (1.0, 0.05, "not_shown", "on both sides of the threshold"),
        (1.08, 0.005, "slower", None),
        (0.92, 0.005, "faster", None),
    ],
)
def test_a_noise_floor_makes_no_two_sides_equivalent(
    ratio: float, spread: float, decision: Decision, says: str | None
) -> None:
    """A noisy device hides a change of 3 %; that is no reason to call both sides equally fast."""
    for compare in (compare_paired, compare_independent):
        a, b = sides(ratio, spread=spread, drift=0.0)
        if compare is compare_independent:
            a = a * np.exp(0.0005 * np.linspace(-1, 1, a.size))
        change = compare("p50", a, b, 0.02, 0.05)
        assert (change.threshold, change.beyond) == (0.02, 0.05)
        assert change.decision == decision
        assert (says or "") in (change.reason or "")
        # A floor below the threshold is no licence to find more.
        below = compare("p50", a, b, 0.02, 0.001)
        assert dataclasses.replace(below, beyond=0.02) == compare("p50", a, b, 0.02)


def test_the_p_is_of_lying_beyond_the_noise_floor() -> None:
    """A p of lying beyond 2 % would let Holm pass what the noise of this device explains."""
    a, b = sides(1.05)
    p = {floor: compare_paired("p50", a, b, 0.02, floor).p_beyond for floor in (0.0, 0.04, 0.06)}
    assert p[0.0] is not None
    assert p[0.04] is not None
    assert p[0.06] is not None
    assert p[0.0] < p[0.04] < 0.05 < p[0.06]


def test_drift_is_in_both_launches_of_a_pair() -> None:
    """A device that slows down by a half leaves the paired ratio alone; unpaired, it hides everything."""
    steady, drifting = (compare_paired("p50", *sides(1.05, drift=drift), 0.02) for drift in (0.0, 0.5))
    assert drifting.ratio.interval is not None
    assert steady.ratio.interval is not None
    assert drifting.ratio.interval.low == pytest.approx(steady.ratio.interval.low)
    assert compare_independent("p50", *sides(1.05, drift=0.5), 0.02).decision == "not_shown"


def test_sides_exchanged_turn_the_ratio_round() -> None:
    """Who is called A must not matter."""
    a, b = sides(1.05)
    there, back = compare_paired("p50", a, b, 0.02), compare_paired("p50", b, a, 0.02)
    assert there.ratio.interval is not None
    assert back.ratio.interval is not None
    assert there.ratio.interval.high == pytest.approx(1 / back.ratio.interval.low)
    assert (there.decision, back.decision) == ("slower", "faster")


def test_nominal_rates_are_the_real_ones() -> None:
    """Ten pairs, 1 % between launches: covered in 95 of 100, no false alarm, +5 % found, +3 % at times."""
    generator = np.random.default_rng(1)
    runs = 200
    found = dict.fromkeys((1.0, 1.03, 1.05), 0)
    covered = wrong = 0
    for truth, _ in itertools.product(found, range(runs)):
        a, b = (60e6 * np.exp(0.01 * generator.standard_normal(10)) for _ in range(2))
        change = compare_paired("p50", a, truth * b, 0.02)
        interval = change.ratio.interval
        assert interval is not None
        covered += interval.low <= truth <= interval.high
        found[truth] += change.decision == "slower"
        wrong += truth == 1.0 and change.decision in ("slower", "faster")
    assert 0.92 <= covered / (3 * runs) <= 0.98
    assert wrong / runs <= 0.01
    assert found[1.05] / runs >= 0.99
    assert 0.2 < found[1.03] / runs < 0.8


def test_a_metric_found_alone_may_be_chance_among_three() -> None:
    """p = 0.03 in one of three metrics is what chance gives in one run of eleven."""
    a, b = sides(1.036, spread=0.019)
    alone = compare_paired("p50", a, b, 0.02)
    assert alone.decision == "slower"
    assert alone.p_beyond is not None
    assert 0.017 < alone.p_beyond < 0.05
    same = compare_paired("p90", *sides(1.0), 0.02)
    judged = decide([alone, same, missing("load time", 0.02, "not told")])
    assert [one.decision for one in judged] == ["not_shown", "equivalent", "not_shown"]
    assert judged[0].reason is not None
    assert "Holm" in judged[0].reason
    assert judged[0].p_holm == pytest.approx(2 * alone.p_beyond)
    assert decide([alone])[0].decision == "slower"
    # Step by step: beside one that is beyond doubt, the next needs no more than it would alone.
    assert [one.decision for one in decide([made("p90", "slower"), alone])] == ["slower", "slower"]


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), float("inf")])
def test_what_has_no_logarithm_has_no_ratio(bad: float) -> None:
    """A zero from a broken clock must not become an infinite speed-up."""
    for compare in (compare_paired, compare_independent):
        a, b = sides(1.05)
        b[3] = bad
        change = compare("p50", a, b, 0.02)
        assert change.ratio.value is None
        assert change.decision == "not_shown"
        assert change.reason is not None
        assert "no number" in change.reason


@pytest.mark.parametrize(
    ("n", "says"), [(0, "valid launch"), (1, "1 (need >= 5)"), (2, "2 (need >= 5)"), (4, "4 (need >= 5)")]
)
def test_too_few_decide_nothing(n: int, says: str) -> None:
    """Four pairs that agree well are still four."""
    for compare in (compare_paired, compare_independent):
        change = compare("p50", *sides(2.0, n=n, spread=0.001), 0.02)
        assert change.decision == "not_shown"
        assert change.reason is not None
        assert says in change.reason


def test_all_equal_has_no_spread_and_no_interval() -> None:
    """A clock that ticks coarsely gives the same value every time; an interval of no width would be a lie."""
    a = np.full(10, 60e6)
    for change in (compare_paired("p50", a, a * 1.1, 0.02), compare_independent("p50", a, a * 1.1, 0.02)):
        assert change.ratio.value == pytest.approx(1.1)
        assert change.ratio.interval is None
        assert change.decision == "not_shown"
        assert change.reason is not None
        assert "spread is unknown" in change.reason


def test_no_pairs_of_other_lengths() -> None:
    """Ten launches against nine are not paired: that is a fault of the caller."""
    with pytest.raises(ValueError, match="no pairs"):
        compare_paired("p50", np.ones(10), np.ones(9), 0.02)


def made(name: str, decision: Decision) -> MetricChange:
    ratio = {"slower": 1.05, "faster": 0.95, "equivalent": 1.0, "not_shown": 1.02}[decision]
    change = compare_paired(name, *sides(ratio, spread=0.006), 0.02)
    assert change.decision == decision
    return change


@pytest.mark.parametrize(
    ("decisions", "whole"),
    [
        (("equivalent", "slower", "faster"), "slower"),
        (("faster", "equivalent", "slower"), "slower"),
        (("faster", "not_shown", "not_shown"), "faster"),
        (("equivalent", "faster", "not_shown"), "equivalent"),
        (("not_shown", "faster", "equivalent"), "not_shown"),
    ],
)
def test_any_slower_metric_outweighs_the_main_one(decisions: tuple[Decision, ...], whole: Decision) -> None:
    """A model whose median is faster and whose tail is slower has a regression that a CI must hear of."""
    assert overall([made(f"m{n}", decision) for n, decision in enumerate(decisions)]) == whole


def test_loading_is_shown_and_decides_nothing() -> None:
    """It is paid once: a file that answers twice as fast must not fail a CI for loading slower."""
    changes = [made("p50", "faster"), made("p90", "faster"), made("load time", "slower")]
    assert overall(changes) == "faster"
    assert verdict_of(changes).endswith(
        "Slower as well, which decides nothing: load time by 5.00 % [4.55, 5.45]."
    )
    assert [check.name.split(":")[0] for check in change_checks(changes, "comparison")] == ["p50", "p90"]


@pytest.mark.parametrize("other", ["not_shown", "equivalent", "faster"])
def test_what_repeats_bring_about_is_not_shown(other: Decision) -> None:
    """Launches repeated until they are valid are a choice; what holds over the choice alone is no finding."""
    kept = confirmed([made("p50", "slower")], [made("p50", other)])[0]
    assert kept.decision == "not_shown"
    assert kept.reason is not None
    assert "every launch that ran" in kept.reason
    assert confirmed([made("p50", "slower")], [made("p50", "slower")])[0].decision == "slower"
    assert confirmed([made("p50", "not_shown")], [made("p50", other)])[0].decision == "not_shown"


@pytest.mark.parametrize(
    ("value", "low", "high", "words"),
    [
        (1.041, 1.032, 1.05, "4.1 % [3.2, 5.0] slower"),
        (0.959, 0.95, 0.968, "4.1 % [3.2, 5.0] faster"),
        (1.003, 0.995, 1.011, "0.3 % [-0.5, 1.1] slower"),
        (0.9999, 0.999, 1.001, "0.01 % [-0.10, 0.10] faster"),
    ],
)
def test_a_ratio_in_words(value: float, low: float, high: float, words: str) -> None:
    """A sign that is read the wrong way round turns a verdict over."""
    estimate = Estimate(value=value, interval=Interval(low=low, high=high, level=0.95), n=10)
    assert by_how_much(estimate) == words


@pytest.mark.parametrize(
    ("ratio", "words"),
    [
        (1.08, "regressed beyond the noise floor of 5 %."),
        (1.0, "equivalent within the threshold of 2 %."),
        (1.03, "The threshold is 2 %, the noise floor 5 %."),
    ],
)
def test_the_sentence_names_the_limit_that_decided(ratio: float, words: str) -> None:
    """Equivalence is within what was asked for; a change is beyond what can be seen."""
    change = compare_paired("p50", *sides(ratio), 0.02, 0.05)
    assert verdict_of([change]).endswith(words)
    check = change_checks([change], "comparison")[0]
    assert check.name == "p50: B at most 5 % slower than A"
    assert "threshold 2 %, the noise floor 5 %" in check.message


def test_the_sentence_names_every_slower_metric() -> None:
    """The main metric comes first; what else is slower must not be found in a table only."""
    text = verdict_of([made("p50", "faster"), made("p90", "slower")])
    assert text.startswith(
        "B is 5.00 % [4.59, 5.41] faster than A (p50): improved beyond the threshold of 2 %."
    )
    assert text.endswith("But beyond the threshold of 2 %: p90 by 5.00 % [4.55, 5.45].")
