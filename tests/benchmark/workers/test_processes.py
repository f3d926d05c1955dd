"""Workers of this machine: each row once, the same bits however many there are, and none left behind."""

from __future__ import annotations

import collections
import dataclasses
import multiprocessing
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from android_runner.sequences import Sequences
from benchmark.accuracy import job_of
from benchmark.listener import Listener
from benchmark.workers import inside
from benchmark.workers.job import Job, plan
from benchmark.workers.processes import FEWEST_ROWS, Here, Processes, workers_for
from export.artifact import build
from export.checkpoint import open_checkpoint
from tests.benchmark.many_pairs import write_pairs
from tests.benchmark.workers.rows import LENGTHS, ROWS, logits_of, pid


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
    counts = collections.Counter(ended)
    assert set(counts) == set(map(str, usable))
    assert sorted(counts.values()) == [1] * (len(usable) - 1) + [2]
    assert os.sched_getaffinity(0) == set(usable)
    assert os.getpid() not in who


def test_under_taskset_of_one_core(job: Job, rows: Sequences, one_core: int) -> None:
    """A container's share of a machine: other cores are not ours."""
    assert workers_for(FEWEST_ROWS, None, Listener()).count == 1
    with Processes(2) as workers:
        list(workers.run(job, plan(rows, LENGTHS, "shortest", 1)))
        children = [child.pid for child in multiprocessing.active_children() if child.pid]
        assert [cores_of(child) for child in children] == [str(one_core)] * 2


def test_few_rows_need_no_processes() -> None:
    """A slice of a hundred pairs would wait longer for processes than for the pairs."""
    assert isinstance(workers_for(FEWEST_ROWS - 1, None, Listener()), Here)
    assert isinstance(workers_for(FEWEST_ROWS, None, Listener()), Processes)
    assert workers_for(100, 2, Listener()).count == 2


def test_more_workers_than_work(job: Job, rows: Sequences) -> None:
    """1,024 asked for, typed with a digit too many: no more processes than chunks."""
    chunks = plan(rows, LENGTHS, "shortest", 100)
    most = 0
    with workers_for(ROWS, 1024, Listener()) as workers:
        for _ in workers.run(job, chunks):
            most = max(most, len(multiprocessing.active_children()))
    assert 1 < most <= len(chunks) < 10


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
