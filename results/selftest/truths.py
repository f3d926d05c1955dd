"""The truths that the analysis is tried on: intervals, comparisons, verdicts, histories and launches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from results.compare.comparison import DEFAULT_THRESHOLD
from results.selftest import simulate
from results.selftest.attempts import counting, run_slots
from results.selftest.changes import comparisons, two_runs, whole_launches
from results.selftest.simulate import INFERENCES
from results.selftest.trials import (
    COVERAGE,
    FALSE_ALARM,
    SHIFT_CAUGHT,
    STEP_CAUGHT,
    Analyses,
    Bound,
    Case,
    Trial,
)
from results.selftest.verdicts import claims, disturbed

_MEMORIES = (0.0, 0.5, 0.9)
_COMMITS, _SHIFT, _YEAR = 40, 0.05, 100


def trials(*, quick: bool) -> tuple[Trial, ...]:
    """Every trial; `quick`: fewer cases, and fewer simulations of each."""
    return (
        coverage(quick=quick),
        comparisons(quick=quick),
        whole_launches(quick=quick),
        two_runs(quick=quick),
        claims(quick=quick),
        disturbed(quick=quick),
        histories(quick=quick),
        *(() if quick else (years(),)),
        series(quick=quick),
    )


def coverage(*, quick: bool) -> Trial:
    """How often the 95 % intervals of p50 and p90 hold the truth."""
    grid = (
        [(10, 0.0, 0.0), (10, 0.0, 0.015), (10, 0.9, 0.015)]
        if quick
        else [(k, rho, sd) for k in (5, 10, 20) for rho in _MEMORIES for sd in (0.0, 0.015, 0.03)]
    )
    chosen = () if quick else (_coverage(10, 0.9, 0.015, until_steady=True),)
    return Trial(
        id="coverage",
        title=f"How often the 95 % interval of a typical launch of {INFERENCES} inferences holds the truth",
        answers=("p50", "p90"),
        repeats=400 if quick else 600,
        cases=(*(_coverage(launches, rho, sd) for launches, rho, sd in grid), *chosen),
        lines=(
            "rho: how far an inference remembers the one before (AR(1)); spread: of one launch to the next, "
            "one standard deviation.",
        ),
    )


def _coverage(launches: int, rho: float, sd: float, *, until_steady: bool = False) -> Case:
    """`until_steady`: launches that are called slower or never steady are repeated, as in a run."""

    def count(generator: Generator, repeats: int, analyses: Analyses) -> Mapping[str, int]:
        hits: Counter[str] = Counter(p50=0, p90=0)
        truths = simulate.typical(rho)

        def draw(count: int) -> NDArray[np.int64]:
            return simulate.launches(generator, count, INFERENCES, rho=rho, launch_sd=sd)

        for _ in range(repeats):
            drawn = counting(run_slots(launches, draw, analyses)) if until_steady else list(draw(launches))
            for answer, q in (("p50", 0.5), ("p90", 0.9)):
                interval = analyses.interval(drawn, q).interval
                hits[answer] += interval is not None and interval.low <= truths[answer] <= interval.high
        return hits

    name = f"{launches} launches, rho {rho:g}, spread {100 * sd:g} %" + (
        ", repeated until steady" if until_steady else ""
    )
    return Case(name=name, count=count, bounds={"p50": COVERAGE, "p90": COVERAGE})


def histories(*, quick: bool) -> Trial:
    """What the gate says of a history, at the newest run."""
    steady = [(0.01, None), (0.01, 3)] if quick else [(sd, lag) for sd in (0.01, 0.02) for lag in _LAGS]
    return Trial(
        id="history",
        title="What `gate` says at the newest run of a history",
        answers=("slower", "suspect", "neither"),
        repeats=200 if quick else 500,
        cases=tuple(_gated(sd, lag) for sd, lag in steady),
        lines=(
            f"{_COMMITS} runs before the change, which remember a little of the run before (AR(1), "
            f"{simulate.RUN_MEMORY:g}); {100 * simulate.HOT_SHARE:g} % of all runs on a hot device, "
            f"{100 * simulate.HOT_MEAN:g} % slower on average.",
            "Each share is of one look at one series: a gate that looks after every commit, or at several "
            "series, has a false alarm more often.",
        ),
    )


_LAGS = (None, 1, 3, 5, 8)


def _gated(sd: float, lag: int | None) -> Case:
    def count(generator: Generator, repeats: int, analyses: Analyses) -> Mapping[str, int]:
        said: Counter[str] = Counter()
        for _ in range(repeats):
            runs = _COMMITS + (lag or 0)
            values = simulate.history(generator, runs, sd=sd, shift=_SHIFT, since=_COMMITS if lag else None)
            said[analyses.examine(values, DEFAULT_THRESHOLD).kind] += 1
        known = said["slower"] + said["suspect"]
        return {"slower": said["slower"], "suspect": said["suspect"], "neither": repeats - known}

    noise = f"noise {100 * sd:g} %"
    if lag is None:
        return Case(name=f"no change, {noise}", count=count, bounds={"slower": FALSE_ALARM})
    name = f"{100 * _SHIFT:+g} % since {lag} run{'s' * (lag > 1)}, {noise}"
    return Case(name=name, count=count, bounds={"slower": SHIFT_CAUGHT} if (sd, lag) == (0.01, 3) else {})


def years() -> Trial:
    """How often the gate is wrong at least once where it looks after every commit."""
    return Trial(
        id="year",
        title=f"What `gate` says in a year of {_YEAR} commits, looking after each",
        answers=("slower, at least once", "suspect, at least once"),
        repeats=100,
        cases=(_year(0.01),),
        lines=(
            f"For information: one series, {_COMMITS} runs before the year. A false alarm stands until it is "
            "acknowledged, or for ten runs; `ab` tells it from a change.",
        ),
    )


def _year(sd: float) -> Case:
    def count(generator: Generator, repeats: int, analyses: Analyses) -> Mapping[str, int]:
        said: Counter[str] = Counter()
        for _ in range(repeats):
            values = simulate.history(generator, _COMMITS + _YEAR, sd=sd)
            looks = range(_COMMITS + 1, values.size + 1)
            said.update({analyses.examine(values[:end], DEFAULT_THRESHOLD).kind for end in looks})
        return {f"{kind}, at least once": said[kind] for kind in ("slower", "suspect")}

    return Case(name=f"a year of {_YEAR} commits without change, noise {100 * sd:g} %", count=count)


def series(*, quick: bool) -> Trial:
    """How launches are classified whose course is known."""
    n = INFERENCES
    throttled = simulate.step(n, 0.05, 0.6)
    cases = [_classified("a step of 5 % at 60 %", rho, throttled, caught=STEP_CAUGHT) for rho in _MEMORIES]
    cases += [_classified("flat", rho, None) for rho in _MEMORIES]
    if not quick:
        cases += [
            _classified("flat, 15 % of inferences slow", rho, None, spike_share=0.15) for rho in _MEMORIES
        ]
        cases += [_classified("a ramp of 3 %", rho, simulate.ramp(n, 0.03)) for rho in _MEMORIES]
        cases += [_classified("a decay of 20 %", rho, simulate.decay(n, 0.2, 15.0)) for rho in _MEMORIES]
    return Trial(
        id="launches",
        title=f"How one launch of {n} inferences is classified",
        answers=("flat", "warm-up", "slower"),
        repeats=300 if quick else 400,
        cases=tuple(cases),
        lines=("slower: slowdown or no steady state, which both make a launch invalid.",),
    )


def _classified(
    what: str,
    rho: float,
    shape: NDArray[np.float64] | None,
    *,
    spike_share: float = simulate.SPIKE_SHARE,
    caught: Bound | None = None,
) -> Case:
    def count(generator: Generator, repeats: int, analyses: Analyses) -> Mapping[str, int]:
        drawn = simulate.launches(
            generator, repeats, INFERENCES, rho=rho, spike_share=spike_share, shape=shape
        )
        said = Counter(analyses.classify(launch).kind for launch in drawn)
        slower = said["slowdown"] + said["no_steady_state"]
        return {"flat": said["flat"], "warm-up": said["warmup"], "slower": slower}

    bounds = {} if caught is None else {"slower": caught}
    return Case(name=f"{what}, rho {rho:g}", count=count, bounds=bounds)
