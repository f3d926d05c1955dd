"""The device program, as it is compiled for this machine: what it measures, and how."""

from __future__ import annotations

import copy
import functools
import hashlib
import math
import os
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from android_runner.parse import expect
from tests.android_runner.program import (
    arguments,
    host,
    refused,
    run,
    samples_at,
    start,
    tiny,
)
from tests.android_runner.tiny_model import LENGTH, LONGER, edited, python_logits, some_sequences, tiny_model

Tree = Any  # TFLite's object tree has no types


# sched_getaffinity of a kernel that isolated one core: it may be used, and is left out.
ISOLATING = """
#define _GNU_SOURCE
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>
int sched_getaffinity(pid_t pid, size_t size, cpu_set_t *mask) {
  __builtin_memset(mask, 0, size);
  if (syscall(SYS_sched_getaffinity, pid, size, mask) < 0) return -1;
  CPU_CLR(ISOLATED, mask);
  return 0;
}
"""


@functools.cache
def two_lengths() -> Path:
    return tiny_model(LENGTH, LONGER)


@pytest.fixture
def sequences(tmp_path: Path) -> Path:
    path = tmp_path / "rows.seq"
    some_sequences().write(path)
    return path


def test_logits_are_those_of_the_python_interpreter(tmp_path: Path, sequences: Path) -> None:
    """The program must compute what the same file computes on the host, or no latency means anything."""
    samples = run(tmp_path, sequences, threads=2)
    rows = some_sequences()
    assert list(samples.logits) == rows.row_ids.tolist()
    np.testing.assert_allclose(list(samples.logits.values()), python_logits(tiny(), rows), rtol=0, atol=1e-6)


@pytest.mark.parametrize("order", [(1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_inputs_are_bound_by_name(tmp_path: Path, sequences: Path, order: tuple[int, ...]) -> None:
    """A converter may list inputs in any order; bound by place, ids would go in as the mask."""

    def permute(tree: Tree) -> None:
        signature = tree.signatureDefs[0]
        signature.inputs = [signature.inputs[i] for i in order]

    permuted = edited(tiny(), permute, tmp_path / "permuted.tflite")
    samples = run(tmp_path, sequences, model=permuted)
    expected = python_logits(tiny(), some_sequences())
    np.testing.assert_allclose(list(samples.logits.values()), expected, rtol=0, atol=1e-6)


def test_header_says_what_ran(tmp_path: Path, sequences: Path) -> None:
    """The header is the only proof of which files and settings a launch ran with."""
    samples = run(tmp_path, sequences, threads=2, seed=2**64 - 1)
    library = (host().folder / "libLiteRt.so").read_bytes()
    assert samples.runtime_sha256 == hashlib.sha256(library).hexdigest()
    assert samples.model_sha256 == hashlib.sha256(tiny().read_bytes()).hexdigest()
    content = sequences.read_bytes()
    assert samples.sequences_crc32 == zlib.crc32(content[:-4])
    assert (samples.threads, samples.seed, samples.rows) == (2, 2**64 - 1, 7)
    assert samples.signatures == (f"s{LENGTH}",) * 7
    assert samples.cores == ()
    assert len(samples.worker_cores) >= 2
    assert samples.load_ns > 0
    assert samples.peak_rss_bytes > len(library) // 4


def test_sha256_at_every_block_boundary(tmp_path: Path, sequences: Path) -> None:
    """Padding of the last block is where SHA-256 goes wrong: one length each side of every edge."""
    longer, whole = tmp_path / "longer.tflite", tiny().read_bytes()
    for last_block in (0, 1, 55, 56, 57, 63):
        longer.write_bytes(whole + bytes((last_block - len(whole)) % 64))
        said = hashlib.sha256(longer.read_bytes()).hexdigest()
        assert run(tmp_path, sequences, model=longer, model_sha256=said, inferences=1).model_sha256 == said


@pytest.mark.parametrize(
    ("seed", "warmup", "inferences"), [(0, 0, 7), (5, 3, 7), (2**64 - 1, 20, 30), (1, 7, 1)]
)
def test_order_is_the_one_python_computes(
    tmp_path: Path, sequences: Path, seed: int, warmup: int, inferences: int
) -> None:
    """An order that cannot be recomputed from the recorded seed cannot be checked afterwards."""
    samples = run(tmp_path, sequences, seed=seed, warmup_inferences=warmup, inferences=inferences)
    expect(
        samples,
        timed=inferences,
        warmup_at_least=warmup,
        model_sha256=hashlib.sha256(tiny().read_bytes()).hexdigest(),
        runtime_sha256=host().program.runtime_sha256,
        threads=1,
        seed=seed,
        row_ids=some_sequences().row_ids,
    )
    assert samples.warmup_count == warmup


def test_as_many_inferences_as_rows_time_each_row_once(tmp_path: Path, sequences: Path) -> None:
    """Left-overs of the warm-up's last pass would time some rows twice and some never."""
    samples = run(tmp_path, sequences, warmup_inferences=3)
    assert sorted(samples.row_ids[samples.timed]) == some_sequences().row_ids.tolist()


def test_warm_up_lasts_for_its_time(tmp_path: Path, sequences: Path) -> None:
    """Few slow inferences and many fast ones both have to warm up: count and time must both hold."""
    samples = run(tmp_path, sequences, warmup_inferences=2, warmup_seconds=0.3)
    assert samples.start_ns[samples.timed][0] > 250e6
    assert samples.warmup_count > 20
    samples = run(tmp_path, sequences, warmup_inferences=50, warmup_seconds=0.001)
    assert samples.warmup_count >= 50


def test_defaults_are_those_of_the_documents(tmp_path: Path, sequences: Path) -> None:
    """docs/formats.md promises 200 timed inferences after 20 and 2 s."""
    samples = run(tmp_path, sequences, inferences=None, warmup_inferences=None, warmup_seconds=None)
    assert samples.timed_count == 200
    assert samples.warmup_count > 20
    assert samples.start_ns[samples.timed][0] > 1.9e9


def test_not_a_number_survives_the_trip(tmp_path: Path, sequences: Path) -> None:
    """A device that computes nonsense must be seen by the parity check, not taken for a torn file."""

    def poison(tree: Tree) -> None:
        largest = max(tree.buffers, key=lambda buffer: 0 if buffer.data is None else len(buffer.data))
        weights = np.frombuffer(bytes(largest.data), np.float32).copy()
        weights[:] = -np.float32(np.nan)  # which C would write as "-nan"
        largest.data = np.frombuffer(weights.tobytes(), np.uint8)

    samples = run(tmp_path, sequences, model=edited(tiny(), poison, tmp_path / "nan.tflite"))
    assert all(math.isnan(value) for values in samples.logits.values() for value in values)


def test_cores_are_taken(tmp_path: Path, sequences: Path) -> None:
    """A phone's slow and fast cores differ threefold: where it ran is part of the number."""
    core = max(os.sched_getaffinity(0))
    samples = run(tmp_path, sequences, cores=core, warmup_inferences=30)
    assert samples.cores == (core,)
    assert set(samples.cores_seen) == {core} == set(samples.worker_cores)


def test_cores_that_the_kernel_isolated_are_granted(tmp_path: Path, sequences: Path) -> None:
    """Qualcomm's 4.14 kernels do not tell the idle cores that they isolated; launches on them would fail."""
    allowed = sorted(os.sched_getaffinity(0))
    source, library = tmp_path / "isolating.c", tmp_path / "isolating.so"
    source.write_text(ISOLATING.replace("ISOLATED", str(allowed[-1])))
    subprocess.run(
        [sys.executable, "-m", "ziglang", "cc", "-shared", "-o", library, source],
        check=True,
    )
    out = tmp_path / "out"
    words = arguments(tiny(), sequences, out, cores=",".join(map(str, allowed)), threads=len(allowed))
    ended = start(host(), words, inside=("env", f"LD_PRELOAD={library}"))
    assert (ended.exit_code, ended.said) == (0, [])
    assert samples_at(out).cores == tuple(allowed)


def test_signature_by_length_and_by_name(tmp_path: Path, sequences: Path) -> None:
    """A file with several lengths is one file; which signature ran follows from the rows, or is said."""
    longer = tmp_path / "longer.seq"
    some_sequences(length=LONGER).write(longer)
    assert set(run(tmp_path, sequences, model=two_lengths()).signatures) == {f"s{LENGTH}"}
    samples = run(tmp_path, longer, model=two_lengths(), signature=f"s{LONGER}")
    assert set(samples.signatures) == {f"s{LONGER}"}
    expected = python_logits(two_lengths(), some_sequences(length=LONGER))
    np.testing.assert_allclose(list(samples.logits.values()), expected, rtol=0, atol=1e-6)
    refused(tmp_path, sequences, 3, "model", model=two_lengths(), signature="s9")
    refused(tmp_path, sequences, 4, "sequences", model=two_lengths(), signature=f"s{LONGER}")
    refused(tmp_path, longer, 4, "sequences", f"takes {LENGTH}")


def test_two_signatures_of_one_length(tmp_path: Path, sequences: Path) -> None:
    """Which of them is measured must not depend on which comes first in the file."""

    def double(tree: Tree) -> None:
        tree.signatureDefs.append(copy.copy(tree.signatureDefs[0]))
        tree.signatureDefs[1].signatureKey = b"other"

    doubled = edited(tiny(), double, tmp_path / "doubled.tflite")
    refused(tmp_path, sequences, 3, "model", "2 signatures take 8 tokens", model=doubled)
    assert set(run(tmp_path, sequences, model=doubled, signature="other").signatures) == {"other"}


def test_version() -> None:
    """How a person finds out what is on a phone."""
    ended = start(host(), ["--version"])
    assert (ended.exit_code, ended.stdout) == (0, "mobilebert_runner 1\n")
