"""A Dask cluster evaluates as this machine does, whoever dies in the middle: nothing lost, nothing twice."""

from __future__ import annotations

import collections
import json
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from android_runner.sequences import Sequences
from benchmark.accuracy import job_of
from benchmark.cli import call
from benchmark.listener import Listener
from benchmark.workers.cluster import join
from benchmark.workers.job import Chunk, Job, Workers, plan
from benchmark.workers.processes import Here
from export.artifact import build
from export.checkpoint import open_checkpoint
from results.errors import ConfigError, HarnessError, WorkersLost
from tests.benchmark.dask_cluster import DaskCluster, wait_for
from tests.benchmark.many_pairs import write_pairs

LENGTHS = (24, 40, 128)
ROWS, CHUNK_ROWS, CHUNK_S = 400, 8, 0.05

Logits = NDArray[np.float32]


class Heard(Listener):
    """What was said."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def on_step(self, text: str) -> None:
        self.steps.append(text)


@pytest.fixture(scope="module")
def jobs(small_checkpoint: Path, cache: Path) -> tuple[Job, Job]:
    """float32, then int8, of one checkpoint."""
    checkpoint = open_checkpoint(str(small_checkpoint))
    made = [build(checkpoint, name, LENGTHS, cache / "artifacts") for name in ("float32", "dynamic_int8")]
    return job_of(made[0], "ai-edge-litert"), job_of(made[1], "ai-edge-litert")


@pytest.fixture(scope="module")
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


@pytest.fixture(scope="module")
def here(jobs: tuple[Job, Job], chunks: tuple[Chunk, ...]) -> tuple[Logits, Logits]:
    """What this process makes of them."""
    first, second = (logits_of(Here(), job, chunks) for job in jobs)
    assert not np.array_equal(first, second)
    return first, second


@pytest.fixture(scope="module")
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


def kill_after(cluster: DaskCluster, pid: int, chunks: int) -> None:
    """SIGKILL to a worker while it is at its chunk of that number."""
    wait_for(lambda: sum(who == pid for _, _, who in cluster.begun()) == chunks)
    os.kill(pid, signal.SIGKILL)


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


@pytest.fixture
def words(own_folder: None, small_checkpoint: Path, tmp_path: Path) -> list[str]:
    pairs = write_pairs(tmp_path / "pairs.tsv", 1200)
    named = ["accuracy", "--checkpoint", str(small_checkpoint), "--pairs", str(pairs)]
    return [*named, "--lengths", "24,40,128", "--recipe", "dynamic_int8"]


def record(run: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(run, "record.json").read_text())
    return found


def predictions(run: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(run).glob("predictions-*.csv")}


def test_the_whole_command(shared: DaskCluster, words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """The files of predictions are those of one process and of two, byte for byte."""
    for name, how in {
        "one": ("--workers", "1"),
        "two": ("--workers", "2"),
        "cluster": ("--scheduler", shared.address),
    }.items():
        assert call([*words, "--output", name, *how]) == 0, capfd.readouterr().err
    assert len(predictions("one/0001")) == 2
    assert predictions("one/0001") == predictions("two/0001") == predictions("cluster/0001")
    for accuracy in record("cluster/0001")["accuracies"]:
        assert accuracy["engine"] == "dask"
        assert accuracy["workers"] == 2
        assert accuracy["rows"] == 1200
        assert len(accuracy["processors"]) == 1
        assert 50e6 < accuracy["peak_rss_bytes"] < 350e6
    said = capfd.readouterr().err
    assert f"Joining the cluster at {shared.address}." in said
    assert "by 4 workers" in said
    assert "distributed" not in said


def test_the_scheduler_is_killed(
    own: DaskCluster, words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What ended is kept; a new cluster does the rest, and no kept chunk again."""
    assert call([*words, "--output", "undisturbed", "--workers", "2"]) == 0
    own.add(threads=2)
    wait_for(lambda: own.state()["workers"] == 1)
    killed_at = []

    def kill() -> None:
        wait_for(lambda: len(own.begun()) > 12)
        own.scheduler.kill()
        killed_at.append(time.monotonic())

    with ThreadPoolExecutor(1) as pool:
        pool.submit(kill)
        assert call([*words, "--scheduler", own.address]) == 4
        assert time.monotonic() - killed_at[0] < 10
    err = capfd.readouterr().err
    assert "error: workers-lost" in err
    assert f"The scheduler at {own.address} is gone" in err
    assert "Traceback" not in err
    before = {number for recipe, number, _ in own.begun()}
    with DaskCluster(tmp_path / "another") as another:
        another.add()
        assert call(["resume", "runs/0001", "--scheduler", another.address]) == 0, capfd.readouterr().err
        again = [number for recipe, number, _ in another.begun() if recipe == "dynamic_int8"]
    assert len(set(again)) == len(again)
    assert len(before & set(again)) <= 4  # that ran as the scheduler died, or were not fetched yet
    assert len(before | set(again)) == max(again) + 1
    accuracy = record("runs/0001")["accuracies"][0]
    assert accuracy["kept_rows"] > 0
    assert accuracy["rows"] == 1200
    assert predictions("runs/0001") == predictions("undisturbed/0001")


def test_resumed_on_this_machine(
    own: DaskCluster, words: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """A cluster that is gone for good must not take the run with it."""
    own.add()
    with ThreadPoolExecutor(1) as pool:

        def kill() -> None:
            wait_for(lambda: len(own.begun()) > 3)
            own.scheduler.kill()

        pool.submit(kill)
        assert call([*words, "--scheduler", own.address]) == 4
    assert call(["resume", "runs/0001"]) == 4
    assert "nothing answers there" in capfd.readouterr().err
    assert call(["resume", "runs/0001", "--scheduler", "none"]) == 0, capfd.readouterr().err
    assert record("runs/0001")["accuracies"][0]["engine"] == "processes"


def test_errors_travel() -> None:
    """A worker's error arrives as the same error, with what to do."""
    import pickle

    sent: HarnessError = WorkersLost("what", next_step="next", path=Path("x"))
    assert pickle.loads(pickle.dumps(sent)).render() == sent.render()
