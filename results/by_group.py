"""Accuracy by true label and by length: whether a recipe loses its pairs somewhere, or everywhere alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.accuracy import accuracy_of, both
from results.paired import Paired, paired
from results.predictions import Predictions
from results.record import Record
from results.shares import share
from results.stats import SHOWN_LEVEL, Estimate, holm


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAccuracy:
    """One group of rows. Shares with 95 % intervals by the run's method.

    `paired`: the recipe against float32, 95 %. `p`: McNemar's, after Holm over all groups of the recipe, for
    with so many looks one in twenty would be found without any reason. Both, and `float32`, are None where
    there is no float32 to compare with.
    """

    name: str
    rows: int
    accuracy: Estimate
    float32: Estimate | None
    paired: Paired | None
    p: float | None


def group_accuracies(
    record: Record, predictions: Mapping[str, Predictions], recipe: str
) -> tuple[GroupAccuracy, ...]:
    """True labels, then bands of real tokens, shortest first; groups without a row are left out.

    Bands end at the lengths of the file's signatures, or where there is one only, at the quartiles of the
    rows. Raises RecordDamaged.
    """
    accuracy = accuracy_of(record, recipe)
    if accuracy is None:
        return ()
    mine, theirs = both(record, predictions, accuracy)
    groups = [(name, rows) for name, rows in _groups(record, recipe, mine) if rows.any()]
    pairs = [
        None if theirs is None else paired(mine.right[rows], theirs.right[rows], SHOWN_LEVEL)
        for _, rows in groups
    ]
    adjusted = holm([pair.mcnemar_p for pair in pairs if pair is not None])
    method = record.settings.interval

    def of(held: Predictions, rows: NDArray[np.bool_]) -> Estimate:
        return share(int(held.right[rows].sum()), int(rows.sum()), SHOWN_LEVEL, method)

    return tuple(
        GroupAccuracy(
            name=name,
            rows=int(rows.sum()),
            accuracy=of(mine, rows),
            float32=None if theirs is None else of(theirs, rows),
            paired=pair,
            p=adjusted[at] if adjusted else None,
        )
        for at, ((name, rows), pair) in enumerate(zip(groups, pairs, strict=True))
    )


def _groups(record: Record, recipe: str, held: Predictions) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    for number, label in enumerate(held.labels):
        yield label, held.label == number
    if not held.row.size:
        return
    artifact = next((one for one in record.artifacts if one.recipe == recipe), None)
    lengths = sorted({signature.length for signature in artifact.signatures}) if artifact else []
    if len(lengths) < 2:
        quartiles = np.quantile(held.tokens, (0.25, 0.5, 0.75), method="inverted_cdf")
        lengths = sorted({int(end) for end in (*quartiles, held.tokens.max())})
    start = int(held.tokens.min())
    for end in lengths:
        if start <= end:
            yield f"{start}-{end} tokens", (held.tokens >= start) & (held.tokens <= end)
            start = end + 1
    if (beyond := held.tokens >= start).any():
        yield f"{start}-{int(held.tokens.max())} tokens", beyond
