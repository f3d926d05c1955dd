"""Whoever dies or hangs in the middle, nothing is lost, and what cannot go on ends in one clear error."""

from __future__ import annotations

import collections
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from benchmark.listener import Listener
from benchmark.workers import watch
from benchmark.workers.cluster import join
from benchmark.workers.job import Chunk, Job
from results.errors import WorkersLost
from tests.benchmark.cluster.dask_cluster import DaskCluster, wait_for
from tests.benchmark.cluster.work import CHUNK_S, Heard, Logits, kill_after, logits_of


def test_a_worker_is_killed(
    own: DaskCluster, jobs: tuple[Job, Job], chunks: tuple[Chunk, ...], here: tuple[Logits, Logits]
) -> None:
    """It costs the chunk that it was at, and the one that it had ready; the others are done once."""
    victim, _ = own.add(), own.add()
    wait_for(lambda: own.state()["workers"] == 2)
    with join(own.address, Listener()) as workers, ThreadPoolExecutor(1) as pool:
        pool.submit(kill_after, own, victim, 5)
        assert np.array_equal(logits_of(workers, jobs[0], chunks), here[0])
    counts = collections.Counter(number for _, number, _ in own.begun())
    assert set(counts) == set(range(len(chunks)))
    assert 1 <= sum(counts.values()) - len(chunks) <= 3  # the running one, and results not yet fetched
    assert own.workers[0].wait() == -signal.SIGKILL


def test_all_are_killed_and_one_joins(
    own: DaskCluster, jobs: tuple[Job, Job], chunks: tuple[Chunk, ...], here: tuple[Logits, Logits]
) -> None:
    """The model file outlives every worker that had it, and the wait for the next one is announced."""
    first, heard = own.add(threads=2), Heard()

    def turn_over() -> None:
        kill_after(own, first, 8)
        wait_for(lambda: any("waiting up to 60 s" in step for step in heard.steps))
        own.add(threads=2)

    with join(own.address, heard) as workers, ThreadPoolExecutor(1) as pool:
        turned = pool.submit(turn_over)
        assert np.array_equal(logits_of(workers, jobs[1], chunks), here[1])
        turned.result()
    begun = own.begun()
    assert len({pid for _, _, pid in begun}) == 2
    assert len(begun) - len(chunks) <= 5


def test_nobody_comes(own: DaskCluster, jobs: tuple[Job, Job], chunks: tuple[Chunk, ...]) -> None:
    """A cluster without workers is waited for, for a while, before and in the middle."""
    heard = Heard()
    with pytest.raises(WorkersLost, match=r"has had no worker for 0\.3 s"):
        join(own.address, heard, patience_s=0.3)
    assert any(f"No worker answers at {own.address}" in step for step in heard.steps)
    pid = own.add()
    wait_for(lambda: own.state()["workers"] == 1)
    with join(own.address, heard, patience_s=0.3) as workers, ThreadPoolExecutor(1) as pool:
        pool.submit(kill_after, own, pid, 3)
        with pytest.raises(WorkersLost, match="has had no worker"):
            logits_of(workers, jobs[0], chunks)


def test_a_worker_hangs(
    own: DaskCluster,
    jobs: tuple[Job, Job],
    chunks: tuple[Chunk, ...],
    here: tuple[Logits, Logits],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before all are asked, where it holds up the others: it is named, and when it answers all goes on."""
    monkeypatch.setattr(watch, "EVERY_S", 0.3)
    monkeypatch.setattr(watch, "SILENT_S", 2.0)
    hanging, _ = own.add(), own.add()
    wait_for(lambda: own.state()["workers"] == 2)
    heard = Heard()
    os.kill(hanging, signal.SIGSTOP)

    def go_on() -> None:
        wait_for(lambda: heard.steps)
        os.kill(hanging, signal.SIGCONT)

    with join(own.address, heard) as workers, ThreadPoolExecutor(1) as pool:
        going = pool.submit(go_on)
        assert np.array_equal(logits_of(workers, jobs[0], chunks), here[0])
        going.result()
    assert heard.steps[0].startswith("Nothing is heard of the worker tcp://127.0.0.1:")
    assert own.workers[0].poll() is None


def test_the_scheduler_hangs(own: DaskCluster, jobs: tuple[Job, Job], chunks: tuple[Chunk, ...]) -> None:
    """It is there and answers nothing: an end within bounds, of the leaving as well."""
    own.add()
    wait_for(lambda: own.state()["workers"] == 1)

    def hang() -> None:
        wait_for(lambda: len(own.begun()) > 3)
        own.scheduler.send_signal(signal.SIGSTOP)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(hang)
        began = time.monotonic()
        with pytest.raises(WorkersLost), join(own.address, Listener(), patience_s=0.3) as workers:
            logits_of(workers, jobs[0], chunks)
        assert time.monotonic() - began < 30


DEADLY = 7
_DIES_AT = """

import os
from benchmark.workers import inside
def deadly(job, chunk, stop, before=inside.work):
    if chunk.number == {number}:
        os._exit(9)
    return before(job, chunk, stop)
inside.work = deadly
"""


def test_rows_that_kill_every_worker(
    tmp_path: Path, jobs: tuple[Job, Job], chunks: tuple[Chunk, ...]
) -> None:
    """They are named, with those that the same workers had ready; nannies start workers anew meanwhile."""
    with DaskCluster(
        tmp_path / "cluster", chunk_s=CHUNK_S, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="1"
    ) as cluster:
        for _ in range(2):
            cluster.add(preload=_DIES_AT.format(number=DEADLY) + cluster.watched, nanny=True)
        wait_for(lambda: cluster.state()["workers"] == 2)
        with join(cluster.address, Listener()) as workers, pytest.raises(WorkersLost) as caught:
            logits_of(workers, jobs[0], chunks)
    said = caught.value.what
    deadly = chunks[DEADLY]
    assert said.startswith("2 workers died, one after the other, with the same pairs at hand: ")
    assert (
        f"8 pairs of up to {deadly.length} tokens, of which the first is number {deadly.places[0] + 1} of"
        in said
    )
    assert said.count(" pairs of up to ") <= 2
    assert "The last one was tcp://127.0.0.1:" in said


_ASKED = {
    "fitness": """
import importlib.metadata, os
def dies(name):
    os._exit(9)
importlib.metadata.version = dies
""",
    "model": """
import os
from distributed import Worker
async def dies(self, plugin, name=None, before=Worker.plugin_add, **kwargs):
    if name.startswith("mobilebert"):
        os._exit(9)
    return await before(self, plugin, name, **kwargs)
Worker.plugin_add = dies
""",
}


@pytest.mark.parametrize("asked", _ASKED)
def test_a_worker_dies_as_all_are_asked(
    own: DaskCluster,
    jobs: tuple[Job, Job],
    chunks: tuple[Chunk, ...],
    here: tuple[Logits, Logits],
    asked: str,
) -> None:
    """As versions are compared, as the model file is sent: the others are asked again and do it all."""
    own.add()
    with join(own.address, Listener()) as workers:
        own.add(preload=_ASKED[asked])
        wait_for(lambda: own.state()["workers"] == 2)
        assert np.array_equal(logits_of(workers, jobs[0], chunks), here[0])
    assert own.workers[1].wait() == 9
