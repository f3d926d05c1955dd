"""The example pairs as sequences for the true architecture, as many rows as are asked for."""

from __future__ import annotations

import numpy as np

from android_runner.sequences import Sequences
from export.checkpoint import open_checkpoint
from tests.benchmark.small import example_sequences


def example_rows(rows: int) -> Sequences:
    """`rows` sequences of 128 tokens; beyond the 72 example pairs they repeat, under ids of their own."""
    sequences = example_sequences(open_checkpoint("seeded"))
    chosen = np.arange(rows) % len(sequences.row_ids)
    return Sequences(
        row_ids=np.arange(rows),
        input_ids=sequences.input_ids[chosen],
        attention_mask=sequences.attention_mask[chosen],
        token_type_ids=sequences.token_type_ids[chosen],
        vocabulary_size=sequences.vocabulary_size,
    )
