"""What other runtimes predict with the same files, or weights, beside the runtime that counts.

Always by this machine's own processes, also where a cluster evaluated: what differs is then the runtime. Each
file has workers of its own, for what a runtime loads stays in its process.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.accuracy import job_of, kept_of
from benchmark.config import Config
from benchmark.predict import Predicted, predict
from benchmark.workers.engage import by
from benchmark.workers.job import Job
from benchmark.workers.processes import workers_for
from export.recipes import RECIPES
from export.runtimes import unfit
from results.errors import ConfigError, ExportError, WorkersLost
from results.evaluated import Accuracy, RuntimeAccuracy
from results.predictions import Predictions, write_predictions

if TYPE_CHECKING:
    from benchmark.inputs import Prepared
    from benchmark.journal import Journal
    from benchmark.listener import Listener
    from export.artifact import ArtifactFiles
    from export.checkpoint import Checkpoint

# Pairs a second of one worker, by runtime and whether the recipe has 8-bit arithmetic: MNLI's lengths, seeded
# weights in the true architecture, one core of an x86-64 server with AVX-512 VNNI.
PAIRS_PER_S = {
    ("ai-edge-litert", False): 88,
    ("ai-edge-litert", True): 218,
    ("tensorflow", False): 88,
    ("tensorflow", True): 220,
    ("tflite-runtime", False): 69,
    ("tflite-runtime", True): 7,  # 2.14 runs these layers by plain loops, outside XNNPACK
    ("torch", False): 29,
}
SLOW = 50  # pairs a second; below, a slice is evaluated, whatever this machine would take
SLICE_ROWS = 500
DOUBT = "other-runtime"


def set_beside(
    config: Config,
    checkpoint: Checkpoint,
    pairs: Prepared,
    artifacts: tuple[ArtifactFiles, ...],
    journal: Journal,
    listener: Listener,
) -> None:
    """Predictions of each other runtime with each recipe, saved as each ends.

    What a runtime cannot run becomes a doubt. Raises: RecordNotSaved.
    """
    for runtime in journal.record.settings.other_runtimes:
        for files in artifacts:
            recipe = files.artifact.recipe
            kept = kept_of(journal, f"{recipe}-{runtime}")
            if any(
                (one.runtime, one.recipe) == (runtime, recipe) for one in journal.record.runtime_accuracies
            ):
                kept.unlink(missing_ok=True)
                continue
            failed = f"{runtime} could not evaluate {recipe}: "
            if any(one.code == DOUBT and one.text.startswith(failed) for one in journal.record.doubts):
                continue  # before this run was stopped
            if (why := unfit(runtime, recipe)) is not None:
                journal.doubt(DOUBT, f"{why}: not evaluated.")
                continue
            try:
                _evaluate(files, runtime, kept, config, checkpoint, pairs, journal, listener)
            except (ExportError, ConfigError, WorkersLost) as err:
                journal.doubt(DOUBT, failed + err.what)
                kept.unlink(missing_ok=True)


def _evaluate(
    files: ArtifactFiles,
    runtime: str,
    kept: Path,
    config: Config,
    checkpoint: Checkpoint,
    pairs: Prepared,
    journal: Journal,
    listener: Listener,
) -> None:
    recipe, record = files.artifact.recipe, journal.record
    counting = next(one for one in record.accuracies if one.recipe == recipe)
    places = rows_for(runtime, recipe, pairs.gold, record.settings.seed)
    some = _take(pairs, places)
    with (
        _folder(journal) as folder,
        workers_for(len(places), config.workers, listener) as workers,
    ):
        listener.on_step(
            f"Evaluating {recipe} with {runtime} {by(workers)}: {len(places)} of {pairs.pairs.rows_used} "
            "pairs."
        )
        job = _job(files, runtime, checkpoint, folder)
        with predict(
            job,
            some,
            lengths=tuple(signature.length for signature in files.artifact.signatures),
            policy=counting.length_policy,
            workers=workers,
            kept_in=kept,
            listener=listener,
        ) as done:
            reference = journal.store.load_predictions(record)[recipe].take(places)
            _add(done, job, reference, counting, journal)
        listener.on_done()


@contextmanager
def _folder(journal: Journal) -> Iterator[Path]:
    """For weights as torch wants them: in the run's folder, where the next try finds what a kill left."""
    folder = journal.store.folder / "weights-for-torch"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def rows_for(runtime: str, recipe: str, gold: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Positions of the rows that a runtime evaluates, ascending: all, or a slice for a slow one.

    The slice keeps each label's share to the nearest row; `gold`: labels, shape (rows,).
    """
    known = RECIPES.get(recipe)
    eight_bit = known is not None and known.activations.startswith("int8")
    if gold.size <= SLICE_ROWS or PAIRS_PER_S.get((runtime, eight_bit), SLOW) >= SLOW:
        return np.arange(gold.size)
    drawn = np.random.default_rng(seed).permutation(gold.size)
    by_label = drawn[np.argsort(gold[drawn], kind="stable")]
    return np.sort(by_label[np.arange(SLICE_ROWS) * gold.size // SLICE_ROWS])


def _take(pairs: Prepared, places: NDArray[np.int64]) -> Prepared:
    return dataclasses.replace(pairs, sequences=pairs.sequences.take(places), gold=pairs.gold[places])


def _job(files: ArtifactFiles, runtime: str, checkpoint: Checkpoint, folder: Path) -> Job:
    """The work; for torch, weights and config are written into `folder` first."""
    job = job_of(files, runtime)
    if runtime != "torch":
        return job
    from export.torch_runtime import write_for_torch

    write_for_torch(checkpoint, folder)
    return dataclasses.replace(job, model=folder, sha256=checkpoint.weights.sha256, signatures=())


def _add(done: Predicted, job: Job, reference: Predictions, counting: Accuracy, journal: Journal) -> None:
    mine = done.predictions
    assert np.array_equal(mine.row, reference.row)
    difference = mine.logits.astype(np.float64) - reference.logits
    name = f"predictions-{counting.recipe}-{job.runtime}.csv"
    result = RuntimeAccuracy(
        recipe=counting.recipe,
        runtime=job.runtime,
        runtime_version=job.version,
        rows=len(mine.row),
        correct=int(mine.right.sum()),
        reference_correct=int(reference.right.sum()),
        agreeing=int(np.sum(mine.predicted == reference.predicted)),
        max_difference=float(np.abs(difference).max()),
        rms_difference=float(np.sqrt(np.mean(difference**2))),
        seconds=done.seconds,
        predictions_file=name,
        predictions_sha256=journal.store.add_raw(name, write_predictions(mine)),
        workers=done.workers,
        kept_rows=done.kept_rows,
    )
    journal.add("other runtimes", runtime_accuracies=(*journal.record.runtime_accuracies, result))
