"""MNLI on this machine or a cluster: one artifact's predictions on every pair, by many workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.predict import predict
from benchmark.workers.job import Job, Workers
from export.runtimes import version_of
from results.device import LengthPolicy
from results.evaluated import Accuracy
from results.predictions import write_predictions

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.inputs import Prepared
    from benchmark.journal import Journal
    from benchmark.listener import Listener
    from export.artifact import ArtifactFiles


def evaluate(
    files: ArtifactFiles,
    pairs: Prepared,
    *,
    runtime: str,
    policy: LengthPolicy,
    workers: Workers,
    journal: Journal,
    listener: Listener,
) -> None:
    """Predictions of one artifact, saved row by row as CSV, and their counts in the record.

    What ended of an evaluation that was stopped is not done again. Raises: ExportParityError where a logit
    is not finite, WorkersLost, ConversionError.
    """
    recipe = files.artifact.recipe
    job = job_of(files, runtime)
    with predict(
        job,
        pairs,
        lengths=job.signatures,
        policy=policy,
        workers=workers,
        kept_in=kept_of(journal, recipe),
        listener=listener,
    ) as done:
        name = f"predictions-{recipe}.csv"
        result = Accuracy(
            recipe=recipe,
            runtime=runtime,
            runtime_version=job.version,
            labels=done.predictions.labels,
            rows=len(done.predictions.row),
            correct=int(done.predictions.right.sum()),
            confusion=done.predictions.confusion,
            seconds=done.seconds,
            predictions_file=name,
            predictions_sha256=journal.store.add_raw(name, write_predictions(done.predictions)),
            length_policy=policy,
            engine=workers.engine,
            workers=done.workers,
            kept_rows=done.kept_rows,
            peak_rss_bytes=done.peak_rss_bytes,
            processors=done.processors,
        )
        journal.add("accuracy", accuracies=(*journal.record.accuracies, result))


def kept_of(journal: Journal, name: str) -> Path:
    """The file of chunks of an evaluation that has not ended."""
    return journal.store.folder / f"chunks-{name}.kept"


def job_of(files: ArtifactFiles, runtime: str) -> Job:
    artifact = files.artifact
    return Job(
        model=files.model_path,
        sha256=artifact.model_sha256,
        runtime=runtime,
        version=version_of(runtime),
        recipe=artifact.recipe,
        signatures=tuple(sorted(signature.length for signature in artifact.signatures)),
        labels=len(artifact.labels),
    )
