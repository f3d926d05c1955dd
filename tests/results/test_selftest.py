"""The self-check: the real analysis holds its bounds, and an analysis that is broken is found out."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchmark.cli import call
from results.claims import Claim
from results.compare import comparison
from results.fold import Status
from results.latency import LatencySummary
from results.report.model import Outcome
from results.report.text import as_text
from results.selftest import simulate, truths, verdicts
from results.selftest.attempts import chosen, counting, every, run_slots
from results.selftest.report import report
from results.selftest.trials import Analyses, Bound, Case, Trial
from results.selftest.verdicts import disturbed
from results.stats import Estimate, Interval
from tests.results.selftest_page import PAGE, markdown, rows

SEED = 20260101


def one_case(trial: Trial, name: str, repeats: int) -> tuple[Trial, ...]:
    """A trial's case of this name alone, simulated less often."""
    (case,) = (case for case in trial.cases if case.name == name)
    return (dataclasses.replace(trial, cases=(case,), repeats=repeats),)


def test_the_real_analysis_holds_every_bound(capsys: pytest.CaptureFixture[str]) -> None:
    """What users are told of intervals and decisions has to be true: the bounds, through the command."""
    assert call(["selftest", "--quick", "--seed", str(SEED)]) == 0
    said = capsys.readouterr().out
    words = [
        line.split()[-1] for line in said.splitlines() if "<= " in line or ">= " in line or "92 to" in line
    ]
    assert words.count("ok") == len(words) == 18


def test_the_bounds_are_those_that_were_promised() -> None:
    """A bound that was loosened would let everything pass."""
    bounds = {
        (trial.id, case.name): dict(case.bounds)
        for trial in truths.trials(quick=True)
        for case in trial.cases
    }
    covered = {answer: Bound(low=0.92, high=0.98, nominal=0.95) for answer in ("p50", "p90")}
    assert bounds["coverage", "10 launches, rho 0.9, spread 1.5 %"] == covered
    assert bounds["comparison", "no change, 10 pairs"]["slower"] == Bound(high=0.05)
    whole = {"faster": Bound(high=0.05), "interval holds": covered["p50"]}
    assert bounds["whole", "no change, 20 % of B's launches throttled"] == whole | {
        "slower": Bound(high=0.05)
    }
    assert bounds["whole", "+5 %, 20 % of A's launches throttled"] == whole | {"slower": Bound(low=0.9)}
    runs = "no change, spread 1 % between runs and 1 % between launches"
    assert bounds["runs", runs] == {"slower": Bound(high=0.05), "faster": Bound(high=0.05)}
    wrong = {"reproduced": Bound(high=0.05), "not reproduced": Bound(high=0.05)}
    between = "64.8 ms, 40 % of launches throttled"
    assert bounds["disturbed", between] == wrong | {"interval holds": covered["p50"]}
    assert bounds["history", "no change, noise 1 %"] == {"slower": Bound(high=0.05)}
    assert bounds["history", "+5 % since 3 runs, noise 1 %"] == {"slower": Bound(low=0.9)}
    assert bounds["launches", "a step of 5 % at 60 %, rho 0.9"] == {"slower": Bound(low=0.99)}


def pooled(launches: list[np.ndarray], q: float) -> Estimate:
    """What many tools do: one interval over all inferences, as if launches did not differ."""
    every = np.sort(np.concatenate(launches))
    low, high = scipy_stats.binom.interval(0.95, every.size, q)
    interval = Interval(low=float(every[int(low) - 1]), high=float(every[int(high)]), level=0.95)
    return Estimate(value=float(np.quantile(every, q)), interval=interval, n=every.size)


def by_value(metrics: tuple[Any, ...], threshold: float) -> tuple[comparison.MetricChange, ...]:
    """Decided by the ratio, whatever its interval."""
    changes = [comparison.compare_paired(name, a, b, threshold) for name, a, b in metrics]
    return tuple(
        dataclasses.replace(
            one, decision="slower" if (one.ratio.value or 0) > 1 + threshold else "equivalent"
        )
        for one in changes
    )


def by_sign(metrics: tuple[Any, ...], threshold: float) -> tuple[comparison.MetricChange, ...]:
    """Slower where the ratio is above 1, as a page of numbers is often read."""
    return by_value(metrics, 0.0)


def without_repeated(claim: Claim, summary: LatencySummary) -> Status:
    """The verdict of the launches that were chosen, whatever those say that were not."""
    return Analyses().judge(claim, dataclasses.replace(summary, with_repeated=None))


def says(kind: str) -> Callable[..., SimpleNamespace]:
    """An analysis that always has the same answer."""
    return lambda *_: SimpleNamespace(kind=kind)


@pytest.mark.parametrize(
    ("broken", "trial", "case"),
    [
        ({"interval": pooled}, "coverage", "10 launches, rho 0, spread 1.5 %"),
        ({"compare": by_value}, "comparison", "+2 %, 10 pairs"),
        ({"compare": by_sign}, "whole", "no change, 20 % of B's launches throttled"),
        (
            {"compare_runs": by_sign},
            "runs",
            "no change, spread 1 % between runs and 1 % between launches",
        ),
        ({"judge": without_repeated}, "disturbed", "64.8 ms, 40 % of launches throttled"),
        ({"examine": says("slower")}, "history", "no change, noise 1 %"),
        ({"examine": says("steady")}, "history", "+5 % since 3 runs, noise 1 %"),
        ({"classify": says("flat")}, "launches", "a step of 5 % at 60 %, rho 0"),
    ],
)
def test_a_broken_analysis_is_off(broken: dict[str, Any], trial: str, case: str) -> None:
    """A self-check that cannot fail says nothing: each kind of analysis, broken, is noticed at once."""
    (tried,) = (one for one in truths.trials(quick=False) if one.id == trial)
    only = one_case(tried, case, 40 if trial == "whole" else 100)
    view = report(only, SEED, Analyses(**broken))
    assert (view.outcome, view.checks[0].outcome) == ("failed", "failed")
    assert view.tables[0].rows[0][-1] == "off"
    assert report(only, SEED).outcome != "failed"


@pytest.mark.parametrize(
    ("hits", "outcome", "word"),
    [
        (95, "passed", "ok"),
        (90, "undecided", "unclear"),
        (60, "failed", "off"),
        (100, "undecided", "unclear"),
    ],
)
def test_too_few_simulations_are_said_to_be_too_few(hits: int, outcome: Outcome, word: str) -> None:
    """90 of 100 does not show that the truth is below 92 %, and does not show that it is not."""
    case = Case(name="a case", count=lambda *_: {"held": hits}, bounds={"held": Bound(low=0.92, high=0.98)})
    trial = Trial(id="some", title="Some", answers=("held",), repeats=100, cases=(case,))
    view = report((trial,), SEED)
    assert (view.outcome, view.tables[0].rows[0][-1]) == (outcome, word)
    assert ("another --seed" in view.verdict) == (word == "unclear")


def test_the_same_seed_gives_the_same_bytes() -> None:
    """A report that changes by itself cannot be reviewed; and a seed that changes nothing is no seed."""
    case = one_case(truths.series(quick=False), "flat, rho 0.9", 50)
    assert as_text(report(case, SEED)) == as_text(report(case, SEED))
    assert report(case, SEED).tables[0].rows != report(case, SEED + 1).tables[0].rows


def test_a_negative_seed_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    """NumPy would answer it with a traceback."""
    assert call(["selftest", "--seed", "-1"]) == 2
    assert "--seed -1 is below 0" in capsys.readouterr().err


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_noise_is_as_large_and_remembers_as_much_as_asked(rho: float) -> None:
    """If the simulation were tamer than it says, every bound would hold for the wrong reason."""
    drawn = simulate.noise(np.random.default_rng(0), 500, 200, rho, 0.01)
    assert drawn.std() == pytest.approx(0.01, rel=0.03)
    assert drawn[:, 0].std() == pytest.approx(0.01, rel=0.15)
    assert np.corrcoef(drawn[:, :-1].ravel(), drawn[:, 1:].ravel())[0, 1] == pytest.approx(rho, abs=0.01)


def test_launches_differ_and_have_slow_inferences_as_asked() -> None:
    """The launch's own share of the spread, and the slow tail, are what pooled intervals fail on."""
    drawn = simulate.launches(np.random.default_rng(0), 400, 200, launch_sd=0.03)
    medians = np.median(drawn, axis=1)
    assert np.log(medians).std() == pytest.approx(0.03, rel=0.1)
    assert (drawn > 1.1 * medians[:, None]).mean() == pytest.approx(0.03 * np.exp(-0.1 / 0.25), rel=0.15)


def test_drift_falls_on_one_arm_only_where_the_order_lets_it() -> None:
    """All of A before all of B makes the drift look like a change; random pairs do not."""

    def change(order: simulate.Order) -> float:
        generator = np.random.default_rng(0)
        drawn = [
            simulate.arms(generator, 10, change=0.05, launch_sd=0.001, drift=0.06, order=order)
            for _ in range(300)
        ]
        return float(np.mean([np.log(b / a).mean() for a, b in drawn]))

    assert np.expm1(change("pairs")) == pytest.approx(0.05, abs=0.001)
    assert np.expm1(change("sequential")) > 0.07


def test_disturbed_launches_are_slower_for_a_part_at_any_place() -> None:
    """A step that were always in the middle would always be found, and choosing would look harmless."""
    drawn = simulate.disturbances(np.random.default_rng(0), 4000, 200, throttled=0.2, hot=0.1) > 0
    assert drawn.mean() == pytest.approx((0.2 + 0.1) / 2, abs=0.01)
    assert (~drawn[:, 0] & drawn[:, -1]).mean() == pytest.approx(0.2, abs=0.02)
    assert (drawn[:, 0] & ~drawn[:, -1]).mean() == pytest.approx(0.1, abs=0.02)
    steps = np.diff(drawn.astype(int), axis=1)
    assert np.abs(steps).sum(axis=1).max() == 1
    assert steps.argmax(axis=1)[steps.any(axis=1) & (steps.max(axis=1) > 0)].std() > 50


def test_runs_share_what_their_launches_do_not_show() -> None:
    """The spread between runs has to be in all launches of a run, or `compare` would see it."""
    generator = np.random.default_rng(0)
    drawn = [simulate.two_runs(generator, 10, change=0.0, launch_sd=0.001, run_sd=0.02) for _ in range(1000)]
    logs = np.log(np.array(drawn)).mean(axis=2)
    assert (logs[:, 1] - logs[:, 0]).std() == pytest.approx(0.02 * np.sqrt(2), rel=0.1)
    assert np.log(np.array(drawn)).std(axis=2).mean() == pytest.approx(0.001, rel=0.1)


def test_a_launch_is_repeated_as_in_a_run_and_none_is_lost() -> None:
    """Three attempts at most, the last of which counts where it is valid; all stay for the other verdict."""
    kinds = iter(["slowdown", "flat", "slowdown", "flat", "no_steady_state", "slowdown"])
    analyses = Analyses(classify=lambda _: SimpleNamespace(kind=next(kinds)))
    numbers = iter(range(100))
    slots = run_slots(3, lambda n: np.array([[next(numbers)] for _ in range(n)]), analyses)
    assert [[int(one[0]) for one in slot.attempts] for slot in slots] == [[0, 3], [1], [2, 4, 5]]
    assert [slot.valid for slot in slots] == [True, True, False]
    assert [int(one[0]) for one in counting(slots)] == [3, 1]
    assert len(every(slots)) == 6
    assert chosen(slots)
    assert not chosen(slots[1:2])


def test_the_launches_that_ran_lie_beyond_the_bound_where_the_row_says_so() -> None:
    """Were both truths on one side, the row would hold without the rule that every launch has a say."""
    _, bound_ms = verdicts._claim()
    words = disturbed(quick=True).cases[-1].name.split()
    true_ns, throttled = float(words[0]) * 1e6, float(words[2]) / 100
    ran = verdicts._launches(np.random.default_rng(0), 5000, true_ns, throttled, 0.0)
    typical = np.exp(np.log(np.median(ran, axis=1)).mean())
    assert true_ns < bound_ms * 1e6 < typical


def test_the_page_shows_the_current_cases() -> None:
    """docs/statistics.md is made by hand (`make statistics`): a case that was changed must be made anew."""
    shown = rows(PAGE.read_text(encoding="utf-8"))
    every = truths.trials(quick=False)
    assert [case.name for trial in every for case in trial.cases if case.name not in shown] == []
    cheap = {
        "runs": "no change, spread 2 % between runs and 1 % between launches",
        "claim": "66 ms, 5 launches, spread 3 %",
        "history": "no change, noise 2 %",
        "launches": "flat, rho 0.9",
    }
    for trial in every:
        if trial.id in cheap:
            anew = rows(markdown(one_case(trial, cheap[trial.id], trial.repeats)))
            assert shown[cheap[trial.id]] == anew[cheap[trial.id]]
