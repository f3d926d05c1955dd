"""A comparison in sentences: how much slower or faster, with which certainty, beyond which threshold."""

from __future__ import annotations

from collections.abc import Sequence

from results.compare.comparison import MetricChange
from results.compare.metrics import LOAD
from results.stats import Estimate

# Of two arms in turns a cause is found; of two runs only that these two differ.
_OF_ARMS = {"slower": "regressed", "faster": "improved"}
_OF_RUNS = dict.fromkeys(_OF_ARMS, "the two differ")
_IN_RUNS = " in this pair of runs"


def by_how_much(ratio: Estimate) -> str:
    """A ratio of B to A as B's change: "4.1 % [3.2, 5.0] slower"; the interval is 95 %."""
    if ratio.value is None:
        return ratio.reason or "unknown"
    slower = ratio.value >= 1
    sign = 100 if slower else -100
    limits = [] if ratio.interval is None else [ratio.interval.low, ratio.interval.high]
    digits = 2 if limits and limits[1] - limits[0] < 0.01 else 1
    text = f"{(ratio.value - 1) * sign:z.{digits}f} %"
    if limits:
        low, high = sorted((limit - 1) * sign for limit in limits)
        text += f" [{low:z.{digits}f}, {high:z.{digits}f}]"
    return f"{text} {'slower' if slower else 'faster'}"


def in_percent(share: float) -> str:
    """A threshold or a noise floor, to a tenth of a percent, or a hundredth below one."""
    return f"{share * 100:.2g} %" if share < 0.01 else f"{share * 100:.3g} %"


def verdict_of(changes: Sequence[MetricChange], *, of_runs: bool = False) -> str:
    """The sentence of a whole comparison, whose first metric is the main one.

    `of_runs`: of two recorded runs, about which it is all that is said.
    """
    main, *others = changes
    told = f"B is {by_how_much(main.ratio)} than A ({main.name}){_IN_RUNS if of_runs else ''}"
    within, beyond = f"the threshold of {in_percent(main.threshold)}", _beyond(main)
    if main.ratio.value is None:
        text = f"Not shown: {main.reason}."
    elif main.decision == "not_shown":
        text = f"Not shown: {told}; {main.reason}. The threshold is {limits(main.threshold, main.beyond)}."
    elif main.decision == "equivalent":
        text = f"{told}: equivalent within {within}."
    else:
        text = f"{told}: {(_OF_RUNS if of_runs else _OF_ARMS)[main.decision]} beyond {beyond}."
    worse = [other for other in others if other.decision == "slower"]
    if latencies := [_named(other) for other in worse if other.name != LOAD]:
        also = "Also beyond it" if main.decision == "slower" else f"But beyond {beyond}"
        text += f" {also}: {' and '.join(latencies)}."
    if loads := [_named(other) for other in worse if other.name == LOAD]:
        text += f" Slower as well, which decides nothing: {' and '.join(loads)}."
    return text


def limits(threshold: float, beyond: float) -> str:
    """The threshold, and the noise floor where that is larger."""
    floor = f", the noise floor {in_percent(beyond)}" if beyond > threshold else ""
    return in_percent(threshold) + floor


def _beyond(change: MetricChange) -> str:
    """What lies behind "slower" and "faster"."""
    of_device = change.beyond > change.threshold
    return f"the {'noise floor' if of_device else 'threshold'} of {in_percent(change.beyond)}"


def _named(change: MetricChange) -> str:
    return f"{change.name} by {by_how_much(change.ratio).removesuffix(' slower')}"


def finding(change: MetricChange, *, of_runs: bool = False) -> str:
    """What one metric says, for a list of checks."""
    if change.ratio.value is None:
        return change.reason or "unknown"
    text = f"B is {by_how_much(change.ratio)} than A{_IN_RUNS if of_runs else ''}, "
    text += f"threshold {limits(change.threshold, change.beyond)}: "
    text += change.decision.replace("_", " ")
    return text if change.reason is None else f"{text}: {change.reason}"
