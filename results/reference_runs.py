"""A recipe's accuracy among many runs of another model, as far as these are about the same pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from results.accuracy import AccuracySummary
from results.record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsSpread:
    """Of the other model's runs, accuracies 0 to 1; `sd` over the runs (n - 1)."""

    runs: int
    mean: float
    sd: float
    least: float
    greatest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AmongRuns:
    """One recipe. `below`: runs with a lower accuracy; `deviations`: from their mean, in their sd.

    On a slice, `fewest` to `most` runs lie below the ends of the slice's interval (95 %, of the whole set),
    and these lie `least` to `greatest` deviations from the mean; elsewhere both are those of the accuracy
    itself. Deviations are None where all runs are equal.
    """

    recipe: str
    below: int
    fewest: int
    most: int
    deviations: float | None
    least: float | None
    greatest: float | None


def spread_of(record: Record) -> RunsSpread | None:
    """What the other model's runs come to; None where the run has none."""
    runs = record.reference_runs
    if runs is None:
        return None
    values = np.array(runs.accuracies)
    return RunsSpread(
        runs=values.size,
        mean=float(values.mean()),
        sd=float(values.std(ddof=1)),
        least=float(values.min()),
        greatest=float(values.max()),
    )


def why_not_comparable(record: Record) -> str | None:
    """Why the recipes' accuracies say nothing beside those runs; None where they do."""
    pairs = record.pairs
    if pairs is None or pairs.kind != "mnli_matched_dev":
        name = "no pairs" if pairs is None else pairs.name
        return f"the runs are about the whole MNLI matched dev set, and this run evaluated {name}"
    return None


def among_runs(record: Record, summary: AccuracySummary) -> AmongRuns | None:
    """Where one recipe lies among the runs; None where there are none, or they are about other pairs."""
    spread, value = spread_of(record), summary.of_set.value
    if spread is None or value is None or why_not_comparable(record) is not None:
        return None
    assert record.reference_runs is not None
    assert record.pairs is not None
    values = np.array(record.reference_runs.accuracies)
    # Accuracies of a file are rounded, often to four digits: what is nearer than half a pair is the same.
    near, interval = 0.5 / record.pairs.rows_total, summary.of_set.interval
    low, high = (value, value) if interval is None else (interval.low, interval.high)
    below, fewest, most = (int(np.sum(values < at - near)) for at in (value, low, high))
    deviations, least, greatest = (
        None if spread.sd == 0 else (at - spread.mean) / spread.sd for at in (value, low, high)
    )
    return AmongRuns(
        recipe=summary.recipe,
        below=below,
        fewest=fewest,
        most=most,
        deviations=deviations,
        least=least,
        greatest=greatest,
    )
