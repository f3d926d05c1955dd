"""One model and rows for the workers of this machine; whatever a test did, its processes are gone."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from android_runner.sequences import Sequences
from benchmark.accuracy import job_of
from benchmark.workers.job import Job
from export.artifact import build
from export.checkpoint import open_checkpoint
from tests.benchmark.workers.rows import LENGTHS, ROWS


@pytest.fixture(scope="session")
def job(small_checkpoint: Path, cache: Path) -> Job:
    """The small checkpoint with three signatures."""
    files = build(open_checkpoint(str(small_checkpoint)), "float32", LENGTHS, cache / "artifacts")
    return job_of(files, "ai-edge-litert")


@pytest.fixture(scope="session")
def rows() -> Sequences:
    """Random words; of 2 to 128 tokens, those at each signature's border among them."""
    random = np.random.default_rng(5)
    tokens = np.concatenate([(2, 23, 24, 25, 39, 40, 41, 127, 128), random.integers(2, 129, ROWS - 9)])
    random.shuffle(tokens)
    mask = (np.arange(LENGTHS[-1]) < tokens[:, None]).astype(np.int32)
    return Sequences(
        row_ids=random.permutation(10 * ROWS)[:ROWS].astype(np.int32),
        input_ids=random.integers(5, 200, mask.shape).astype(np.int32) * mask,
        attention_mask=mask,
        token_type_ids=random.integers(0, 2, mask.shape).astype(np.int32) * mask,
        vocabulary_size=1000,
    )


@pytest.fixture(autouse=True)
def none_left() -> Iterator[None]:
    """Whatever a test did, its processes are gone."""
    yield
    assert multiprocessing.active_children() == []


@pytest.fixture
def one_core() -> Iterator[int]:
    """This process may use one core only, as under taskset."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    yield max(before)
    os.sched_setaffinity(0, before)
