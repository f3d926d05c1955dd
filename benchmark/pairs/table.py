"""Sentence pairs with their gold labels, and fair slices of them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from results.errors import PairsError
from results.evaluated import LeftOut, PairsKind

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("entailment", "neutral", "contradiction")


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTable:
    """Sentence pairs with gold labels, in file order.

    `frame`: columns row (int, unique), premise, hypothesis, label (one of `gold`). `rows_total` counts the
    whole file without `left_out`, also after `take`. `form`: the declared table by which the file was read;
    `answers`: as in results.evaluated.Pairs.
    """

    kind: PairsKind
    name: str
    origin: str
    sha256: str
    rows_total: int
    frame: pd.DataFrame
    form: str = "four-columns"
    left_out: tuple[LeftOut, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)

    @property
    def gold(self) -> tuple[str, ...]:
        """What a gold label can be: the three labels, or the fewer answers of a set such as HANS."""
        return tuple(dict.fromkeys(self.answers.get(label, label) for label in LABELS))


def take(table: PairTable, rows: int | None, *, seed: int) -> PairTable:
    """A stratified slice of `rows` pairs (None: all), drawn by `seed`, in file order.

    Each label keeps its share to the nearest row; never "the first n". Raises: PairsError.
    """
    import numpy as np

    if rows is None or rows == len(table.frame):
        return table
    if not 0 < rows < len(table.frame):
        raise PairsError(
            f"a slice of {rows} pairs was asked for, and {table.name} has {len(table.frame)}",
            next_step=f"Give --slice a number from 1 to {len(table.frame)}, or leave it out.",
        )
    generator = np.random.default_rng(seed)
    counts = table.frame["label"].value_counts()
    shares = {label: rows * counts.get(label, 0) / len(table.frame) for label in table.gold}
    quota = {label: int(share) for label, share in shares.items()}
    left = rows - sum(quota.values())
    for label in sorted(table.gold, key=lambda name: quota[name] - shares[name])[:left]:
        quota[label] += 1
    chosen: list[int] = []
    for label in table.gold:
        positions = np.flatnonzero((table.frame["label"] == label).to_numpy())
        chosen.extend(generator.permutation(positions)[: quota[label]].tolist())
    return dataclasses.replace(table, frame=table.frame.iloc[sorted(chosen)].reset_index(drop=True))
