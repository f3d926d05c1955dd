"""The truths that the analysis is tried on, and what must hold of its answers.

Source of the bounds: nominal 95 % intervals should hold the truth 92 to 98 % of the time, tests at 5 % may
err in 5 % of their decisions; how much may be missed is this project's own choice.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from results import stats
from results.claims import Claim, load_claims
from results.compare import comparison
from results.compare.comparison import DEFAULT_THRESHOLD
from results.judge_latency import NS_PER_MS, judge_latency
from results.latency import LatencySummary
from results.selftest import simulate
from results.selftest.simulate import Order
from results.selftest.trials import Analyses, Bound, Case, Trial
from results.series import CLAIMED_MODEL, Series
from results.stats import DECIDING_LEVEL
from results.steady import INVALID

INFERENCES = 200
COVERAGE = Bound(low=0.92, high=0.98, nominal=0.95)
FALSE_ALARM = Bound(high=0.05)
SHIFT_MISSED = Bound(high=0.10)
STEP_MISSED = Bound(high=0.01)

_MEMORIES = (0.0, 0.5, 0.9)
_TRUTH_LAUNCHES = 10_000
_REPEATS = 2  # of a launch that was not steady, as a run's default has it
_COMMITS, _SHIFT = 40, 0.05
_DRIFT, _ARM_SD = 0.06, 0.01
_CHANGES = (0.0, DEFAULT_THRESHOLD, 0.03, 0.05)
_HOLDS = "interval holds"


def trials(*, quick: bool) -> tuple[Trial, ...]:
    """Every trial; `quick`: fewer cases, and fewer simulations of each."""
    return (
        coverage(quick=quick),
        comparisons(quick=quick),
        claims(quick=quick),
        histories(quick=quick),
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
        truths = _typical(rho)
        for _ in range(repeats):
            drawn = list(simulate.launches(generator, launches, INFERENCES, rho=rho, launch_sd=sd))
            if until_steady:
                for _ in range(_REPEATS):
                    unsteady = [i for i, one in enumerate(drawn) if analyses.classify(one).kind in INVALID]
                    again = simulate.launches(generator, len(unsteady), INFERENCES, rho=rho, launch_sd=sd)
                    for i, one in zip(unsteady, again, strict=True):
                        drawn[i] = one
            for answer, q in (("p50", 0.5), ("p90", 0.9)):
                interval = analyses.interval(drawn, q).interval
                hits[answer] += interval is not None and interval.low <= truths[answer] <= interval.high
        return hits

    name = f"{launches} launches, rho {rho:g}, spread {100 * sd:g} %" + (
        ", repeated until steady" if until_steady else ""
    )
    return Case(name=name, count=count, bounds={"p50": COVERAGE, "p90": COVERAGE})


@functools.cache
def _typical(rho: float) -> Mapping[str, float]:
    """Quantiles of a typical launch, ns, from a great many; launches' spread leaves them where they are."""
    drawn = simulate.launches(np.random.default_rng(0), _TRUTH_LAUNCHES, INFERENCES, rho=rho)
    p50, p90 = np.exp(np.log(np.quantile(drawn, (0.5, 0.9), axis=1)).mean(axis=1))
    return {"p50": float(p50), "p90": float(p90)}


def comparisons(*, quick: bool) -> Trial:
    """What a comparison of two arms says where the true change is known."""
    grid = (
        [(10, 0.0), (10, 0.05)]
        if quick
        else [(5, 0.0), (5, 0.05), *((10, size) for size in _CHANGES), (20, 0.0), (20, 0.03)]
    )
    more = () if quick else (_compared(10, 0.0, metrics=3), _compared(10, 0.0, order="sequential"))
    last = "The last row: the same drift, all of A before all of B. That is why `ab` takes turns."
    return Trial(
        id="comparison",
        title=f"What `ab` says of a true change of p50, threshold {100 * DEFAULT_THRESHOLD:g} %",
        answers=("slower", "faster", "equivalent", _HOLDS),
        repeats=300 if quick else 400,
        cases=(*(_compared(pairs, change) for pairs, change in grid), *more),
        lines=(
            f"Launches spread by {100 * _ARM_SD:g} %, and the device slows down by {100 * _DRIFT:g} % while "
            "it warms up. The interval is that of the ratio.",
            *(() if quick else (last,)),
        ),
    )


def _compared(pairs: int, change: float, order: Order = "pairs", metrics: int = 1) -> Case:
    """`metrics`: that many independent ones of the same change; slower is then what any of them is."""

    def count(generator: Generator, repeats: int, analyses: Analyses) -> Mapping[str, int]:
        said: Counter[str] = Counter()
        for _ in range(repeats):
            drawn = [
                simulate.arms(generator, pairs, change=change, launch_sd=_ARM_SD, drift=_DRIFT, order=order)
                for _ in range(metrics)
            ]
            changes = analyses.compare(tuple((f"m{i}", *ab) for i, ab in enumerate(drawn)), DEFAULT_THRESHOLD)
            said[comparison.overall(changes)] += 1
            interval = changes[0].ratio.interval
            said[_HOLDS] += interval is not None and interval.low <= 1 + change <= interval.high
        return {answer: said[answer] for answer in ("slower", "faster", "equivalent", _HOLDS)}

    shown = f"{100 * change:+g} %" if change else "no change"
    how = f"{pairs} of A, then {pairs} of B" if order == "sequential" else f"{pairs} pairs"
    name = f"{shown}, {how}" + (f", any of {metrics} metrics" if metrics > 1 else "")
    if order == "sequential":
        return Case(name=name, count=count)
    bounds = {"slower": FALSE_ALARM} if change <= DEFAULT_THRESHOLD else {}
    return Case(name=name, count=count, bounds=bounds | {"faster": FALSE_ALARM, _HOLDS: COVERAGE})


def claims(*, quick: bool) -> Trial:
    """What the latency claim's verdict is where the true latency is known."""
    grid = (
        [(64.0, 0.01, 10), (66.0, 0.01, 10)]
        if quick
        else [(ms, sd, k) for sd in (0.01, 0.03) for k in (5, 10) for ms in (62.0, 63.0, 64.0, 66.0, 68.0)]
    )
    claim = next(one for one in load_claims().claim if one.id == "latency")
    bound = claim.value * (1 + claim.margin.value)
    return Trial(
        id="claim",
        title=f"What the verdict says of {claim.value:g} ms, within {100 * claim.margin.value:g} %",
        answers=("reproduced", "not reproduced"),
        repeats=100 if quick else 200,
        cases=tuple(_claimed(claim, bound, ms, sd, k) for ms, sd, k in grid),
        lines=(f"Up to {bound:.1f} ms the claim is true. What is neither is inconclusive.",),
    )


def _claimed(claim: Claim, bound_ms: float, true_ms: float, sd: float, launches: int) -> Case:
    def count(generator: Generator, repeats: int, analyses: Analyses) -> Mapping[str, int]:
        said: Counter[str] = Counter()
        for _ in range(repeats):
            medians = simulate.medians(generator, launches, typical_ns=true_ms * NS_PER_MS, launch_sd=sd)
            said[judge_latency(claim, (), "simulated", _summary(medians)).status] += 1
        return {"reproduced": said["reproduced"], "not reproduced": said["not_reproduced"]}

    wrong = "not reproduced" if true_ms <= bound_ms else "reproduced"
    name = f"{true_ms:g} ms, {launches} launches, spread {100 * sd:g} %"
    return Case(name=name, count=count, bounds={wrong: FALSE_ALARM})


def _summary(medians_ns: NDArray[np.float64]) -> LatencySummary:
    """A run without any doubt, of which nothing but its launches' medians matters."""
    deciding = stats.over_launches(medians_ns, DECIDING_LEVEL)
    return LatencySummary(
        series=Series(model=CLAIMED_MODEL, recipe="simulated"),
        parity="passed",
        launches_total=medians_ns.size,
        launches_valid=medians_ns.size,
        launches_repeated=0,
        inferences=medians_ns.size * INFERENCES,
        p50=deciding,
        p90=deciding,
        p95=deciding,
        p99=deciding,
        deciding=deciding,
        with_repeated=None,
        medians_ns=tuple(map(float, medians_ns)),
        slow_starts=0,
        raw=True,
        doubts=(),
        remarks=(),
    )


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
    caught = Bound(low=1 - SHIFT_MISSED.high)
    return Case(name=name, count=count, bounds={"slower": caught} if (sd, lag) == (0.01, 3) else {})


def series(*, quick: bool) -> Trial:
    """How launches are classified whose course is known."""
    n = INFERENCES
    throttled = simulate.step(n, 0.05, 0.6)
    cases = [_classified("a step of 5 % at 60 %", rho, throttled, missed=STEP_MISSED) for rho in _MEMORIES]
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
    missed: Bound | None = None,
) -> Case:
    def count(generator: Generator, repeats: int, analyses: Analyses) -> Mapping[str, int]:
        drawn = simulate.launches(
            generator, repeats, INFERENCES, rho=rho, spike_share=spike_share, shape=shape
        )
        said = Counter(analyses.classify(launch).kind for launch in drawn)
        slower = said["slowdown"] + said["no_steady_state"]
        return {"flat": said["flat"], "warm-up": said["warmup"], "slower": slower}

    bounds = {} if missed is None else {"slower": Bound(low=1 - missed.high)}
    return Case(name=f"{what}, rho {rho:g}", count=count, bounds=bounds)
