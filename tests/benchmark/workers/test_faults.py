"""Workers of this machine that die, hang, cannot start or must stop: nothing lost, nobody left behind."""

from __future__ import annotations

import dataclasses
import functools
import gc
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError, Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from android_runner.sequences import Sequences
from benchmark import host_logits
from benchmark.answers import Answers
from benchmark.listener import Listener
from benchmark.predict import predict
from benchmark.workers import inside
from benchmark.workers.job import Chunk, Done, Job, Workers, plan
from benchmark.workers.processes import Here, Processes
from export.runtime import Interpreter
from results.errors import ConversionError, WorkersLost
from results.predictions import write_predictions
from tests.benchmark.workers.rows import LENGTHS, ROWS, Heard, logits_of, pid


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

    heard = Heard()
    assert logits_of(Killing(2, heard), job, chunks).tobytes() == expected.tobytes()
    assert killed
    assert heard.hits[0].startswith("A worker process ended unasked (killed, out of memory, or crashed)")
    assert len(heard.hits) <= len(killed)


def test_all_die_again_and_again(
    job: Job, rows: Sequences, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error after a few tries, nothing left running, and what had ended is kept for the next call."""
    # A row a chunk, so that the work is not done before the first worker is killed.
    monkeypatch.setattr("benchmark.predict.plan", functools.partial(plan, rows=1))
    answers = Answers.of_labels(("a", "b", "c"))
    pairs: Any = SimpleNamespace(sequences=rows, answers=answers, gold=np.zeros(ROWS, np.int64))
    kept = tmp_path / "chunks.kept"
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(0.01):
            for child in multiprocessing.active_children():
                child.kill()

    class KillsAtOnce(Listener):
        def on_progress(self, done: int, total: int, unit: str, share: float | None = None) -> None:
            if not killer.is_alive():
                for child in multiprocessing.active_children():
                    child.kill()
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

    killer = threading.Thread(target=kill, daemon=True)
    began = time.monotonic()
    try:
        with pytest.raises(WorkersLost, match="3 times a worker process"):
            bytes_by(Processes(2), KillsAtOnce())
    finally:
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


def test_pinning_is_refused(
    job: Job, rows: Sequences, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sandbox may forbid it: two unpinned workers are better than none."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os\n"
        "def refuse(*_):\n"
        "    open(os.environ['REFUSED'], 'a').write('x')\n"
        "    raise PermissionError(1, 'Operation not permitted')\n"
        "os.sched_setaffinity = refuse\n"
    )
    monkeypatch.setenv("REFUSED", str(tmp_path / "refused"))
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{Path(__file__).parents[3]}")
    chunks = plan(rows, LENGTHS, "shortest", 16)
    expected = logits_of(Here(), job, chunks)
    assert logits_of(Processes(2), job, chunks).tobytes() == expected.tobytes()
    assert (tmp_path / "refused").read_text() in ("x", "xx")  # one may be done before the other begins


@pytest.mark.parametrize(("number", "why"), [(30, "Read-only file system"), (24, "Too many open files")])
def test_no_process_can_be_started(
    job: Job, rows: Sequences, monkeypatch: pytest.MonkeyPatch, number: int, why: str
) -> None:
    """A read-only /dev/shm, no more open files: our error with what to do, not a fault of the harness."""

    def refuse(_: str) -> None:
        raise OSError(number, why)

    monkeypatch.setattr(multiprocessing, "get_context", refuse)
    with pytest.raises(WorkersLost, match=why) as caught, Processes(2) as workers:
        list(workers.run(job, plan(rows, LENGTHS, "shortest")))
    assert "ulimit -n" in caught.value.next_step


def test_a_worker_has_no_memory_left(job: Job, rows: Sequences, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Python says it, where the system did not kill the worker before."""

    def failed(*_: object) -> list[Future[Done]]:
        future: Future[Done] = Future()
        future.set_exception(MemoryError())
        return [future]

    monkeypatch.setattr(Processes, "_submit", failed)
    with pytest.raises(WorkersLost, match="no memory left") as caught, Processes(2) as workers:
        list(workers.run(job, plan(rows, LENGTHS, "shortest")))
    assert "fewer --workers" in caught.value.next_step


def test_arm_processors_have_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two kinds of ARM servers must not pass for one: their chunks may be rounded otherwise."""
    core = (
        "processor\t: {}\nBogoMIPS\t: 50.00\nCPU implementer\t: 0x41\nCPU variant\t: 0x3\nCPU part\t: {}\n\n"
    )
    monkeypatch.setattr(inside, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    (tmp_path / "cpuinfo").write_text("".join(core.format(n, "0xd0c") for n in range(4)))
    inside.processor.cache_clear()
    try:
        assert inside.processor() == "aarch64 0x41/0xd0c"
        (tmp_path / "cpuinfo").write_text(core.format(0, "0xd4f") + core.format(1, "0xd46"))
        inside.processor.cache_clear()
        assert inside.processor() == "aarch64 0x41/0xd46 0x41/0xd4f"
    finally:
        inside.processor.cache_clear()


def test_an_error_does_not_keep_the_model(job: Job, rows: Sequences) -> None:
    """On a cluster its worker lives on, and keeps errors: each would hold a model's memory."""
    (chunk, *_) = plan(rows, LENGTHS, "shortest")
    with pytest.raises(CancelledError) as caught:
        inside.work(job, chunk, lambda: True)
    inside.let_go(job.model)
    held = [one for one in gc.get_objects() if type(one) is Interpreter]
    assert held == []
    assert caught.value is not None


@pytest.mark.parametrize(
    ("share", "cores"), [("150000 100000", 2), ("50000 100000", 1), ("max 100000", None), ("x", None)]
)
def test_a_containers_share_of_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: str, cores: int | None
) -> None:
    """On a node of 64 cores with a quota of two, 64 workers would only wait for each other."""
    (tmp_path / "cpu.max").write_text(share + "\n")
    monkeypatch.setattr(host_logits, "_CPU_MAX", tmp_path / "cpu.max")
    there = len(os.sched_getaffinity(0))
    assert host_logits.usable_cores() == (there if cores is None else min(there, cores))
