"""MNLI on this machine: one artifact's predictions on every pair, with the file that the device gets."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.runtime import open_runtime
from results.errors import ExportParityError
from results.predictions import Predictions, write_predictions
from results.record import Accuracy

if TYPE_CHECKING:
    from android_runner.sequences import Sequences
    from benchmark.listener import Listener
    from export.artifact import ArtifactFiles
    from results.store import RunStore


def host_logits(
    files: ArtifactFiles,
    sequences: Sequences,
    *,
    runtime: str,
    threads: int,
    listener: Listener,
    built_in_kernels: bool = False,
) -> tuple[NDArray[np.float32], str]:
    """Logits of every sequence, shape (rows, labels) float32, and the runtime's version.

    Raises: ExportParityError where one is not finite.
    """
    interpreter = open_runtime(
        files.model_path,
        runtime=runtime,
        threads=threads,
        recipe=files.artifact.recipe,
        built_in_kernels=built_in_kernels,
    )
    rows = len(sequences.row_ids)
    logits = np.empty((rows, len(files.artifact.labels)), np.float32)
    for row in range(rows):
        logits[row] = interpreter.logits(
            sequences.input_ids[row], sequences.attention_mask[row], sequences.token_type_ids[row]
        )
        listener.on_progress(row + 1, rows, "pairs")
    if not np.isfinite(logits).all():
        bad = sequences.row_ids[~np.isfinite(logits).all(axis=1)]
        raise ExportParityError(
            f"{files.artifact.recipe}: logits of {len(bad)} pairs are not finite, first of pair {bad[0]}",
            next_step="Use --recipe float32; this recipe does not hold on this checkpoint.",
        )
    return logits, interpreter.version


def evaluate(
    files: ArtifactFiles,
    sequences: Sequences,
    gold: NDArray[np.int64],
    *,
    runtime: str,
    threads: int,
    store: RunStore,
    listener: Listener,
) -> Accuracy:
    """Predictions of one artifact, saved row by row as CSV, and their counts.

    `gold`: shape (rows,), indices into the artifact's labels.
    """
    began = time.monotonic()
    logits, version = host_logits(files, sequences, runtime=runtime, threads=threads, listener=listener)
    seconds = time.monotonic() - began
    predictions = Predictions(
        labels=files.artifact.labels,
        row=sequences.row_ids.astype(np.int64),
        label=gold,
        predicted=logits.argmax(axis=1),
        logits=logits,
    )
    name = f"predictions-{files.artifact.recipe}.csv"
    return Accuracy(
        recipe=files.artifact.recipe,
        runtime=runtime,
        runtime_version=version,
        labels=predictions.labels,
        rows=len(gold),
        correct=int(predictions.right.sum()),
        confusion=predictions.confusion,
        seconds=round(seconds, 3),
        predictions_file=name,
        predictions_sha256=store.add_raw(name, write_predictions(predictions)),
    )
