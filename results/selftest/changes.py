"""What comparisons say where the true change is known: of two arms, of whole launches, and of two runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from results.compare import comparison
from results.compare.comparison import DEFAULT_THRESHOLD, MetricChange
from results.selftest import simulate
from results.selftest.attempts import REPEATS, Slot, chosen, run_slots
from results.selftest.simulate import INFERENCES, Order
from results.selftest.trials import COVERAGE, FALSE_ALARM, SHIFT_CAUGHT, Analyses, Bound, Case, Trial

_DRIFT, _ARM_SD = 0.06, 0.01
_CHANGES = (0.0, DEFAULT_THRESHOLD, 0.03, 0.05)
_SHIFT = 0.05
_HOLDS = "interval holds"
_ANSWERS = ("slower", "faster", "equivalent", _HOLDS)
_QUANTILES = {"p50": 0.5, "p90": 0.9}
_PAIRS, _RHO, _THROTTLED = 10, 0.5, 0.2


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
        answers=_ANSWERS,
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
            _note(said, changes, change)
        return {answer: said[answer] for answer in _ANSWERS}

    how = f"{pairs} of A, then {pairs} of B" if order == "sequential" else f"{pairs} pairs"
    name = f"{_shown(change)}, {how}" + (f", any of {metrics} metrics" if metrics > 1 else "")
    if order == "sequential":
        return Case(name=name, count=count)
    bounds = {"slower": FALSE_ALARM} if change <= DEFAULT_THRESHOLD else {}
    return Case(name=name, count=count, bounds=bounds | {"faster": FALSE_ALARM, _HOLDS: COVERAGE})


def whole_launches(*, quick: bool) -> Trial:
    """What a comparison of two arms says of simulated inferences, where unsteady launches are repeated."""
    grid = [(0.0, "B"), (_SHIFT, "A")] if quick else [(0.0, "B"), (_SHIFT, "B"), (_SHIFT, "A")]
    return Trial(
        id="whole",
        title=f"What `ab` says of p50 and p90 of whole launches, {_PAIRS} pairs, threshold "
        f"{100 * DEFAULT_THRESHOLD:g} %",
        answers=_ANSWERS,
        repeats=100 if quick else 200,
        cases=tuple(_whole(change, throttled) for change, throttled in grid),
        lines=(
            f"Launches of {INFERENCES} inferences, rho {_RHO:g}, spread {100 * _ARM_SD:g} %. A throttled "
            f"launch is {100 * simulate.DISTURBED:g} % slower from some place on. What is not steady is "
            f"repeated up to {REPEATS} times, and every launch that ran has to say the same.",
            "slower: by p50 or by p90; the interval is that of p50's ratio.",
        ),
    )


def _whole(change: float, throttled: str) -> Case:
    """`throttled`: the arm of which a share of launches is disturbed, "A" or "B"."""

    def count(generator: Generator, repeats: int, analyses: Analyses) -> Mapping[str, int]:
        said: Counter[str] = Counter()
        for _ in range(repeats):
            a, b = (
                run_slots(_PAIRS, lambda n: _launches(generator, n, *of), analyses)  # noqa: B023
                for of in ((0.0, throttled == "A"), (change, throttled == "B"))
            )
            _note(said, _changes(a, b, analyses), change)
        return {answer: said[answer] for answer in _ANSWERS}

    name = f"{_shown(change)}, {100 * _THROTTLED:g} % of {throttled}'s launches throttled"
    slower = FALSE_ALARM if change <= DEFAULT_THRESHOLD else SHIFT_CAUGHT
    return Case(name=name, count=count, bounds={"slower": slower, "faster": FALSE_ALARM, _HOLDS: COVERAGE})


def _launches(generator: Generator, count: int, change: float, throttled: bool) -> NDArray[np.int64]:
    shape = simulate.disturbances(generator, count, INFERENCES, throttled=_THROTTLED * throttled)
    shape += np.log1p(change)
    return simulate.launches(generator, count, INFERENCES, rho=_RHO, launch_sd=_ARM_SD, shape=shape)


def _changes(a: Sequence[Slot], b: Sequence[Slot], analyses: Analyses) -> tuple[MetricChange, ...]:
    """Over the pairs of which both launches are valid, and as an `ab` run has it, over every one that ran."""
    pairs = list(zip(a, b, strict=True))
    valid = [pair for pair in pairs if all(slot.valid for slot in pair)]
    last = {
        name: np.array([[np.quantile(slot.attempts[-1], q) for slot in pair] for pair in valid])
        for name, q in _QUANTILES.items()
    }
    changes = analyses.compare(_metrics(last), DEFAULT_THRESHOLD)
    if not chosen((*a, *b)):
        return changes
    ran = {
        name: np.array([[_over_attempts(slot, q) for slot in pair] for pair in pairs])
        for name, q in _QUANTILES.items()
    }
    return comparison.confirmed(changes, analyses.compare(_metrics(ran), DEFAULT_THRESHOLD))


def _metrics(
    values: Mapping[str, NDArray[np.float64]],
) -> tuple[tuple[str, NDArray[np.float64], NDArray[np.float64]], ...]:
    """By name, of shape (pairs, 2)."""
    return tuple((name, *own.reshape(-1, 2).T) for name, own in values.items())


def _over_attempts(slot: Slot, q: float) -> float:
    """The geometric mean, as an `ab` run takes it."""
    return float(np.exp(np.mean(np.log([np.quantile(launch, q) for launch in slot.attempts]))))


_NO_BOUND = (
    "Where runs differ by 2 %, or by 1 % with launches that hardly do, more than 5 % of equal runs come out "
    "slower. Two runs cannot tell how runs differ, so this is no bound that `compare` could hold."
)


def two_runs(*, quick: bool) -> Trial:
    """What a comparison of two recorded runs says, which knows their launches but not how runs differ."""
    spreads = (0.0, 0.01) if quick else (0.0, 0.01, 0.02)
    cases = [_two_runs(0.0, run_sd) for run_sd in spreads]
    if not quick:
        cases += [_two_runs(0.0, 0.01, launch_sd=0.003), *(_two_runs(_SHIFT, run_sd) for run_sd in spreads)]
    return Trial(
        id="runs",
        title=f"What `compare` says of p50 of two runs of {_PAIRS} launches, threshold "
        f"{100 * DEFAULT_THRESHOLD:g} %",
        answers=_ANSWERS,
        repeats=200 if quick else 300,
        cases=tuple(cases),
        lines=(
            "Spread between runs: of what all launches of a run share, one standard deviation. The interval "
            "is about the launches of these two runs alone, and holds the true change far less often where "
            "runs differ by themselves. `ab` measures both sides in one run.",
            *(() if quick else (_NO_BOUND,)),
        ),
    )


def _two_runs(change: float, run_sd: float, launch_sd: float = _ARM_SD) -> Case:
    def count(generator: Generator, repeats: int, analyses: Analyses) -> Mapping[str, int]:
        said: Counter[str] = Counter()
        for _ in range(repeats):
            drawn = simulate.two_runs(generator, _PAIRS, change=change, launch_sd=launch_sd, run_sd=run_sd)
            _note(said, analyses.compare_runs((("p50", *drawn),), DEFAULT_THRESHOLD), change)
        return {answer: said[answer] for answer in _ANSWERS}

    name = (
        f"{_shown(change)}, spread {100 * run_sd:g} % between runs and {100 * launch_sd:g} % between launches"
    )
    bounds: dict[str, Bound] = {}
    if change <= DEFAULT_THRESHOLD and run_sd <= launch_sd:
        bounds = {"slower": FALSE_ALARM, "faster": FALSE_ALARM}
    return Case(name=name, count=count, bounds=bounds if run_sd else bounds | {_HOLDS: COVERAGE})


def _note(said: Counter[str], changes: Sequence[MetricChange], change: float) -> None:
    """Count what was said, and whether the first metric's interval holds the true change."""
    said[comparison.overall(changes)] += 1
    interval = changes[0].ratio.interval
    said[_HOLDS] += interval is not None and interval.low <= 1 + change <= interval.high


def _shown(change: float) -> str:
    return f"{100 * change:+g} %" if change else "no change"
