"""Other runtimes' predictions against those of the runtime that counts, on the same rows, by one rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from results.accuracy import float32_of, is_float32
from results.evaluated import RuntimeAccuracy
from results.paired import Paired, paired
from results.predictions import Predictions, not_as_recorded
from results.record import Record
from results.rounding import REACH, predicts_otherwise, unexplained_flips
from results.shares import share
from results.stats import DECIDING_LEVEL, SHOWN_LEVEL, Estimate, holm

LARGEST_P = 0.05  # of McNemar's test, corrected by Holm for the rows of the table: above, nothing is shown
# How far rounding moves logits. Source: docs/parity.md, where a device's rounding is measured; another
# runtime is another build of the kernels.
FLOAT_SHARE = 1e-4  # float32: the largest difference, of the logit scale
RMS_SHARE = 1.5  # other recipes: the root mean square of a label's difference, of that to float32

# "unclear": the predictions agree, and the logits lie further apart than rounding explains.
Likeness = Literal["same", "differs", "unclear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """The rule for one row of the table: what is compared, what was found and what is allowed, in logits."""

    statistic: Literal["largest", "rms"]
    difference: float
    tolerance: float

    @property
    def reach(self) -> float:
        """How far two logits may lie apart for rounding to swap them, in logits."""
        return REACH[self.statistic] * self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSummary:
    """One recipe by one other runtime; shares 0 to 1 with 95 % intervals, differences in logits.

    `reference`: the accuracy of the runtime that counts on the same rows; `agreement`: rows with its
    prediction. `unexplained`: rows without, on which its two largest logits lie further apart than rounding
    reaches. `paired`: this runtime against it (90 %); `adjusted_p`: McNemar's, by Holm.
    """

    of: RuntimeAccuracy
    accuracy: Estimate
    reference: Estimate
    agreement: Estimate
    unexplained: int
    rounding: Rounding
    paired: Paired
    adjusted_p: float

    @property
    def flips(self) -> int:
        """Rows that the two predict differently."""
        return self.of.rows - self.of.agreeing

    @property
    def rate_per_s(self) -> float | None:
        """Pairs a second, of those that were not kept from an evaluation that was stopped."""
        rows = self.of.rows - self.of.kept_rows
        return rows / self.of.seconds if rows > 0 and self.of.seconds > 0 else None

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why it is not the same; empty where nothing speaks against that."""
        return tuple(self._doubts())

    @property
    def likeness(self) -> Likeness:
        if self.adjusted_p < LARGEST_P or self.unexplained:
            return "differs"
        return "unclear" if self.doubts else "same"

    def _doubts(self) -> Iterator[str]:
        if self.adjusted_p < LARGEST_P:
            yield "its accuracy differs by more than chance"
        if self.unexplained:
            yield f"it {predicts_otherwise(self.unexplained)}"
        found = self.rounding
        if not found.difference <= found.tolerance:
            what = "the largest" if found.statistic == "largest" else "the root mean square of a label's"
            yield (
                f"{what} difference of its logits is {found.difference:.3g}, and rounding explains "
                f"{found.tolerance:.3g}"
            )


def summarize_runtimes(record: Record, predictions: Mapping[str, Predictions]) -> tuple[RuntimeSummary, ...]:
    """Every other runtime with every recipe, in the record's order; empty where there was none.

    `predictions`: by recipe, other runtimes' by `RuntimeAccuracy.predictions_file`. Raises RecordDamaged
    where they are not those that the record counted.
    """
    both = [(one, *_both(one, predictions)) for one in record.runtime_accuracies]
    pairs = [paired(mine.right, reference.right, DECIDING_LEVEL) for _, mine, reference in both]
    adjusted = holm([pair.mcnemar_p for pair in pairs])
    made = []
    for (one, mine, reference), pair, p in zip(both, pairs, adjusted, strict=True):
        rounding = _rounding(record, one, mine, reference, predictions)
        method = record.settings.interval
        made.append(
            RuntimeSummary(
                of=one,
                accuracy=share(one.correct, one.rows, SHOWN_LEVEL, method),
                reference=share(one.reference_correct, one.rows, SHOWN_LEVEL, method),
                agreement=share(one.agreeing, one.rows, SHOWN_LEVEL, method),
                unexplained=unexplained_flips(mine, reference, rounding.reach),
                rounding=rounding,
                paired=pair,
                adjusted_p=p,
            )
        )
    return tuple(made)


def _rounding(
    record: Record,
    one: RuntimeAccuracy,
    mine: Predictions,
    reference: Predictions,
    predictions: Mapping[str, Predictions],
) -> Rounding:
    difference = mine.logits.astype(np.float64) - reference.logits
    floor = FLOAT_SHARE * float(np.abs(reference.logits).max())
    float32 = float32_of(record)
    if is_float32(record, one.recipe) or float32 is None:
        return Rounding(statistic="largest", difference=float(np.abs(difference).max()), tolerance=floor)
    exact = _rows_of(predictions[float32.recipe], mine, one)
    error = _largest_rms(reference.logits.astype(np.float64) - exact.logits)
    return Rounding(
        statistic="rms", difference=_largest_rms(difference), tolerance=max(RMS_SHARE * error, floor)
    )


def _largest_rms(differences: NDArray[np.float64]) -> float:
    """The largest root mean square of any label; `differences`: shape (rows, labels)."""
    return float(np.sqrt(np.mean(differences**2, axis=0)).max())


def _both(one: RuntimeAccuracy, predictions: Mapping[str, Predictions]) -> tuple[Predictions, Predictions]:
    """This runtime's predictions and those that count, of the same rows, as the record compared them."""
    mine, whole = predictions.get(one.predictions_file), predictions.get(one.recipe)
    if mine is None or whole is None:
        raise not_as_recorded(one.predictions_file, "cannot be compared, for predictions are missing")
    reference = _rows_of(whole, mine, one)
    found = (
        *(mine.row.size, int(mine.right.sum()), int(reference.right.sum())),
        int(np.sum(mine.predicted == reference.predicted)),
    )
    if found != (one.rows, one.correct, one.reference_correct, one.agreeing):
        raise not_as_recorded(one.predictions_file, "does not hold the predictions that the record counted")
    return mine, reference


def _rows_of(whole: Predictions, mine: Predictions, one: RuntimeAccuracy) -> Predictions:
    """Those of `whole` that are of the rows of `mine`, in their order."""
    at = {row: place for place, row in enumerate(whole.row.tolist())}
    places = [at.get(row, -1) for row in mine.row.tolist()]
    if whole.labels != mine.labels or -1 in places:
        raise not_as_recorded(one.predictions_file, "is not over rows that the counting runtime evaluated")
    found = whole.take(np.array(places, np.int64))
    if not np.array_equal(found.label, mine.label):
        raise not_as_recorded(one.predictions_file, "has other gold labels than the counting runtime's")
    return found
