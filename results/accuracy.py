"""What a recipe's predictions come to: accuracy, how it compares with float32's, and its floor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from results import stats
from results.errors import RecordDamaged
from results.predictions import Predictions
from results.record import Accuracy, Record
from results.stats import DECIDING_LEVEL, SHOWN_LEVEL, Estimate, Paired

FLOOR_MARGIN = 0.01  # accuracy, 0 to 1: MLPerf's bar is wider; a recipe that loses a point is another model

Floor = Literal["met", "under", "undecided", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracySummary:
    """One recipe's accuracy, 0 to 1, with Wilson's 95 % interval, and how it compares with float32's.

    `paired` (this recipe against float32, 90 %) and `agreement` (share of equal predictions, 0 to 1) are
    None for float32 itself and where float32 was not evaluated.
    """

    recipe: str
    accuracy: Estimate
    correct: int
    rows: int
    agreement: float | None
    paired: Paired | None
    floor: Floor


def summarize_accuracy(
    record: Record, predictions: Mapping[str, Predictions], recipe: str
) -> AccuracySummary | None:
    """The accuracy of one recipe; None where it was not evaluated.

    `predictions`: by recipe. Raises RecordDamaged where they are not those that the record counted, or
    not over float32's rows.
    """
    accuracy = _of(record, recipe)
    if accuracy is None:
        return None
    mine = _checked(accuracy, predictions)
    reference = None if is_float32(record, recipe) else float32_of(record)
    pair: Paired | None = None
    agreement: float | None = None
    if reference is not None:
        theirs = _checked(reference, predictions)
        _same_rows(accuracy, mine, reference, theirs)
        pair = stats.paired(mine.right, theirs.right, DECIDING_LEVEL)
        agreement = float(np.mean(mine.predicted == theirs.predicted)) if mine.row.size else None
    return AccuracySummary(
        recipe=recipe,
        accuracy=stats.wilson(accuracy.correct, accuracy.rows, SHOWN_LEVEL),
        correct=accuracy.correct,
        rows=accuracy.rows,
        agreement=agreement,
        paired=pair,
        floor="met" if is_float32(record, recipe) else floor_of(pair),
    )


def floor_of(pair: Paired | None) -> Floor:
    """Whether a recipe keeps float32's accuracy, by the 90 % interval of the paired difference.

    Source: non-inferiority; "under" only where the whole interval is, for an undecided slice is no proof.
    """
    if pair is None:
        return "unknown"
    interval = pair.difference.interval
    if interval is None:
        value = pair.difference.value
        return "undecided" if value is None or value >= -FLOOR_MARGIN else "under"
    if interval.low > -FLOOR_MARGIN:
        return "met"
    return "under" if interval.high < -FLOOR_MARGIN else "undecided"


def is_float32(record: Record, recipe: str) -> bool:
    """Whether a recipe's artifact is the unquantized one."""
    return any(a.recipe == recipe and a.precision == "float32" for a in record.artifacts)


def float32_of(record: Record) -> Accuracy | None:
    """The accuracy of the unquantized file, if it was evaluated."""
    return next((a for a in record.accuracies if is_float32(record, a.recipe)), None)


def _of(record: Record, recipe: str) -> Accuracy | None:
    return next((accuracy for accuracy in record.accuracies if accuracy.recipe == recipe), None)


def _checked(accuracy: Accuracy, predictions: Mapping[str, Predictions]) -> Predictions:
    """The predictions that the record counted."""
    held = predictions.get(accuracy.recipe)
    if held is None or held.labels != accuracy.labels or held.confusion != accuracy.confusion:
        raise _damaged(accuracy, "does not hold the predictions that the record counted")
    counted = (sum(map(sum, accuracy.confusion)), sum(row[i] for i, row in enumerate(accuracy.confusion)))
    if counted != (accuracy.rows, accuracy.correct):
        raise _damaged(accuracy, f"counts {counted[1]} of {counted[0]}, the record says otherwise")
    return held


def _same_rows(mine: Accuracy, a: Predictions, reference: Accuracy, b: Predictions) -> None:
    # Two files of one run; should their label order differ, the names decide.
    if a.labels != b.labels or not (np.array_equal(a.row, b.row) and np.array_equal(a.label, b.label)):
        raise _damaged(mine, f"is not over the rows of {reference.predictions_file}")


def _damaged(accuracy: Accuracy, what: str) -> RecordDamaged:
    return RecordDamaged(
        f"{accuracy.predictions_file} {what}.",
        next_step="Evaluate again; neither file is ever edited.",
        path=accuracy.predictions_file,
    )
