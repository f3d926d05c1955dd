"""Two recorded runs against each other: what they share, metric by metric, and what differs beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results import stats
from results.accuracy import summarize_accuracy
from results.arms import Threshold
from results.compare.comparable import Difference, SeriesPair, check_comparable, differences, shared_series
from results.compare.comparison import (
    MetricChange,
    compare_independent,
    confirmed,
    decide,
    missing,
    overall,
    withheld,
)
from results.compare.comparison_file import ComparisonStatus
from results.compare.metrics import METRICS, metric_of, why_missing
from results.compare.recorded import Recorded
from results.compare.words import verdict_of
from results.doubts import latency_doubts
from results.launches import counted, launches_of
from results.paired import Paired, paired
from results.record import Launch
from results.rounds import of_both
from results.series import Series, parity_of
from results.stats import SHOWN_LEVEL


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesChange:
    """One series of both runs. `changes`: p50 first; `status`: what they come to.

    `remarks`: what is to be known of the launches of either side.
    """

    sides: SeriesPair
    changes: tuple[MetricChange, ...]
    status: ComparisonStatus
    sentence: str
    remarks: tuple[str, ...]

    @property
    def label(self) -> str:
        """The series' name, or both where they differ."""
        first, second = self.sides
        return first.label if first == second else f"{first.label} (A) and {second.label} (B)"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyChange:
    """B's accuracy less A's on the same pairs, 95 %; `reason`: why it cannot be compared."""

    label: str
    paired: Paired | None
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunComparison:
    """Run B against run A: every series that both have, and what differs between the runs."""

    status: ComparisonStatus
    sentence: str
    threshold: Threshold
    series: tuple[SeriesChange, ...]
    accuracies: tuple[AccuracyChange, ...]
    differing: tuple[Difference, ...]


def compare_runs(a: Recorded, b: Recorded, threshold: Threshold) -> RunComparison:
    """B against A, launches not paired.

    A finding about these two runs: how far two equal ones differ from each other is not in any interval.
    Raises:
        NotComparable: fields that latency depends on differ, no series is shared, or a run is no plain one.
        RecordDamaged: raw data and record disagree.
    """
    check_comparable(a, b)
    pairs = shared_series(a, b)
    judged = _judged([_values(a, b, sides, threshold) for sides in pairs])
    series = tuple(_series_change(a, b, sides, changes) for sides, changes in zip(pairs, judged, strict=True))
    return RunComparison(
        status=_worst([one.status for one in series]),
        sentence=" ".join(f"{one.label}: {one.sentence}" for one in series)
        if len(series) > 1
        else series[0].sentence,
        threshold=threshold,
        series=series,
        accuracies=tuple(one for sides in pairs if (one := _accuracy(a, b, sides)) is not None),
        differing=differences(a.record, b.record, pairs),
    )


def launches_that_count(of: Recorded, one: Series) -> list[Launch]:
    """The valid last attempts of a series."""
    return [launch for launch in counted(launches_of(of.record, one)) if not launch.invalid]


def _values(
    a: Recorded, b: Recorded, sides: SeriesPair, threshold: Threshold
) -> tuple[list[MetricChange], list[MetricChange] | None]:
    """Every metric over the launches that count, and over all that ran where those are not the same."""
    unfit = [
        f"device parity {word} in {name}"
        for name, of, one in (("A", a, sides[0]), ("B", b, sides[1]))
        if (word := parity_of(of.record, one)) != "passed"
    ]
    if unfit:
        why, floor = "; ".join(unfit), threshold.beyond
        return [missing(metric, threshold.share, why, floor=floor) for metric in METRICS], None
    last = [launches_that_count(of, one) for of, one in zip((a, b), sides, strict=True)]
    ran = [launches_of(of.record, one) for of, one in zip((a, b), sides, strict=True)]
    counting = [_change(a, b, last, metric, threshold) for metric in METRICS]
    if ran == last:
        return counting, None
    every = []
    for metric in METRICS:
        # An invalid launch may have timed too little for a metric; those that count have all been asked.
        told = [
            [launch for launch in own if metric_of(launch, of.samples, metric) is not None]
            for of, own in zip((a, b), ran, strict=True)
        ]
        every.append(_change(a, b, told, metric, threshold))
    return counting, every


def _change(
    a: Recorded, b: Recorded, launches: Sequence[list[Launch]], metric: str, threshold: Threshold
) -> MetricChange:
    found: list[NDArray[np.float64]] = []
    for of, own in zip((a, b), launches, strict=True):
        values = [metric_of(launch, of.samples, metric) for launch in own]
        if any(value is None for value in values):
            reason, (n_a, n_b) = why_missing(of.record, own, metric), map(len, launches)
            return missing(metric, threshold.share, reason, n_a=n_a, n_b=n_b, floor=threshold.beyond)
        found.append(np.array(values, dtype=np.float64))
    return compare_independent(metric, found[0], found[1], threshold.share, threshold.beyond)


def _judged(
    values: Sequence[tuple[list[MetricChange], list[MetricChange] | None]],
) -> list[tuple[MetricChange, ...]]:
    """All metrics of all series are one family for Holm; so they are over every launch that ran."""
    counting = decide([change for own, _ in values for change in own])
    every = decide([change for own, ran in values for change in ran or own])
    held = confirmed(counting, every)
    return [held[at : at + len(METRICS)] for at in range(0, len(held), len(METRICS))]


def _series_change(
    a: Recorded, b: Recorded, sides: SeriesPair, changes: tuple[MetricChange, ...]
) -> SeriesChange:
    words = [parity_of(of.record, one) for of, one in zip((a, b), sides, strict=True)]
    unfit = words != ["passed", "passed"]
    for name, of in (("A", a), ("B", b)):
        if of.record.ended_at is None and not unfit:
            changes = tuple(withheld(one, f"the run of {name} did not end") for one in changes)
    sentence = f"Not comparable: {changes[0].reason}." if unfit else verdict_of(changes, of_runs=True)
    told = [
        latency_doubts(of.record, launches_of(of.record, one), _slow_starts(of, one))
        for of, one in zip((a, b), sides, strict=True)
    ]
    return SeriesChange(
        sides=sides,
        changes=changes,
        status="not_comparable" if unfit else overall(changes),
        sentence=sentence,
        remarks=tuple(of_both(("A", "B"), told)),
    )


def _slow_starts(of: Recorded, one: Series) -> int:
    last = [launch for launch in launches_that_count(of, one) if launch.summary is None]
    return sum(stats.first_is_slow(of.samples[launch.samples_file].timed_ns) for launch in last)


def _worst(statuses: Sequence[ComparisonStatus]) -> ComparisonStatus:
    """Of several series the one that a CI has to hear of first."""
    order: tuple[ComparisonStatus, ...] = ("slower", "not_comparable", "not_shown", "faster", "equivalent")
    return next(status for status in order if status in statuses)


def _accuracy(a: Recorded, b: Recorded, sides: SeriesPair) -> AccuracyChange | None:
    """Where both runs evaluated the series on this machine; information, it decides nothing."""
    found = [
        summarize_accuracy(of.record, of.predictions, one.recipe)
        for of, one in zip((a, b), sides, strict=True)
    ]
    if None in found:
        return None
    first, second = a.predictions[sides[0].recipe], b.predictions[sides[1].recipe]
    label = sides[0].label if sides[0] == sides[1] else "A and B"
    pairs = a.record.pairs, b.record.pairs
    same = pairs[0] is not None and pairs[1] is not None and pairs[0].sha256 == pairs[1].sha256
    if not same or not np.array_equal(first.row, second.row) or not np.array_equal(first.label, second.label):
        return AccuracyChange(label=label, paired=None, reason="it was evaluated on other pairs in each run")
    return AccuracyChange(label=label, paired=paired(second.right, first.right, SHOWN_LEVEL), reason=None)
