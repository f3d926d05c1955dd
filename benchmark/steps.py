"""The steps of pipeline.py, each small, each saying what it does before it does it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from android_runner.binary import check_binary
from benchmark import accuracy as host_accuracy
from benchmark import device_accuracy, other_runtimes, reference_runs
from benchmark.config import REFERENCE_RECIPE, Config
from benchmark.device_accuracy import DeviceLogits
from benchmark.inputs import Prepared, prepare
from benchmark.journal import Journal, now
from benchmark.listener import Listener
from benchmark.outcome import Outcome
from benchmark.pairs.faults import told
from benchmark.pairs.form import forms_of
from benchmark.pairs.table import LABELS
from benchmark.start import row_length
from benchmark.training import training_rows
from benchmark.workers.address import refuse_unreachable
from benchmark.workers.engage import by, engage
from export import lengths, rewrite
from export.artifact import ArtifactFiles, build, refuse_impossible
from export.checkpoint import Checkpoint, open_checkpoint
from export.hub import default_checkpoint
from export.recipes import EQUALIZE, recipe
from export.runtimes import refuse_absent, refuse_first, refuse_unfit, refuse_unknown
from results import recompute
from results.evaluated import ReferenceRuns
from results.record import Artifact
from results.series import Series

if TYPE_CHECKING:
    from export.calibration import TrainingRows


def check_call(config: Config) -> None:
    """Refuse what is not there, or does not go together, before anything starts."""
    runtimes = (config.runtime, *config.other_runtimes)
    for runtime in runtimes:
        refuse_unknown(runtime)
    refuse_first(config.runtime)
    for runtime in runtimes:
        refuse_absent(runtime)
    for name in config.recipes:
        refuse_unfit(config.runtime, recipe(name).name)
    if config.rewrites is not None:
        rewrite.check(config.rewrites)
    if config.binary is not None:
        check_binary(config.binary)
    if config.pair_form is not None:
        forms_of(config.pair_form)
    if config.scheduler is not None:
        refuse_unreachable(config.scheduler)


def open_weights(config: Config, listener: Listener) -> Checkpoint:
    name = default_checkpoint() if config.checkpoint is None else config.checkpoint
    listener.on_step(f"Opening the checkpoint {name}.")
    checkpoint = open_checkpoint(name)
    lengths.refuse_beyond(config.signature_lengths, checkpoint.config.max_position_embeddings)
    return checkpoint


def read_reference_runs(config: Config) -> ReferenceRuns | None:
    return (
        None if config.reference_runs is None else reference_runs.read_reference_runs(config.reference_runs)
    )


def read_pairs(config: Config, checkpoint: Checkpoint, listener: Listener) -> Prepared:
    listener.on_step("Reading and tokenizing the pairs.")
    prepared = prepare(
        config,
        length=config.row_length,
        labels=checkpoint.labels,
        vocabulary_size=checkpoint.config.vocab_size,
        exact=checkpoint.weights.kind != "seeded",
        checkpoint_vocabulary=checkpoint.vocab_path,
    )
    pairs = prepared.pairs
    left_out = told(pairs.left_out)
    listener.on_step(
        f"{pairs.rows_total} pairs by the form {pairs.form}"
        + (f"; left out: {left_out}." if left_out else ".")
    )
    return prepared


def read_pairs_for(config: Config, artifact: Artifact, listener: Listener) -> Prepared:
    listener.on_step("Reading and tokenizing the pairs.")
    return prepare(
        config,
        length=row_length(config, artifact),
        labels=LABELS,  # latency needs no gold labels, and a bare .tflite does not name its outputs
        vocabulary_size=artifact.vocabulary_size or None,
        exact=False,
        checkpoint_vocabulary=None,
    )


def note_pairs(pairs: Prepared, journal: Journal) -> None:
    journal.fix("pairs", pairs=pairs.pairs)
    for code, text in pairs.doubts:
        journal.doubt(code, text)


def note_reference_runs(runs: ReferenceRuns | None, journal: Journal) -> None:
    """Of another model, to be shown beside these; none where the call names no file."""
    if runs is not None:
        journal.fix("file of reference runs", reference_runs=runs)


def export_all(
    config: Config, checkpoint: Checkpoint, journal: Journal, listener: Listener
) -> tuple[ArtifactFiles, ...]:
    """The recipes asked for, in their order, and float32 last where it was not among them."""
    wanted = tuple(dict.fromkeys((*config.recipes, REFERENCE_RECIPE)))
    made = export_recipes(config, wanted, checkpoint, listener)
    journal.fix("model", artifacts=tuple(files.artifact for files in made))
    note_warnings(made, journal)
    return made


def note_warnings(made: Iterable[ArtifactFiles], journal: Journal) -> None:
    for files in made:
        artifact = files.artifact
        label = Series(model=artifact.model, recipe=artifact.recipe).label
        for text in artifact.warnings:
            journal.doubt("recipe", f"{label}: {text}")


def export_recipes(
    config: Config, recipes: tuple[str, ...], checkpoint: Checkpoint, listener: Listener
) -> tuple[ArtifactFiles, ...]:
    rows = _training_rows(config, recipes, checkpoint, listener)
    refuse_impossible(checkpoint, recipes, config.rewrites)
    made = []
    for name in recipes:
        listener.on_step(f"Exporting {Series(model=checkpoint.model, recipe=name).label}.")
        made.append(
            build(
                checkpoint,
                name,
                lengths=config.signature_lengths,
                rows=rows,
                rewrites=config.rewrites,
                allow_undelegated=config.allow_undelegated,
            )
        )
    return tuple(made)


def _training_rows(
    config: Config, recipes: tuple[str, ...], checkpoint: Checkpoint, listener: Listener
) -> TrainingRows | None:
    """What calibrated recipes are calibrated with; read and checked before the first conversion."""
    if EQUALIZE not in (config.rewrites or ()) and not any(recipe(name).calibrated for name in recipes):
        return None
    listener.on_step("Reading and tokenizing the training pairs for calibration.")
    return training_rows(config, checkpoint)


def open_model(path: Path, listener: Listener) -> ArtifactFiles:
    from export.bare import open_bare

    listener.on_step(f"Opening {path}.")
    return open_bare(path)


def evaluate(
    config: Config,
    pairs: Prepared,
    artifacts: tuple[ArtifactFiles, ...],
    journal: Journal,
    listener: Listener,
) -> None:
    """Every artifact on every pair, by the workers that the call names."""
    journal.went_on()
    done = {one.recipe for one in journal.record.accuracies}
    for name in done:  # killed between the record and its end, it left them behind
        host_accuracy.kept_of(journal, name).unlink(missing_ok=True)
    left = [files for files in artifacts if files.artifact.recipe not in done]
    if not left:
        return
    settings = journal.record.settings
    # The device's predictions are compared with these row by row: then both take the same way.
    policy = settings.length_policy if settings.accuracy_on == "device" else config.evaluation_policy
    with engage(config, pairs.sequences.rows, listener) as workers:
        for files in left:
            listener.on_step(
                f"Evaluating {files.artifact.recipe} {by(workers)}: {pairs.pairs.rows_used} of "
                f"{pairs.pairs.rows_total} pairs, {pairs.pairs.name}."
            )
            host_accuracy.evaluate(
                files,
                pairs,
                runtime=settings.runtime,
                policy=policy,
                workers=workers,
                journal=journal,
                listener=listener,
            )
            listener.on_done()


def set_beside(
    config: Config,
    checkpoint: Checkpoint,
    pairs: Prepared,
    artifacts: tuple[ArtifactFiles, ...],
    journal: Journal,
    listener: Listener,
) -> None:
    """The same by the other runtimes that were named, on these pairs or a slice of them."""
    other_runtimes.set_beside(config, checkpoint, pairs, artifacts, journal, listener)


def compare_predictions(made: tuple[DeviceLogits, ...], pairs: Prepared, journal: Journal) -> None:
    """What the device itself predicted, if that was asked for, beside what `evaluate` found."""
    device_accuracy.compare_with_host(made, pairs, journal)


def conclude(journal: Journal) -> Outcome:
    """Close the record, judge it from the folder alone, write verdict and report beside it."""
    journal.add("end", ended_at=now())
    try:
        done = recompute.conclude(journal.store)
    except BaseException:
        journal.add("end", ended_at=None)  # so that it can be gone on with once it is mended
        raise
    return Outcome(folder=journal.store.folder, status=done.status, report=done.report, view=done.view)
