"""A converted file against the float graph that it came from, logit by logit."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.architecture import MobileBertConfig
from results.errors import ExportParityError
from results.record import ExportParity, Precision

_ROWS = 16
_SEED = 20200406
# As shares of the logit scale. A float32 file differs by the order of its sums alone. An 8-bit one is allowed
# to be bad, for its accuracy is measured and judged later (a quarter was seen, of a network with an accuracy
# of 99.6 %); but a file that says nothing at all is off by the whole scale, and must not pass.
# Weights in float16 lose 2**-11 of themselves; a small share of the scale after 24 layers (0.2 % was seen).
_SHARES = {"float32": 1e-4, "float16": 0.02}
_INT8_SHARE = 0.75
# Of predictions, for recipes whose ranges are fixed beforehand: what does not fit them is lost for good.
_LEAST_AGREEMENT = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """One padded sequence: `ids`, `mask`, `types`, each int32 (length,)."""

    ids: NDArray[np.int32]
    mask: NDArray[np.int32]
    types: NDArray[np.int32]


def draw_sequences(
    config: MobileBertConfig, length: int, rows: int = _ROWS, *, first: int | None = None
) -> tuple[Sequence, ...]:
    """Seeded sequences of random tokens in two segments, from 2 tokens up to `length`, padded with id 0.

    `first`: the token that all begin with, and that stands nowhere else, as [CLS] does.
    """
    generator = np.random.default_rng([_SEED, length])
    drawn = []
    for real in np.linspace(2, length, rows).round().astype(int):
        ids, mask, types = (np.zeros(length, np.int32) for _ in range(3))
        ids[:real] = generator.integers(1, config.vocab_size, real)
        if first is not None:
            ids[:real][ids[:real] == first] = 1 if first != 1 else config.vocab_size - 1
            ids[0] = first
        mask[:real] = 1
        types[int(generator.integers(1, real)) : real] = min(1, config.type_vocab_size - 1)
        drawn.append(Sequence(ids=ids, mask=mask, types=types))
    return tuple(drawn)


def disagreement(
    reference: NDArray[np.float32],
    converted: NDArray[np.float32],
    recipe: str,
    *,
    trained: bool,
    doubts: Several[str],
) -> tuple[str, ...]:
    """What to say of a calibrated file that predicts otherwise than float32 on its own calibration rows.

    Logits are (rows, labels). Seeded weights predict nothing, so theirs is a warning. Raises:
    ExportParityError for trained ones, with the `doubts` about the ranges.
    """
    same = int((reference.argmax(axis=1) == converted.argmax(axis=1)).sum())
    share = same / len(reference) if np.isfinite(converted).all() else 0.0
    if share >= _LEAST_AGREEMENT:
        return ()
    what = f"{recipe} predicts as float32 does on {share:.1%} of {len(reference)} calibration pairs"
    if not trained:
        return (f"{what}.",)
    raise ExportParityError(
        " ".join([f"{what}, and {_LEAST_AGREEMENT:.0%} is asked for.", *doubts]),
        next_step="Use --recipe dynamic_int8, whose scales follow each row.",
        agreement=share,
        rows=len(reference),
    )


def compare(
    reference: NDArray[np.float32],
    converted: NDArray[np.float32],
    precision: Precision,
    *,
    rounding_error: Callable[[], float] = lambda: 0.0,
) -> ExportParity:
    """The figures of two sets of logits, both (rows, labels), and whether they are near enough.

    `rounding_error`, asked only where a float32 file seems wrong: the largest error of the float graph
    itself against a more exact one. Checkpoints with activations of 1e7 lose more than the tolerance to
    float32 alone, and a file may be as wrong as twice its own origin.

    Raises: ExportParityError for values that are not finite and for errors beyond the tolerance.
    """
    for what, logits in (("float graph", reference), ("converted file", converted)):
        if bad := int((~np.isfinite(logits)).sum()):
            raise ExportParityError(
                f"The {what} gives {bad} of {logits.size} logits that are not finite.",
                next_step="The checkpoint overflows float32 or is damaged: choose another one.",
            )
    scale = float(np.abs(reference).max())
    error = float(np.abs(converted - reference).max())
    tolerance = _SHARES.get(precision, _INT8_SHARE) * scale
    if precision == "float32" and error > tolerance:
        tolerance = max(tolerance, 2 * rounding_error())
    if error > tolerance:
        raise ExportParityError(
            f"The converted file is off by {error:.3g} logits, with {tolerance:.3g} allowed "
            f"(largest logit {scale:.3g}, {len(reference)} sequences).",
            next_step="Try --recipe float32; if that fails too, this TensorFlow version converts wrongly.",
            max_abs_error=error,
            tolerance=tolerance,
        )
    return ExportParity(
        rows=len(reference),
        max_abs_error=error,
        logit_scale=scale,
        tolerance=tolerance,
        agreement=float((reference.argmax(axis=1) == converted.argmax(axis=1)).mean()),
    )
