"""What a network's activations reach on training pairs: the ranges that static recipes are built on."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export import evaluate
from export.architecture import MobileBertConfig
from export.network import Array, Network
from results.errors import ConfigError, PairsError

_log = logging.getLogger(__name__)

# exp(-104) is below half of float32's least number: padding at this distance weighs exactly 0.
_BEYOND_EXP = 104.0
# Of a tensor's largest row to its median one. 8 bits have 127 steps up to the largest: from here on, the
# median row has less than 8 of them.
WIDEST_SPREAD = 16.0
_ROWS_WANTED = 100
_NEXT = "Give --calibration a file of training pairs, in the form of --pairs."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingRows:
    """Tokenized training pairs. `ids`, `mask`, `types`: int32 (rows, length), padded behind.

    `name` and `sha256`: of their file. `doubts`: why they are not the best choice.
    """

    ids: NDArray[np.int32]
    mask: NDArray[np.int32]
    types: NDArray[np.int32]
    name: str
    sha256: str
    doubts: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """SHA-256 of the tokens themselves."""
        parts = (np.ascontiguousarray(each, "<i4").tobytes() for each in (self.ids, self.mask, self.types))
        return hashlib.sha256(b"".join(parts)).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Range:
    """One place of the network: the least and the greatest value of each channel, (channels,).

    `spread`: the largest absolute value of any token's row over that of the median row.
    """

    least: Array
    greatest: Array
    spread: float

    @property
    def largest(self) -> Array:
        """The largest absolute value of each channel."""
        return np.maximum(np.abs(self.least), np.abs(self.greatest))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranges:
    """What each place of export/evaluate.py reached; `scores`: a bound of attention's scores."""

    places: Mapping[str, Range]
    scores: float

    @property
    def widest(self) -> tuple[str, float]:
        """The place with the largest spread among those that a dense layer or a sum reads."""
        place = max(self.places, key=lambda name: self.places[name].spread)
        return place, self.places[place].spread

    @property
    def masked(self) -> float:
        """What to add to padding's scores: enough for a weight of 0, and no more."""
        return -(2 * self.scores + _BEYOND_EXP)


def check(rows: TrainingRows | None, recipe: str, config: MobileBertConfig, lengths: Sequence[int]) -> None:
    """Refuse rows that this network cannot be calibrated with, before anything is converted.

    Raises: ConfigError where there are none at all; PairsError for an empty set, shapes that differ or are of
    another length than the longest signature, and ids that the vocabulary does not have.
    """
    if rows is None:
        raise ConfigError(f"The recipe {recipe} needs training pairs to calibrate with.", next_step=_NEXT)
    if len(rows.ids) == 0:
        raise PairsError(f"There are no pairs in {rows.name} to calibrate with.", next_step=_NEXT)
    shapes = {name: getattr(rows, name).shape for name in ("ids", "mask", "types")}
    wanted = (len(rows.ids), max(lengths))
    if wrong := {name: shape for name, shape in shapes.items() if shape != wanted}:
        shown = ", ".join(f"{name} {shape}" for name, shape in wrong.items())
        raise PairsError(f"The calibration rows have the shapes {shown}, not {wanted}.", next_step=_NEXT)
    for name, most in (("ids", config.vocab_size), ("types", config.type_vocab_size), ("mask", 2)):
        values = getattr(rows, name)
        if values.min() < 0 or values.max() >= most:
            row = int(np.argwhere((values < 0) | (values >= most))[0][0])
            raise PairsError(
                f"Row {row} of {rows.name} has {name} from {values[row].min()} to {values[row].max()}, and "
                f"the checkpoint takes 0 to {most - 1}.",
                next_step="Tokenize with the checkpoint's own vocabulary.",
                row=row,
            )
    if not rows.mask[:, 0].all():
        raise PairsError(f"{rows.name} has a row without a token.", next_step=_NEXT)


def observe(network: Network, rows: TrainingRows) -> Ranges:
    """The ranges of every place over the rows' tokens, padding left out; in NumPy, row by row."""
    seen: dict[str, _Seen] = {}
    tokens = 0

    def watch(place: str, values: Array) -> None:
        seen.setdefault(place, _Seen()).add(values[:tokens])

    for ids, mask, types in zip(rows.ids, rows.mask, rows.types, strict=True):
        tokens = int(mask.sum())
        # One token of padding stays: the last real one's trigram reads it.
        kept = min(len(ids), tokens + 1)
        evaluate.logits(network, ids[:kept], mask[:kept], types[:kept], watch)
    scores = max(
        (
            seen[place].longest * seen[place.replace("query", "key")].longest
            for place in seen
            if place.endswith(".query")
        ),
        default=0.0,
    )
    ranges = Ranges(
        places={place: each.range() for place, each in seen.items()},
        scores=float(scores) * network.score_scale,
    )
    _log.debug("%d rows of %s: %d places, widest %s", len(rows.ids), rows.name, len(seen), ranges.widest)
    return ranges


def doubts(rows: TrainingRows, ranges: Ranges, *, static: bool) -> tuple[str, ...]:
    """Why not to trust a recipe with these ranges, in sentences. `static`: its scales are fixed by them."""
    found = list(rows.doubts)
    if len(rows.ids) < _ROWS_WANTED:
        found.append(f"Calibrated on only {len(rows.ids)} pairs.")
    place, spread = ranges.widest
    if static and spread > WIDEST_SPREAD:
        found.append(
            f"Unsafe for static 8-bit activations: the largest row of {place} is {spread:.3g} times its "
            f"median row, which keeps {127 / spread:.2g} of 127 steps."
        )
    return tuple(found)


class _Seen:
    """What one place has shown so far."""

    def __init__(self) -> None:
        self._least: Array | None = None
        self._greatest: Array | None = None
        self._rows: list[Array] = []
        self.longest = 0.0  # Euclidean length of its longest row

    def add(self, values: Array) -> None:
        """`values`: (tokens, channels)."""
        least, greatest = values.min(axis=0), values.max(axis=0)
        self._least = least if self._least is None else np.minimum(self._least, least)
        self._greatest = greatest if self._greatest is None else np.maximum(self._greatest, greatest)
        self._rows.append(np.abs(values).max(axis=1))
        self.longest = max(
            self.longest, float(np.sqrt(np.square(values, dtype=np.float64).sum(axis=1).max()))
        )

    def range(self) -> Range:
        assert self._least is not None
        assert self._greatest is not None
        rows = np.concatenate(self._rows)
        median, largest = float(np.median(rows)), float(rows.max())
        # A place whose median row is all zeros spreads without bound; JSON has no number for that.
        spread = largest / median if median > 0 else 1.0 if largest == 0 else 1e30
        return Range(least=self._least, greatest=self._greatest, spread=min(spread, 1e30))
