"""What a recipe's predictions come to: accuracy, how it compares with float32's, and its floor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from results import power
from results.evaluated import Accuracy, IntervalMethod
from results.paired import Paired, paired
from results.predictions import Predictions, not_as_recorded
from results.record import Record
from results.shares import of_whole_set, share
from results.stats import DECIDING_LEVEL, SHOWN_LEVEL, Estimate

FLOOR_MARGIN = 0.01  # accuracy, 0 to 1: MLPerf's bar is wider; a recipe that loses a point is another model

Floor = Literal["met", "under", "undecided", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgainstFloat32:
    """One recipe against float32 on the same pairs.

    `agreement`: the share of equal predictions, 95 %. `paired`: 90 %, which decides the floor. `floor_p`:
    one-sided, of "no more than the margin is lost", by the same test. `discordant`: the share of pairs that
    one alone has right, to plan with; `smallest_drop`: in accuracy, 0 to 1, that McNemar's test would find in
    four of five cases. `pairs_to_decide`: the floor, as far as it is not; None where no number would.
    """

    agreement: Estimate
    paired: Paired
    floor_p: float
    discordant: float
    smallest_drop: float | None
    pairs_to_decide: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracySummary:
    """One recipe's accuracy, 0 to 1, with its 95 % interval by `method`.

    `accuracy`: of the population that the pairs are like; claims are judged by this one, because the paper's
    figure is about the task, of which the set itself is a sample. `of_set`: of the set that the pairs were
    drawn from, exact where all were evaluated. `against`: None for float32 itself, and where float32 was not
    evaluated.
    """

    recipe: str
    method: IntervalMethod
    accuracy: Estimate
    of_set: Estimate
    correct: int
    rows: int
    against: AgainstFloat32 | None
    floor: Floor

    @property
    def paired(self) -> Paired | None:
        return None if self.against is None else self.against.paired

    @property
    def agreement(self) -> float | None:
        """The share of float32's predictions, 0 to 1."""
        return None if self.against is None else self.against.agreement.value


def summarize_accuracy(
    record: Record, predictions: Mapping[str, Predictions], recipe: str
) -> AccuracySummary | None:
    """The accuracy of one recipe; None where it was not evaluated.

    `predictions`: by recipe. Raises RecordDamaged where they are not those that the record counted, or
    not over float32's rows.
    """
    accuracy = accuracy_of(record, recipe)
    if accuracy is None:
        return None
    method = record.settings.interval
    mine, theirs = both(record, predictions, accuracy)
    against = None if theirs is None or not mine.row.size else _against(mine, theirs, method)
    estimate = share(accuracy.correct, accuracy.rows, SHOWN_LEVEL, method)
    total = accuracy.rows if record.pairs is None else record.pairs.rows_total
    return AccuracySummary(
        recipe=recipe,
        method=method,
        accuracy=estimate,
        of_set=of_whole_set(estimate, total, method),
        correct=accuracy.correct,
        rows=accuracy.rows,
        against=against,
        floor="met" if is_float32(record, recipe) else floor_of(None if against is None else against.paired),
    )


def floor_of(pair: Paired | None) -> Floor:
    """Whether a recipe keeps float32's accuracy, by the 90 % interval of the paired difference.

    Source: non-inferiority; "under" only where the whole interval is, for an undecided slice is no proof.
    """
    if pair is None or pair.difference.interval is None:
        return "unknown"
    interval = pair.difference.interval
    if interval.low > -FLOOR_MARGIN:
        return "met"
    return "under" if interval.high < -FLOOR_MARGIN else "undecided"


def is_float32(record: Record, recipe: str) -> bool:
    """Whether a recipe's artifact is the unquantized one."""
    return any(a.recipe == recipe and a.precision == "float32" for a in record.artifacts)


def float32_of(record: Record) -> Accuracy | None:
    """The accuracy of the unquantized file, if it was evaluated."""
    return next((a for a in record.accuracies if is_float32(record, a.recipe)), None)


def accuracy_of(record: Record, recipe: str) -> Accuracy | None:
    """What was evaluated of one recipe, if it was."""
    return next((accuracy for accuracy in record.accuracies if accuracy.recipe == recipe), None)


def both(
    record: Record, predictions: Mapping[str, Predictions], accuracy: Accuracy
) -> tuple[Predictions, Predictions | None]:
    """A recipe's predictions and float32's of the same rows; None for float32 itself, or without it.

    Raises RecordDamaged where either is not what the record counted, or the rows are not the same.
    """
    mine = _checked(accuracy, predictions)
    reference = None if is_float32(record, accuracy.recipe) else float32_of(record)
    if reference is None:
        return mine, None
    theirs = _checked(reference, predictions)
    _same_rows(accuracy, mine, reference, theirs)
    return mine, theirs


def _against(mine: Predictions, theirs: Predictions, method: IntervalMethod) -> AgainstFloat32:
    pair = paired(mine.right, theirs.right, DECIDING_LEVEL)
    n, value = pair.n, pair.difference.value or 0.0
    discordant = power.discordance(pair.only_a + pair.only_b, n)
    undecided = floor_of(pair) == "undecided"
    return AgainstFloat32(
        agreement=share(int(np.sum(mine.predicted == theirs.predicted)), n, SHOWN_LEVEL, method),
        paired=pair,
        floor_p=pair.p_above(-FLOOR_MARGIN),
        discordant=discordant,
        smallest_drop=power.smallest_drop(n, discordant),
        pairs_to_decide=power.pairs_to_decide(value, discordant, -FLOOR_MARGIN) if undecided else None,
    )


def _checked(accuracy: Accuracy, predictions: Mapping[str, Predictions]) -> Predictions:
    """The predictions that the record counted."""
    held = predictions.get(accuracy.recipe)
    if held is None or held.labels != accuracy.labels or held.confusion != accuracy.confusion:
        raise not_as_recorded(
            accuracy.predictions_file, "does not hold the predictions that the record counted"
        )
    counted = (sum(map(sum, accuracy.confusion)), sum(row[i] for i, row in enumerate(accuracy.confusion)))
    if counted != (accuracy.rows, accuracy.correct):
        raise not_as_recorded(
            accuracy.predictions_file, f"counts {counted[1]} of {counted[0]}, the record says otherwise"
        )
    return held


def _same_rows(mine: Accuracy, a: Predictions, reference: Accuracy, b: Predictions) -> None:
    # Two files of one run; should their label order differ, the names decide.
    if a.labels != b.labels or not (np.array_equal(a.row, b.row) and np.array_equal(a.label, b.label)):
        raise not_as_recorded(mine.predictions_file, f"is not over the rows of {reference.predictions_file}")
