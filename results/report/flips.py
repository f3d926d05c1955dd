"""The pairs on which a recipe predicts something else than float32 does, both on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from results.accuracy import float32_of, is_float32
from results.predictions import Predictions
from results.record import Accuracy, Record
from results.report.model import Table
from results.report.words import counted, percent

MOST_SHOWN = 50
_KINDS = ("lost", "changed", "won")  # what matters most first


def flips_tables(record: Record, predictions: Mapping[str, Predictions]) -> Iterator[Table]:
    """One table per quantized recipe, where float32 was evaluated too; `predictions` by recipe."""
    reference = float32_of(record)
    if reference is None:
        return
    for accuracy in record.accuracies:
        if not is_float32(record, accuracy.recipe):
            yield _flips(accuracy, predictions[accuracy.recipe], predictions[reference.recipe])


def _flips(accuracy: Accuracy, mine: Predictions, theirs: Predictions) -> Table:
    flipped = mine.predicted != theirs.predicted
    kind = np.where(theirs.right, _KINDS.index("lost"), np.where(mine.right, _KINDS.index("won"), 1))
    places = np.flatnonzero(flipped)
    shown = places[np.lexsort((mine.row[places], kind[places]))][:MOST_SHOWN]
    best = np.sort(theirs.logits, axis=1)
    lead = best[:, -1] - best[:, -2]
    names = mine.labels
    counts = [f"{int((kind[places] == at).sum())} {name}" for at, name in enumerate(_KINDS)]
    share = places.size / max(mine.row.size, 1)
    lines = [
        f"{counted(places.size, 'pair')} of {mine.row.size} ({percent(share, 2)}) "
        f"predicted otherwise than by float32: {', '.join(counts)} (both wrong, in different ways: changed)."
    ]
    if places.size > shown.size:
        lines.append(f"The first {shown.size} are shown; {accuracy.predictions_file} has every pair.")
    if places.size:
        lines.append(
            f"float32's lead, its largest logit less the next one: median {np.median(lead[places]):.2f} "
            f"logits on these, {np.median(lead):.2f} on all pairs."
        )
    return Table(
        title=f"Pairs that {accuracy.recipe} flips",
        id=f"flips-{accuracy.recipe}",
        columns=("row id", "kind", "true label", "float32", accuracy.recipe, "float32's lead, logits"),
        rows=tuple(
            (
                str(mine.row[at]),
                _KINDS[kind[at]],
                names[mine.label[at]],
                names[theirs.predicted[at]],
                names[mine.predicted[at]],
                f"{lead[at]:.2f}",
            )
            for at in shown
        ),
        lines=tuple(lines),
    )
