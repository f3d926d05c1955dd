"""Chunks done by workers, each once; what was said meanwhile."""

from __future__ import annotations

import os
import signal

import numpy as np
from numpy.typing import NDArray

from benchmark.listener import Listener
from benchmark.workers.job import Chunk, Job, Workers
from tests.benchmark.cluster.dask_cluster import DaskCluster, wait_for

LENGTHS = (24, 40, 128)
ROWS, CHUNK_ROWS, CHUNK_S = 400, 8, 0.05

Logits = NDArray[np.float32]


class Heard(Listener):
    """What was said."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def on_step(self, text: str) -> None:
        self.steps.append(text)

    on_hit = on_step


def logits_of(workers: Workers, job: Job, chunks: tuple[Chunk, ...]) -> Logits:
    """Of every row, each chunk once."""
    logits = np.full((ROWS, job.labels), np.nan, np.float32)
    seen: set[int] = set()
    for done in workers.run(job, chunks):
        assert done.number not in seen
        seen.add(done.number)
        logits[chunks[done.number].places] = done.logits
    assert len(seen) == len(chunks)
    return logits


def kill_after(cluster: DaskCluster, pid: int, chunks: int) -> None:
    """SIGKILL to a worker while it is at its chunk of that number."""
    wait_for(lambda: sum(who == pid for _, _, who in cluster.begun()) == chunks)
    os.kill(pid, signal.SIGKILL)
