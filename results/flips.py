"""The pairs on which a recipe predicts something else than float32 does, both on this machine.

Beside the report, flips-RECIPE.csv has every one of them: row,kind,label,float32,recipe,float32_lead.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.accuracy import float32_of, is_float32
from results.predictions import Predictions
from results.record import Record

KINDS = ("lost", "changed", "won")  # what matters most first
HEADER = ("row", "kind", "label", "float32", "recipe", "float32_lead")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Flips:
    """`places` of the flipped rows in both predictions, what matters most first, shape (k,).

    `kind`: by place, an index into KINDS, shape (n,), of flipped rows only. `lead`: float32's largest logit
    less the next one, in logits, shape (n,).
    """

    recipe: str
    mine: Predictions
    theirs: Predictions
    places: NDArray[np.int64]
    kind: NDArray[np.int64]
    lead: NDArray[np.float32]


def flips_of(record: Record, predictions: Mapping[str, Predictions]) -> Iterator[Flips]:
    """One per quantized recipe, where float32 was evaluated too; `predictions` by recipe."""
    reference = float32_of(record)
    if reference is None:
        return
    theirs = predictions[reference.recipe]
    lead = theirs.lead.astype(np.float32)
    for accuracy in record.accuracies:
        if is_float32(record, accuracy.recipe):
            continue
        mine = predictions[accuracy.recipe]
        kind = np.where(theirs.right, KINDS.index("lost"), np.where(mine.right, KINDS.index("won"), 1))
        places = np.flatnonzero(mine.predicted != theirs.predicted)
        yield Flips(
            recipe=accuracy.recipe,
            mine=mine,
            theirs=theirs,
            places=places[np.lexsort((mine.row[places], kind[places]))],
            kind=kind,
            lead=lead,
        )


def flips_file(recipe: str) -> str:
    """The name of a recipe's file in the run folder."""
    return f"flips-{recipe}.csv"


def write_flips(flips: Flips) -> bytes:
    """The CSV file's bytes, LF line ends; logits as `%.6g`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    for at in flips.places.tolist():
        writer.writerow((*words_of(flips, at), f"{flips.lead[at]:.6g}"))
    return text.getvalue().encode()


def words_of(flips: Flips, at: int) -> tuple[str, str, str, str, str]:
    """One flipped row: its id, kind, true label, and what float32 and the recipe predict."""
    names, mine = flips.mine.labels, flips.mine
    return (
        str(mine.row[at]),
        KINDS[flips.kind[at]],
        names[mine.label[at]],
        names[flips.theirs.predicted[at]],
        names[mine.predicted[at]],
    )
