"""The device's own predictions against this machine's, row by row, and what it means where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from results.accuracy import Floor, floor_of
from results.evaluated import DeviceAccuracy
from results.paired import Paired, paired
from results.predictions import Predictions, not_as_recorded
from results.record import Record
from results.rounding import REACH, predicts_otherwise, unexplained_flips
from results.series import Series, judged_model
from results.shares import share
from results.stats import DECIDING_LEVEL, SHOWN_LEVEL, Estimate

# Below, whole interval, the predictions counted here are not those of the device.
LEAST_AGREEMENT = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAccuracySummary:
    """One series on the device; shares 0 to 1 with 95 % intervals by the run's method, differences in logits.

    `agreement`: rows with the host's prediction, `flips`: those without. `unexplained`: flips on which the
    host's two largest logits lie further apart than rounding reaches; None where the host's logits or a
    parity check are missing. `host`: this machine's accuracy on the same rows. `paired`: device against host,
    with the interval that decides (90 %); `floor` is judged by it.
    """

    series: Series
    rows: int
    correct: int
    agreement: Estimate
    flips: int
    unexplained: int | None
    max_difference: float
    rms_difference: float
    accuracy: Estimate
    host: Estimate
    paired: Paired | None
    floor: Floor
    seconds: float
    doubts: tuple[str, ...]


def summarize_device_accuracy(
    record: Record, predictions: Mapping[str, Predictions], recipe: str, model: str | None = None
) -> DeviceAccuracySummary | None:
    """What the device predicted with one series; None where it was not asked to.

    `predictions`: this host's by recipe, the device's by `DeviceAccuracy.predictions_file`; `model` None: the
    judged one. Raises RecordDamaged where they are not those that the record counted.
    """
    of = Series(model=judged_model(record) if model is None else model, recipe=recipe)
    wanted = (of.model, of.recipe)
    done = next((one for one in record.device_accuracies if (one.model, one.recipe) == wanted), None)
    if done is None:
        return None
    device = _checked(done, predictions)
    host = _host(record, of, device, predictions)
    pair: Paired | None = None
    unexplained: int | None = None
    method = record.settings.interval
    agreement = share(done.agreeing, done.rows, SHOWN_LEVEL, method)
    if host is not None:
        same = device.predicted == host.predicted
        if (int(same.sum()), int(host.right.sum())) != (done.agreeing, done.host_correct):
            raise not_as_recorded(
                done.predictions_file, "and this machine's predictions are not those that the record compared"
            )
        pair = paired(device.right, host.right, DECIDING_LEVEL)
        reach = _reach(record, of)
        if reach is not None:
            unexplained = unexplained_flips(device, host, reach)
    return DeviceAccuracySummary(
        series=of,
        rows=done.rows,
        correct=done.correct,
        agreement=agreement,
        flips=done.rows - done.agreeing,
        unexplained=unexplained,
        max_difference=done.max_difference,
        rms_difference=done.rms_difference,
        accuracy=share(done.correct, done.rows, SHOWN_LEVEL, method),
        host=share(done.host_correct, done.rows, SHOWN_LEVEL, method),
        paired=pair,
        floor=floor_of(pair),
        seconds=done.seconds,
        doubts=tuple(_doubts(agreement, unexplained)),
    )


def _doubts(agreement: Estimate, unexplained: int | None) -> Iterator[str]:
    """Why it is not shown that the device computes what was evaluated here."""
    interval = agreement.interval
    if interval is not None and interval.high < LEAST_AGREEMENT:
        share = f"{(agreement.value or 0) * 100:.1f} % of {agreement.n} pairs"
        yield f"the device predicts what this machine does on {share} only"
    if unexplained:
        yield f"the device {predicts_otherwise(unexplained)}"


def _reach(record: Record, of: Series) -> float | None:
    """How far apart two logits may be for rounding to swap them, by the parity rule; None without a check."""
    wanted = (of.model, of.recipe)
    reaches = [
        REACH[one.statistic] * one.tolerance
        for one in record.parities
        if (one.model, one.recipe) == wanted and one.status == "passed"
    ]
    return max(reaches, default=None)


def _host(
    record: Record, of: Series, device: Predictions, predictions: Mapping[str, Predictions]
) -> Predictions | None:
    """This machine's predictions of the device's rows; None where they were not kept."""
    held = predictions.get(of.recipe) if of.model == judged_model(record) else None
    n = device.row.size
    if held is None or held.labels != device.labels or not np.array_equal(held.row[:n], device.row):
        return None
    return held.take(np.arange(n))


def _checked(done: DeviceAccuracy, predictions: Mapping[str, Predictions]) -> Predictions:
    held = predictions.get(done.predictions_file)
    if held is None or (held.row.size, int(held.right.sum())) != (done.rows, done.correct):
        raise not_as_recorded(done.predictions_file, "does not hold the predictions that the record counted")
    return held
