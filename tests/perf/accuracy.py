"""The accuracy loop on this machine: pairs per second, float32 against int8."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmark.accuracy import host_logits
from benchmark.listener import Listener
from export.artifact import ArtifactFiles, build
from export.checkpoint import open_checkpoint
from tests.perf.compare import alternate, line, ratio, spread
from tests.perf.rows import example_rows

ROWS, ROUNDS, THREADS = 200, 4, 2


def main() -> None:
    """The seeded true architecture over 200 rows, opening the file included."""
    checkpoint = open_checkpoint("seeded")
    int8, float32 = alternate(
        ROUNDS, *(_pairs_per_s(build(checkpoint, r)) for r in ("dynamic_int8", "float32"))
    )
    line(
        f"accuracy loop, {ROWS} rows, {THREADS} threads",
        f"int8 {spread(int8, 'pairs/s')}",
        f"float32 {spread(float32, 'pairs/s')}",
        f"int8 {ratio(int8, float32)} of float32",
        target="> 1",
    )


def _pairs_per_s(files: ArtifactFiles) -> Callable[[], float]:
    rows = example_rows(ROWS)

    def run() -> float:
        before = time.perf_counter()
        host_logits(files, rows, runtime="ai-edge-litert", threads=THREADS, listener=Listener())
        return ROWS / (time.perf_counter() - before)

    return run
