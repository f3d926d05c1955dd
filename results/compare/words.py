"""A comparison in sentences: how much slower or faster, with which certainty, beyond which threshold."""

from __future__ import annotations

from collections.abc import Sequence

from results.compare.comparison import MetricChange
from results.compare.metrics import LOAD
from results.stats import Estimate

_FOUND = {
    "slower": "regressed beyond the threshold",
    "faster": "improved beyond the threshold",
    "equivalent": "equivalent within the threshold",
    "not_shown": "not shown",
}


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


def verdict_of(changes: Sequence[MetricChange], first: str = "A", second: str = "B") -> str:
    """The sentence of a whole comparison, whose first metric is the main one."""
    main, *others = changes
    told = f"{second} is {by_how_much(main.ratio)} than {first}"
    limit = f"of {in_percent(main.threshold)}"
    if main.ratio.value is None:
        text = f"Not shown: {main.reason}."
    elif main.decision == "not_shown":
        text = (
            f"Not shown: {told} ({main.name}); {main.reason}. The threshold is {in_percent(main.threshold)}."
        )
    else:
        text = f"{told} ({main.name}): {_FOUND[main.decision]} {limit}."
    worse = [other for other in others if other.decision == "slower"]
    if latencies := [_named(other) for other in worse if other.name != LOAD]:
        also = "Also beyond it" if main.decision == "slower" else f"But beyond the threshold {limit}"
        text += f" {also}: {' and '.join(latencies)}."
    if loads := [_named(other) for other in worse if other.name == LOAD]:
        text += f" Slower as well, which decides nothing: {' and '.join(loads)}."
    return text


def _named(change: MetricChange) -> str:
    return f"{change.name} by {by_how_much(change.ratio).removesuffix(' slower')}"


def finding(change: MetricChange) -> str:
    """What one metric says, for a list of checks."""
    if change.ratio.value is None:
        return change.reason or "unknown"
    text = f"B is {by_how_much(change.ratio)} than A, threshold {in_percent(change.threshold)}: "
    text += change.decision.replace("_", " ")
    return text if change.reason is None else f"{text}: {change.reason}"
