"""The tables of the pairs that a recipe flips, those shown first that matter most."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from results.flips import KINDS, Flips, flips_file, flips_of, words_of
from results.predictions import Predictions
from results.record import Record
from results.report.model import Table
from results.report.words import counted, percent

MOST_SHOWN = 50


def flips_tables(record: Record, predictions: Mapping[str, Predictions]) -> Iterator[Table]:
    """One table per quantized recipe, where float32 was evaluated too; `predictions` by recipe."""
    for flips in flips_of(record, predictions):
        yield _table(flips)


def _table(flips: Flips) -> Table:
    places, rows = flips.places, flips.mine.row.size
    shown = places[:MOST_SHOWN]
    counts = [f"{int((flips.kind[places] == at).sum())} {name}" for at, name in enumerate(KINDS)]
    share = places.size / max(rows, 1)
    lines = [
        f"{counted(places.size, 'pair')} of {rows} ({percent(share, 2)}) "
        f"predicted otherwise than by float32: {', '.join(counts)} (both wrong, in different ways: changed)."
    ]
    if places.size > shown.size:
        lines.append(f"The first {shown.size} are shown; {flips_file(flips.recipe)} has all of them.")
    if places.size:
        lines.append(
            "float32's lead, its largest logit less the next one: median "
            f"{_lead(float(np.median(flips.lead[places])))} logits on these, "
            f"{_lead(float(np.median(flips.lead)))} on all pairs."
        )
    return Table(
        title=f"Pairs that {flips.recipe} flips",
        id=f"flips-{flips.recipe}",
        columns=("row id", "kind", "true label", "float32", flips.recipe, "float32's lead, logits"),
        rows=tuple((*words_of(flips, at), _lead(float(flips.lead[at]))) for at in shown.tolist()),
        lines=tuple(lines),
    )


def _lead(logits: float) -> str:
    """Three significant digits: those of pairs that flip are nearly ties."""
    return np.format_float_positional(logits, precision=3, unique=False, fractional=False, trim="-")
