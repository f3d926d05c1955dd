"""Small things that the tests of whole jobs share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from android_runner.sequences import Sequences
from benchmark.example import __file__ as example
from export.artifact import ArtifactFiles

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
