"""The example pairs as sequences for the true architecture, as many rows as are asked for."""

from __future__ import annotations

import numpy as np

from android_runner.sequences import Sequences
from benchmark.config import Config
from benchmark.inputs import prepare
from export.checkpoint import open_checkpoint
from tests.benchmark.small import EXAMPLE


def example_rows(rows: int) -> Sequences:
    """`rows` sequences of 128 tokens; beyond the 72 example pairs they repeat, under ids of their own."""
    checkpoint = open_checkpoint("seeded")
    prepared = prepare(
        Config(pairs=EXAMPLE / "pairs.tsv", vocab=EXAMPLE / "vocab.txt"),
        length=128,
        labels=checkpoint.labels,
        vocabulary_size=checkpoint.config.vocab_size,
        exact=False,
        checkpoint_vocabulary=None,
    )
    chosen = np.arange(rows) % len(prepared.sequences.row_ids)
    return Sequences(
        row_ids=np.arange(rows),
        input_ids=prepared.sequences.input_ids[chosen],
        attention_mask=prepared.sequences.attention_mask[chosen],
        token_type_ids=prepared.sequences.token_type_ids[chosen],
        vocabulary_size=prepared.sequences.vocabulary_size,
    )
