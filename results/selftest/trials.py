"""A trial of the analysis: cases whose truth is known, how often each answer came, and what must hold."""

from __future__ import annotations

import gc
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from results import shares, stats, steady
from results.claims import Claim
from results.compare import comparison
from results.compare.comparison import MetricChange
from results.fold import Status
from results.history import gate
from results.judge_latency import judge_latency
from results.latency import LatencySummary
from results.report.model import Check, Outcome, Table, quantity
from results.stats import SHOWN_LEVEL, Estimate

# A name, and one value per launch of A and of B, paired by place.
Metric = tuple[str, NDArray[np.float64], NDArray[np.float64]]

OK, OFF, UNCLEAR = "ok", "off", "unclear"
_OUTCOMES: dict[str, Outcome] = {OK: "passed", OFF: "failed", UNCLEAR: "undecided"}


def _interval(launches: list[NDArray[np.int64]], q: float) -> Estimate:
    return stats.typical(launches, q, SHOWN_LEVEL)


def _compare(metrics: tuple[Metric, ...], threshold: float) -> tuple[MetricChange, ...]:
    return comparison.decide([comparison.compare_paired(name, a, b, threshold) for name, a, b in metrics])


def _compare_runs(metrics: tuple[Metric, ...], threshold: float) -> tuple[MetricChange, ...]:
    return comparison.decide(
        [comparison.compare_independent(name, a, b, threshold) for name, a, b in metrics]
    )


def _judge(claim: Claim, summary: LatencySummary) -> Status:
    return judge_latency(claim, (), summary.recipe, summary).status


@dataclass(frozen=True, slots=True, kw_only=True)
class Analyses:
    """What is tried: the code that runs and reports use, unless a test puts a broken one in its place."""

    interval: Callable[[list[NDArray[np.int64]], float], Estimate] = _interval
    compare: Callable[[tuple[Metric, ...], float], tuple[MetricChange, ...]] = _compare
    compare_runs: Callable[[tuple[Metric, ...], float], tuple[MetricChange, ...]] = _compare_runs
    judge: Callable[[Claim, LatencySummary], Status] = _judge
    classify: Callable[[NDArray[np.int64]], steady.Steady] = steady.classify
    examine: Callable[[NDArray[np.float64], float], gate.Finding] = gate.examine


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the share of an answer must lie within, 0 to 1; `nominal`: what it is said to be, if anything."""

    low: float = 0.0
    high: float = 1.0
    nominal: float | None = None

    def __str__(self) -> str:
        if self.low == 0.0:
            return f"<= {100 * self.high:g} %"
        if self.high == 1.0:
            return f">= {100 * self.low:g} %"
        nominal = "" if self.nominal is None else f"{100 * self.nominal:g} %, that is "
        return f"{nominal}{100 * self.low:g} to {100 * self.high:g} %"


# Source: nominal 95 % intervals should hold the truth 92 to 98 % of the time, tests at 5 % may err in 5 % of
# their decisions; how much may be missed is this project's own choice.
COVERAGE = Bound(low=0.92, high=0.98, nominal=0.95)
FALSE_ALARM = Bound(high=0.05)
SHIFT_CAUGHT = Bound(low=0.90)
STEP_CAUGHT = Bound(low=0.99)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One truth. `count`: answers of each kind in so many simulations; `bounds`: of answers that have one."""

    name: str
    count: Callable[[Generator, int, Analyses], Mapping[str, int]]
    bounds: Mapping[str, Bound] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Cases of one kind, each simulated `repeats` times; `answers` are its columns."""

    id: str
    title: str
    answers: tuple[str, ...]
    repeats: int
    cases: tuple[Case, ...]
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One case's shares by answer, and what they say of its bounds: "ok", "off", "unclear"; "" without any.

    Unclear: a share lies outside, but its Wilson interval reaches inside, so that more simulations decide.
    """

    case: Case
    shares: Mapping[str, Estimate]
    word: str


def try_case(case: Case, repeats: int, seed: int, analyses: Analyses) -> Tried:
    """Simulate one case. Its numbers follow from the seed and its name alone, whatever else is simulated."""
    generator = np.random.default_rng([seed, zlib.crc32(case.name.encode())])
    # statsmodels collects garbage in each call of multipletests, 30 ms of it with all that is imported.
    gc.freeze()
    try:
        hits = case.count(generator, repeats, analyses)
    finally:
        gc.unfreeze()
    found = {answer: shares.wilson(count, repeats, SHOWN_LEVEL) for answer, count in hits.items()}
    words = {_word(found[answer], bound) for answer, bound in case.bounds.items()}
    worst = next((word for word in (OFF, UNCLEAR, OK) if word in words), "")
    return Tried(case=case, shares=found, word=worst)


def _word(share: Estimate, bound: Bound) -> str:
    assert share.value is not None
    assert share.interval is not None
    if bound.low <= share.value <= bound.high:
        return OK
    return OFF if share.interval.high < bound.low or share.interval.low > bound.high else UNCLEAR


def table(trial: Trial, tried: tuple[Tried, ...]) -> Table:
    """One row per case: the share of each answer with its interval, what must hold, and whether it does."""
    return Table(
        id=trial.id,
        title=f"{trial.title}; {trial.repeats} simulations each [Wilson 95 %]",
        columns=("truth", *trial.answers, "must hold", ""),
        rows=tuple(
            (
                one.case.name,
                *(quantity(one.shares[a], "%", 1, 100) if a in one.shares else "-" for a in trial.answers),
                must_hold(one.case),
                one.word,
            )
            for one in tried
        ),
        lines=trial.lines,
    )


def must_hold(case: Case) -> str:
    """A case's bounds in words; those that are the same are said once."""
    return "; ".join(
        f"{', '.join(a for a, b in case.bounds.items() if b == bound)} {bound}"
        for bound in dict.fromkeys(case.bounds.values())
    )


def check(trial: Trial, tried: Tried) -> Check:
    """What a CI is told of one case that has bounds."""
    found = ", ".join(f"{a} {quantity(tried.shares[a], '%', 1, 100)}" for a in tried.case.bounds)
    return Check(
        group=f"selftest.{trial.id}",
        name=tried.case.name,
        outcome=_OUTCOMES[tried.word],
        message=f"{found}; must hold: {must_hold(tried.case)}",
    )
