"""Small things that the tests of whole jobs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from android_runner.sequences import Sequences
from benchmark.config import Config
from benchmark.example import __file__ as example
from benchmark.inputs import prepare
from export.artifact import ArtifactFiles
from export.checkpoint import Checkpoint

EXAMPLE = Path(example).parent
QUICK = ("--launches", "5", "--inferences", "36", "--warmup-inferences", "2", "--warmup-seconds", "0.05")

Logits = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Real:
    """The seeded true architecture in int8: rows, and their logits by this host."""

    files: ArtifactFiles
    rows: Sequences
    host: Logits
    float32: Logits


def example_sequences(checkpoint: Checkpoint) -> Sequences:
    """All example pairs, as 128 tokens of the example vocabulary."""
    return prepare(
        Config(pairs=EXAMPLE / "pairs.tsv", vocab=EXAMPLE / "vocab.txt"),
        length=128,
        labels=checkpoint.labels,
        vocabulary_size=checkpoint.config.vocab_size,
        exact=False,
        checkpoint_vocabulary=None,
    ).sequences
