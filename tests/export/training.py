"""Rows to calibrate with and checkpoints to quantize, without files of pairs."""

from __future__ import annotations

import dataclasses

import numpy as np

from export import parity
from export.architecture import MobileBertConfig
from export.calibration import TrainingRows
from export.checkpoint import Checkpoint


def drawn_rows(config: MobileBertConfig, length: int, rows: int, *, skip: int = 0) -> TrainingRows:
    """Seeded random sequences of all lengths, without the first `skip` of them."""
    drawn = parity.draw_sequences(config, length, skip + rows)[skip:]
    return TrainingRows(
        ids=np.stack([each.ids for each in drawn]),
        mask=np.stack([each.mask for each in drawn]),
        types=np.stack([each.types for each in drawn]),
        name="drawn rows",
        sha256="0" * 64,
    )


def untrained(checkpoint: Checkpoint) -> Checkpoint:
    """The same, known for weights that predict nothing: its predictions are no reason to refuse a recipe."""
    return dataclasses.replace(checkpoint, weights=dataclasses.replace(checkpoint.weights, trained=False))
