"""Work for a cluster, what this process makes of it, and clusters to be used or broken."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from android_runner.sequences import Sequences
from benchmark.accuracy import job_of
from benchmark.workers.job import Chunk, Job, plan
from benchmark.workers.processes import Here
from export.artifact import build
from export.checkpoint import open_checkpoint
from tests.benchmark.cluster.dask_cluster import DaskCluster, wait_for
from tests.benchmark.cluster.work import CHUNK_ROWS, CHUNK_S, LENGTHS, ROWS, Logits, logits_of


@pytest.fixture(scope="session")
def jobs(small_checkpoint: Path, cache: Path) -> tuple[Job, Job]:
    """float32, then int8, of one checkpoint."""
    checkpoint = open_checkpoint(str(small_checkpoint))
    made = [build(checkpoint, name, LENGTHS, cache / "artifacts") for name in ("float32", "dynamic_int8")]
    return job_of(made[0], "ai-edge-litert"), job_of(made[1], "ai-edge-litert")


@pytest.fixture(scope="session")
def chunks() -> tuple[Chunk, ...]:
    """Random words of 2 to 128 tokens."""
    random = np.random.default_rng(5)
    tokens = random.integers(2, 129, ROWS)
    mask = (np.arange(LENGTHS[-1]) < tokens[:, None]).astype(np.int32)
    rows = Sequences(
        vocabulary_size=200,
        row_ids=np.arange(ROWS, dtype=np.int32),
        input_ids=random.integers(5, 200, mask.shape).astype(np.int32) * mask,
        attention_mask=mask,
        token_type_ids=random.integers(0, 2, mask.shape).astype(np.int32) * mask,
    )
    return plan(rows, LENGTHS, "shortest", CHUNK_ROWS)


@pytest.fixture(scope="session")
def here(jobs: tuple[Job, Job], chunks: tuple[Chunk, ...]) -> tuple[Logits, Logits]:
    """What this process makes of them."""
    first, second = (logits_of(Here(), job, chunks) for job in jobs)
    assert not np.array_equal(first, second)
    return first, second


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """A worker of one thread and one of three, for the tests that leave them as they are."""
    with DaskCluster(tmp_path_factory.mktemp("shared") / "cluster") as cluster:
        cluster.add()
        cluster.add(threads=3)
        wait_for(lambda: cluster.state()["workers"] == 2)
        yield cluster


@pytest.fixture
def own(tmp_path: Path) -> Iterator[DaskCluster]:
    """One to be broken, with slow chunks."""
    with DaskCluster(tmp_path / "cluster", chunk_s=CHUNK_S) as cluster:
        yield cluster
