"""Workers of this machine: each row once, the same bits however many there are, and none left behind."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from android_runner.sequences import Sequences
from benchmark.accuracy import job_of
from benchmark.answers import Answers
from benchmark.listener import Listener
from benchmark.predict import predict
from benchmark.workers import inside
from benchmark.workers.job import Chunk, Done, Job, Workers, plan
from benchmark.workers.processes import FEWEST_ROWS, Here, Processes, workers_for
from export.artifact import build
from export.checkpoint import open_checkpoint
from results.errors import ConversionError, WorkersLost
from results.predictions import write_predictions
from tests.benchmark.many_pairs import write_pairs

LENGTHS = (24, 40, 128)
ROWS = 400


@pytest.fixture(scope="module")
def job(small_checkpoint: Path, cache: Path) -> Job:
    """The small checkpoint with three signatures."""
    files = build(open_checkpoint(str(small_checkpoint)), "float32", LENGTHS, cache / "artifacts")
    return job_of(files, "ai-edge-litert")


@pytest.fixture(scope="module")
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


def cores_of(process: int) -> str:
    found = re.search(r"^Cpus_allowed_list:\s*(\S+)$", Path(f"/proc/{process}/status").read_text(), re.M)
    assert found
    return found[1]


@pytest.mark.parametrize("size", [1, 7, 64, 1000])
def test_a_plan_has_every_row_once(rows: Sequences, size: int) -> None:
    """A row that is in no chunk has logits of whatever was in memory; one in two is counted twice."""
    chunks = plan(rows, LENGTHS, "shortest", size)
    assert sorted(np.concatenate([chunk.places for chunk in chunks]).tolist()) == list(range(ROWS))
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    lengths = [chunk.length for chunk in chunks]
    assert lengths == sorted(lengths, reverse=True)
    assert {*lengths} == {*LENGTHS}
    for chunk in chunks:
        assert 1 <= len(chunk.places) <= size
        for name, part in (
            ("input_ids", chunk.ids),
            ("attention_mask", chunk.mask),
            ("token_type_ids", chunk.types),
        ):
            assert np.array_equal(part, getattr(rows, name)[chunk.places, : chunk.length])
        tokens = rows.attention_mask[chunk.places].sum(axis=1)
        longer = [length for length in LENGTHS if length > chunk.length]
        shorter = [length for length in LENGTHS if length < chunk.length]
        assert not longer or tokens.max() < chunk.length  # longer than the row, see export/lengths.py
        assert not shorter or tokens.min() >= max(shorter)


def test_a_plan_that_pads_every_row(rows: Sequences) -> None:
    """ "fixed" is how the paper's latency is measured, and how the device's predictions are compared."""
    chunks = plan(rows, LENGTHS, "fixed")
    assert {chunk.length for chunk in chunks} == {128}
    assert np.array_equal(np.concatenate([chunk.places for chunk in chunks]), np.arange(ROWS))


def test_the_same_bits_by_any_workers(job: Job, rows: Sequences) -> None:
    """The promise: predictions depend on model and rows, never on how many evaluated or in which pieces."""
    expected = logits_of(Here(), job, plan(rows, LENGTHS, "shortest"))
    assert np.isfinite(expected).all()
    assert len(np.unique(expected, axis=0)) > ROWS // 2
    for count, size in ((1, 64), (2, 7), (3, 64), (2, 1)):
        found = logits_of(Processes(count), job, plan(rows, LENGTHS, "shortest", size))
        assert found.tobytes() == expected.tobytes(), (count, size)


def test_each_worker_has_a_core(job: Job, rows: Sequences) -> None:
    """Two on one core while another is idle take twice as long."""
    usable = sorted(os.sched_getaffinity(0))
    with Processes(len(usable) + 1) as workers:
        who: set[int] = set()
        until = time.monotonic() + 30
        while len(who) < workers.count and time.monotonic() < until:  # one may be done before others begin
            who |= {pid(done) for done in workers.run(job, plan(rows, LENGTHS, "shortest", 1))}
        ended = [cores_of(child.pid) for child in multiprocessing.active_children() if child.pid]
    assert sorted(ended) == sorted(map(str, [*usable, usable[0]]))
    assert os.sched_getaffinity(0) == set(usable)
    assert os.getpid() not in who


def test_under_taskset_of_one_core(job: Job, rows: Sequences, one_core: int) -> None:
    """A container's share of a machine: other cores are not ours."""
    assert workers_for(FEWEST_ROWS, None).count == 1
    with Processes(2) as workers:
        list(workers.run(job, plan(rows, LENGTHS, "shortest", 1)))
        children = [child.pid for child in multiprocessing.active_children() if child.pid]
        assert [cores_of(child) for child in children] == [str(one_core)] * 2


def test_few_rows_need_no_processes() -> None:
    """A slice of a hundred pairs would wait longer for processes than for the pairs."""
    assert isinstance(workers_for(FEWEST_ROWS - 1, None), Here)
    assert isinstance(workers_for(FEWEST_ROWS, None), Processes)
    assert workers_for(100, 2).count == 2


def test_more_workers_than_work(job: Job, rows: Sequences) -> None:
    """1,024 asked for, typed with a digit too many: no more processes than chunks."""
    chunks = plan(rows, LENGTHS, "shortest", 100)
    most = 0
    with workers_for(ROWS, 1024) as workers:
        for _ in workers.run(job, chunks):
            most = max(most, len(multiprocessing.active_children()))
    assert 1 < most <= len(chunks) < 10


def test_one_is_killed_in_the_middle(job: Job, rows: Sequences) -> None:
    """As the kernel does where memory is short: its chunk is done again, and nothing twice."""
    chunks = plan(rows, LENGTHS, "shortest", 4)
    expected = logits_of(Here(), job, chunks)
    killed: set[int] = set()

    class Killing(Processes):
        def run(self, job: Job, chunks: Sequence[Chunk]) -> Iterator[Done]:
            for number, done in enumerate(super().run(job, chunks)):
                alive = {child.pid for child in multiprocessing.active_children() if child.pid} - killed
                if number >= 20 * len(killed) + 2 and len(killed) < 3 and alive:
                    os.kill(min(alive), signal.SIGKILL)
                    killed.add(min(alive))
                yield done

    assert logits_of(Killing(2), job, chunks).tobytes() == expected.tobytes()
    assert killed


def test_all_die_again_and_again(job: Job, rows: Sequences, tmp_path: Path) -> None:
    """An error after a few tries, nothing left running, and what had ended is kept for the next call."""
    answers = Answers.of_labels(("a", "b", "c"))
    pairs: Any = SimpleNamespace(sequences=rows, answers=answers, gold=np.zeros(ROWS, np.int64))
    kept = tmp_path / "chunks.kept"
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(0.01):
            for child in multiprocessing.active_children():
                child.kill()

    class KillsAtOnce(Listener):
        def on_progress(self, done: int, total: int, unit: str) -> None:
            if not killer.is_alive():
                killer.start()

    def bytes_by(workers: Workers, listener: Listener) -> tuple[bytes, int]:
        with (
            workers,
            predict(
                job,
                pairs,
                lengths=LENGTHS,
                policy="shortest",
                workers=workers,
                kept_in=kept,
                listener=listener,
            ) as done,
        ):
            return write_predictions(done.predictions), done.kept_rows

    killer = threading.Thread(target=kill)
    began = time.monotonic()
    with pytest.raises(WorkersLost, match="3 times a worker process"):
        bytes_by(Processes(2), KillsAtOnce())
    stop.set()
    killer.join()
    assert time.monotonic() - began < 20
    assert multiprocessing.active_children() == []
    assert kept.exists()
    resumed, kept_rows = bytes_by(Processes(2), Listener())
    assert 0 < kept_rows < ROWS
    assert not kept.exists()
    assert bytes_by(Here(), Listener()) == (resumed, 0)


def test_an_error_arrives_whole(job: Job, rows: Sequences, tmp_path: Path) -> None:
    """A file that does not run: our own error with its advice, not that some process broke."""
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(job.model.read_bytes()[:5000])
    spoilt = dataclasses.replace(job, model=damaged, sha256="0" * 64)
    found = []
    for workers in (Here(), Processes(2)):
        with pytest.raises(ConversionError) as caught, workers:
            list(workers.run(spoilt, plan(rows, LENGTHS, "shortest")))
        found.append((caught.value.what, caught.value.next_step, caught.value.facts))
    assert found[0] == found[1]
    assert found[1][2]["path"] == damaged
    assert "damaged.tflite" in found[1][0]


def test_workers_take_one_job_after_another(
    job: Job, rows: Sequences, small_checkpoint: Path, cache: Path
) -> None:
    """One pool evaluates every recipe: each chunk by the file of its own job."""
    files = build(open_checkpoint(str(small_checkpoint)), "dynamic_int8", LENGTHS, cache / "artifacts")
    chunks = plan(rows, LENGTHS, "shortest")
    with Processes(2) as workers:
        one, two, again = (
            {done.number: done.logits for done in workers.run(each, chunks)}
            for each in (job, job_of(files, "ai-edge-litert"), job)
        )
    assert all(np.array_equal(one[number], again[number]) for number in one)
    assert not any(np.array_equal(one[number], two[number]) for number in one)


def test_it_stops_within_a_chunk(job: Job, rows: Sequences) -> None:
    """A chunk of a large model takes seconds; Ctrl-C must not wait for its end."""
    asked = []
    (chunk, *_) = plan(rows, LENGTHS, "shortest")

    def stop() -> bool:
        asked.append(1)
        return len(asked) == 3

    with pytest.raises(CancelledError):
        inside.work(job, chunk, stop)
    assert len(chunk.places) > 3


def test_leaving_early_ends_them(job: Job, rows: Sequences) -> None:
    """An error elsewhere leaves hundreds of chunks: they are not waited for."""
    chunks = plan(rows, LENGTHS, "shortest", 1) * 100
    began = time.monotonic()
    with Processes(2) as workers:
        next(iter(workers.run(job, chunks)))
    assert time.monotonic() - began < 10
    assert multiprocessing.active_children() == []


def test_one_that_was_stopped_is_ended(job: Job, rows: Sequences) -> None:
    """A worker that a signal stopped cannot see that it should end: nobody waits for it for ever."""
    chunks = plan(rows, LENGTHS, "shortest", 1) * 100
    with Processes(2) as workers:
        stopped = pid(next(iter(workers.run(job, chunks))))
        os.kill(stopped, signal.SIGSTOP)
        began = time.monotonic()
    assert time.monotonic() - began < 15
    assert not Path(f"/proc/{stopped}").exists()


def test_memory_is_of_this_file(job: Job, rows: Sequences) -> None:
    """float32 needs four times the memory of int8: the second one's number must not be the first one's."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        pytest.skip("this kernel does not let a process forget its peak of memory")
    (chunk, *_) = plan(rows, LENGTHS, "shortest")
    before = inside.work(job, chunk).worker.peak_rss_bytes
    size = 300_000_000
    np.ones(size, np.uint8)
    after = inside.work(job, chunk).worker.peak_rss_bytes
    another = inside.work(dataclasses.replace(job, sha256="2" * 64), chunk).worker.peak_rss_bytes
    assert before is not None
    assert after is not None
    assert another is not None
    assert after > before + size / 2
    assert another < after - size / 2


_UNGUARDED = """
import sys
from benchmark.cli import call
print("exit", call(sys.argv[1:]))
"""


@pytest.mark.parametrize("by_file", [True, False])
def test_a_script_without_a_guard(
    own_folder: None, small_checkpoint: Path, by_file: bool, tmp_path: Path
) -> None:
    """Its call would begin anew in every worker: each would open runs of its own, and none would work."""
    script = tmp_path / "script.py"
    script.write_text(_UNGUARDED)
    pairs = write_pairs(tmp_path / "pairs.tsv", 150)
    words = ["accuracy", "--checkpoint", small_checkpoint, "--pairs", pairs, "--lengths", "24,40,128"]
    ended = subprocess.run(
        [sys.executable, script if by_file else "-", *map(str, words), "--recipe", "float32", "--workers=2"],
        capture_output=True,
        input="" if by_file else _UNGUARDED,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert ended.stdout.endswith("exit 0\n"), ended.stderr
    assert "Traceback" not in ended.stderr
    assert [path.name for path in Path("runs").iterdir()] == ["0001"]


@pytest.mark.parametrize("verbose", [False, True])
def test_what_they_say_on_stderr(
    own_folder: None, small_checkpoint: Path, verbose: bool, tmp_path: Path
) -> None:
    """LiteRT greets from C++ in every worker: between the lines of a progress, only who asks wants it."""
    pairs = write_pairs(tmp_path / "pairs.tsv", 150)
    words = ["accuracy", "--checkpoint", small_checkpoint, "--pairs", pairs, "--lengths", "24,40,128"]
    more = ["--recipe", "float32", "--workers=2", *(["--verbose"] if verbose else [])]
    argv = [Path(sys.executable).with_name("mobilebert-bench"), *words, *more]
    ended = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    said = [line for line in ended.stderr.splitlines() if re.search("XNNPACK|INFO|^W0000|worker", line)]
    of_workers = [line for line in said if re.match(r"worker \d+: \S+: ", line)]
    assert (said == []) == (not verbose), said
    assert bool(of_workers) == verbose
    if verbose:
        assert any("native stderr" in line for line in of_workers), of_workers
