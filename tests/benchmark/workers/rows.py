"""What the rows of these tests are, and their logits by some workers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmark.listener import Listener
from benchmark.workers.job import Chunk, Done, Job, Workers

LENGTHS = (24, 40, 128)
ROWS = 400


def logits_of(workers: Workers, job: Job, chunks: Sequence[Chunk]) -> NDArray[np.float32]:
    """Of every row, in the order of the sequences; each chunk is given once."""
    logits = np.full((sum(len(chunk.places) for chunk in chunks), job.labels), np.nan, np.float32)
    by_number = {chunk.number: chunk for chunk in chunks}
    with workers:
        for done in workers.run(job, chunks):
            logits[by_number.pop(done.number).places] = done.logits
    assert by_number == {}
    return logits


def pid(done: Done) -> int:
    return int(done.worker.name.rpartition("/")[2])


class Heard(Listener):
    """What hit the workers, as a user is told."""

    def __init__(self) -> None:
        self.hits: list[str] = []

    def on_hit(self, text: str) -> None:
        self.hits.append(text)
