"""A Dask cluster evaluates as this machine does: nothing lost, nothing twice, nothing left there."""

from __future__ import annotations

import collections
import time
from pathlib import Path

import numpy as np
import pytest

from benchmark.listener import Listener
from benchmark.workers.cluster import join
from benchmark.workers.job import Chunk, Job
from results.errors import HarnessError, WorkersLost
from tests.benchmark.cluster.dask_cluster import DaskCluster, wait_for
from tests.benchmark.cluster.work import Logits, logits_of


def test_the_same_logits_and_nothing_left(
    shared: DaskCluster, jobs: tuple[Job, Job], chunks: tuple[Chunk, ...], here: tuple[Logits, Logits]
) -> None:
    """Two files over the same chunks: none is served the other's results, or its own of an earlier time."""
    before = len(shared.begun())
    for _ in range(2):
        with join(shared.address, Listener()) as workers:
            assert workers.count == 4
            for job, expected in zip(jobs, here, strict=True):
                assert np.array_equal(logits_of(workers, job, chunks), expected)
    counts = collections.Counter((recipe, number) for recipe, number, _ in shared.begun()[before:])
    assert set(counts.values()) == {2}
    assert len(counts) == 2 * len(chunks)
    assert len({pid for _, _, pid in shared.begun()[before:]}) == 2
    assert shared.state() == {"tasks": 0, "plugins": [], "clients": [], "workers": 2}
    assert not list(shared.folder.rglob("mobilebert-bench-*"))


def test_interrupted(shared: DaskCluster, jobs: tuple[Job, Job], chunks: tuple[Chunk, ...]) -> None:
    """Ctrl-C in the middle of an evaluation gives the cluster back at once, with nothing of ours on it."""
    began = None
    with pytest.raises(KeyboardInterrupt), join(shared.address, Listener()) as workers:  # noqa: PT012
        for number, _ in enumerate(workers.run(jobs[0], chunks)):
            if number == 3:
                began = time.monotonic()
                raise KeyboardInterrupt
    assert began is not None
    assert time.monotonic() - began < 2
    wait_for(lambda: shared.state() == {"tasks": 0, "plugins": [], "clients": [], "workers": 2})


def test_errors_travel() -> None:
    """A worker's error arrives as the same error, with what to do."""
    import pickle

    sent: HarnessError = WorkersLost("what", next_step="next", path=Path("x"))
    assert pickle.loads(pickle.dumps(sent)).render() == sent.render()
