"""Workers that would compute otherwise are named, and nothing of them is taken."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from benchmark.listener import Listener
from benchmark.workers.cluster import join
from benchmark.workers.job import Chunk, Job
from results.errors import ConfigError
from tests.benchmark.cluster.dask_cluster import DaskCluster, wait_for
from tests.benchmark.cluster.work import CHUNK_S, logits_of

_OTHER_VERSION = """
import importlib.metadata
version = importlib.metadata.version
importlib.metadata.version = lambda name: "9.8" if name == {name!r} else version(name)
"""
_WITHOUT_US = """
import importlib.metadata, sys
version = importlib.metadata.version
def other(name):
    if name == "mobilebert-bench":
        raise importlib.metadata.PackageNotFoundError(name)
    return version(name)
importlib.metadata.version = other
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("benchmark", "export", "results", "android_runner"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
"""
_UNFIT = {
    "without": (_WITHOUT_US, "has no mobilebert-bench"),
    "other-runtime": (_OTHER_VERSION.format(name="ai-edge-litert"), "has ai-edge-litert 9.8, and here it is"),
    "other-numpy": (_OTHER_VERSION.format(name="numpy"), "has numpy 9.8, and here it is"),
}


@pytest.fixture(scope="module")
def unfit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """Workers that lack something, one after the other, beside one that is fit."""
    with DaskCluster(tmp_path_factory.mktemp("unfit") / "cluster", chunk_s=CHUNK_S) as cluster:
        cluster.add()
        wait_for(lambda: cluster.state()["workers"] == 1)
        yield cluster


@pytest.mark.parametrize("which", _UNFIT)
def test_unfit_workers_are_named(
    unfit: DaskCluster, jobs: tuple[Job, Job], chunks: tuple[Chunk, ...], which: str
) -> None:
    """Other software there may predict otherwise: nothing runs, before anything was computed."""
    preload, said = _UNFIT[which]
    before = len(unfit.begun())
    unfit.add(preload=preload)
    wait_for(lambda: unfit.state()["workers"] == 2)
    try:
        with (
            join(unfit.address, Listener()) as workers,
            pytest.raises(ConfigError, match="do not compute what this machine would") as caught,
        ):
            logits_of(workers, jobs[0], chunks)
    finally:
        unfit.workers[-1].kill()
        wait_for(lambda: unfit.state()["workers"] == 1)
    assert said in caught.value.what
    assert caught.value.what.count("tcp://127.0.0.1:") == 1
    assert len(unfit.begun()) == before


@pytest.mark.parametrize("which", ["without", "other-numpy"])
def test_an_unfit_worker_joins_later(
    unfit: DaskCluster, jobs: tuple[Job, Job], chunks: tuple[Chunk, ...], which: str
) -> None:
    """Its first task says so; no result of it is ever taken."""
    preload, said = _UNFIT[which]

    def turn_up() -> None:
        before = len(unfit.begun())
        wait_for(lambda: len(unfit.begun()) > before + 2)
        unfit.add(preload=preload)

    try:
        with join(unfit.address, Listener()) as workers, ThreadPoolExecutor(1) as pool:
            pool.submit(turn_up)
            with pytest.raises(ConfigError) as caught:  # noqa: PT012
                for _ in range(20):
                    logits_of(workers, jobs[0], chunks)
    finally:
        unfit.workers[-1].kill()
        wait_for(lambda: unfit.state()["workers"] == 1)
    assert said in caught.value.what
    assert "tcp://127.0.0.1:" in caught.value.what
