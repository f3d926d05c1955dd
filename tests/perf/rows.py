"""Sequences for the true architecture: the example pairs, as many rows as are asked for, and MNLI's."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from android_runner.sequences import Sequences
from benchmark.config import Config
from benchmark.inputs import Prepared, prepare
from export.checkpoint import Checkpoint, open_checkpoint
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


def mnli(checkpoint: Checkpoint, *, rows: int | None = None) -> Prepared | None:
    """All MNLI matched pairs, or a slice, as 128 tokens; None where they are not at hand."""
    folder = Path(os.environ.get("MOBILEBERT_BENCH_DATA") or "data")
    if not (folder / "mnli_dev_matched.tsv").is_file():
        return None
    return prepare(
        Config(pairs=folder / "mnli_dev_matched.tsv", vocab=folder / "vocab.txt", slice_rows=rows),
        length=128,
        labels=checkpoint.labels,
        vocabulary_size=checkpoint.config.vocab_size,
        exact=True,
        checkpoint_vocabulary=None,
    )
