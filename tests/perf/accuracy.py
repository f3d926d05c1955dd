"""The evaluation on this machine: against a plain loop, one worker and two, memory, int8 and float32."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmark.accuracy import job_of
from benchmark.host_logits import host_logits
from benchmark.inputs import Prepared
from benchmark.listener import Listener
from benchmark.workers.job import Workers, plan
from benchmark.workers.processes import Processes
from export.architecture import signature_key
from export.artifact import ArtifactFiles, build
from export.checkpoint import open_checkpoint
from export.lengths import CLAIM_LENGTH, DEFAULT_LENGTHS
from export.runtime import open_runtime
from tests.perf.compare import alternate, line, ratio, save, spread
from tests.perf.pairs import RUNTIME, Pair, evaluated, mnli_pairs, prepared_anew, written
from tests.perf.rows import example_rows

WORKERS = 2
ROUNDS, SCALING_ROUNDS = 3, 6
SCALING_ROWS, MEMORY_ROWS = 1500, 400
OLD_ROWS, OLD_ROUNDS, OLD_THREADS = 200, 4, 2


def main() -> None:
    """The seeded true architecture with its default signatures."""
    int8, float32 = (
        build(open_checkpoint("seeded"), name, DEFAULT_LENGTHS) for name in ("dynamic_int8", "float32")
    )
    pairs, vocabulary, name = mnli_pairs()
    with TemporaryDirectory() as folder:
        _against_a_plain_loop(int8, pairs, vocabulary, name, Path(folder))
        few = prepared_anew(written(pairs[:: max(1, len(pairs) // SCALING_ROWS)], Path(folder)), vocabulary)
        _scaling(int8, few, name, Path(folder))
        some = prepared_anew(written(pairs[:MEMORY_ROWS], Path(folder)), vocabulary)
        for files, target in ((int8, "<= 350 MB"), (float32, None)):
            with Processes(WORKERS) as workers:
                done = evaluated(files, some, workers, Path(folder))
            peak = (done.peak_rss_bytes or 0) / 1e6
            line(f"memory per worker, {files.artifact.recipe}", f"peak {peak:.0f} MB", target=target)
    _recipes(int8, float32)


def _against_a_plain_loop(
    files: ArtifactFiles, pairs: list[Pair], vocabulary: Path, name: str, folder: Path
) -> None:
    """In each round all pairs by the workers, and one part of them by the plain loop; all parts are all."""
    path = written(pairs, folder)
    parts = iter(range(2 * ROUNDS))
    plain_loop = _PlainLoop(files, vocabulary)

    def ours() -> float:
        before = time.perf_counter()
        prepared = prepared_anew(path, vocabulary)
        with Processes(WORKERS) as workers:
            evaluated(files, prepared, workers, folder)
        return time.perf_counter() - before

    def plain() -> float:
        part = pairs[next(parts) :: ROUNDS]
        return plain_loop.seconds(part) * len(pairs) / len(part)

    fast, slow = alternate(ROUNDS, ours, plain)
    save("accuracy", {"pairs": len(pairs), "of": name, "ours_s": fast, "plain_loop_s": slow})
    line(
        f"accuracy of {len(pairs)} pairs ({name}), from text, {WORKERS} workers, their start included",
        spread(fast, "s"),
        f"{ratio(fast, slow)} of a plain loop, padded to {CLAIM_LENGTH}, one thread",
        target="<= 0.24",
    )


class _PlainLoop:
    """What one writes first: transformers' tokenizer, one interpreter, one thread, every pair padded."""

    def __init__(self, files: ArtifactFiles, vocabulary: Path) -> None:
        from transformers import BertTokenizerFast  # type: ignore[attr-defined] # made when asked for

        self._tokenizer = BertTokenizerFast(vocab=str(vocabulary), do_lower_case=True)
        self._key = signature_key(CLAIM_LENGTH)
        self._interpreter = open_runtime(files.model_path, threads=1, signature=self._key)

    def seconds(self, pairs: list[Pair]) -> float:
        before = time.perf_counter()
        encoded = self._tokenizer(
            [pair[1] for pair in pairs],
            [pair[2] for pair in pairs],
            padding="max_length",
            truncation="longest_first",
            max_length=CLAIM_LENGTH,
            return_tensors="np",
        )
        for row in zip(
            *(encoded[one].astype(np.int32) for one in ("input_ids", "attention_mask", "token_type_ids")),
            strict=True,
        ):
            self._interpreter.logits(*row).argmax()
        return time.perf_counter() - before


def _scaling(files: ArtifactFiles, prepared: Prepared, name: str, folder: Path) -> None:
    """The same rows by one worker and by two; with their start, and when they have opened the file."""
    rows = prepared.sequences.rows

    def seconds(count: int, *, ready: bool) -> Callable[[], float]:
        def run() -> float:
            before = time.perf_counter()
            with Processes(count) as workers:
                if ready:
                    _open(files, prepared, workers)
                    before = time.perf_counter()
                evaluated(files, prepared, workers, folder)
                return time.perf_counter() - before

        return run

    ways = [seconds(count, ready=ready) for ready in (True, False) for count in (1, WORKERS)]
    one, two, one_started, two_started = alternate(SCALING_ROUNDS, *ways)
    line(
        f"1 to {WORKERS} workers, {rows} pairs ({name})",
        f"{spread([rows / each for each in one], 'pairs/s')} by 1",
        f"{ratio(one, two)} times as fast by {WORKERS}",
        f"{ratio(one_started, two_started)} with their start",
        target=">= 1.85, start-up excluded",
    )


def _open(files: ArtifactFiles, prepared: Prepared, workers: Workers) -> None:
    """Give work until every worker has opened the file."""
    job = job_of(files, RUNTIME)
    few = plan(prepared.sequences.take(np.arange(4 * WORKERS)), job.signatures, "shortest", 1)
    seen: set[str] = set()
    while len(seen) < workers.count:
        seen |= {done.worker.name for done in workers.run(job, few)}


def _recipes(int8: ArtifactFiles, float32: ArtifactFiles) -> None:
    """In this process, opening the file included."""
    rows = example_rows(OLD_ROWS)

    def pairs_per_s(files: ArtifactFiles) -> Callable[[], float]:
        def run() -> float:
            before = time.perf_counter()
            host_logits(files, rows, runtime=RUNTIME, threads=OLD_THREADS, listener=Listener())
            return OLD_ROWS / (time.perf_counter() - before)

        return run

    fast, slow = alternate(OLD_ROUNDS, pairs_per_s(int8), pairs_per_s(float32))
    line(
        f"a loop over {OLD_ROWS} padded rows, {OLD_THREADS} threads",
        f"int8 {spread(fast, 'pairs/s')}",
        f"float32 {spread(slow, 'pairs/s')}",
        f"int8 {ratio(fast, slow)} of float32",
        target="> 1",
    )
