"""The steps of pipeline.py, each small, each saying what it does before it does it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from android_runner import discover, place, probe
from android_runner import run as device_run
from android_runner.bundle import device_bundle, host_bundle
from benchmark import accuracy as host_accuracy
from benchmark import measure as device_measure
from benchmark.config import CLAIM_BATCH, CLAIM_THREADS, REFERENCE_RECIPE, Config
from benchmark.inputs import Prepared, prepare
from benchmark.journal import Journal, now
from benchmark.listener import Listener
from benchmark.measure import Bench, Ready
from benchmark.mnli import LABELS
from benchmark.outcome import Outcome
from benchmark.training import training_rows
from export import lengths, rewrite
from export.artifact import ArtifactFiles, build, refuse_impossible
from export.checkpoint import Checkpoint, open_checkpoint
from export.hub import default_checkpoint
from export.recipes import EQUALIZE, recipe
from export.runtime import refuse_unfit
from results import recompute
from results.device import Device
from results.errors import HarnessError
from results.record import Artifact, Record, Settings
from results.report.words import padding
from results.series import Series, compares_models, series_of
from results.store import RunStore

if TYPE_CHECKING:
    from android_runner.link import Link
    from export.calibration import TrainingRows

_RUNNER = "mobilebert_runner 1"
_PACKAGES = (
    *("tensorflow-cpu", "tensorflow", "ai-edge-litert", "tflite-runtime", "transformers", "tokenizers"),
    *("numpy", "pandas", "scipy", "adb-shell"),
)


def check_call(config: Config) -> None:
    """Refuse recipes that do not exist, or that the runtime asked for cannot load, before anything starts."""
    for name in config.recipes:
        refuse_unfit(config.runtime, recipe(name).name)
    if config.rewrites is not None:
        rewrite.check(config.rewrites)


def choose_device(config: Config, listener: Listener) -> Link:
    link = discover.choose(
        config.device,
        auth_timeout_s=config.auth_timeout_s,
        on_prompt=lambda: listener.on_step('Accept "Allow USB debugging?" on the phone.'),
    )
    if link.name == "host":
        why = "as asked" if config.device else "no device is attached in any state"
        listener.on_step(f"Measuring this machine (host), not a phone: {why}.")
    else:
        listener.on_step(f"Measuring {link.name}.")
    return link


def open_weights(config: Config, listener: Listener) -> Checkpoint:
    name = default_checkpoint() if config.checkpoint is None else config.checkpoint
    listener.on_step(f"Opening the checkpoint {name}.")
    checkpoint = open_checkpoint(name)
    lengths.refuse_beyond(config.signature_lengths, checkpoint.config.max_position_embeddings)
    return checkpoint


def read_pairs(config: Config, checkpoint: Checkpoint, listener: Listener) -> Prepared:
    listener.on_step("Reading and tokenizing the pairs.")
    return prepare(
        config,
        length=config.row_length,
        labels=checkpoint.labels,
        vocabulary_size=checkpoint.config.vocab_size,
        exact=checkpoint.weights.kind != "seeded",
        checkpoint_vocabulary=checkpoint.vocab_path,
    )


def read_pairs_for(config: Config, artifact: Artifact, listener: Listener) -> Prepared:
    listener.on_step("Reading and tokenizing the pairs.")
    return prepare(
        config,
        length=_row_length(config, artifact),
        labels=LABELS,  # latency needs no gold labels, and a bare .tflite does not name its outputs
        vocabulary_size=artifact.vocabulary_size or None,
        exact=False,
        checkpoint_vocabulary=None,
    )


def doubts_about(checkpoint: Checkpoint, config: Config) -> tuple[tuple[str, str], ...]:
    """What to say of the weights: (code, sentence)."""
    if checkpoint.weights.trained:
        return ()
    why = "" if config.checkpoint is not None else ": neither the hub nor its cache has the trained ones"
    text = f"Seeded random weights{why}. Latency is the architecture's own; accuracy is chance."
    return (("seeded-weights", text),)


def begin(
    config: Config, checkpoint: Checkpoint, listener: Listener, models: tuple[str, ...] | None = None
) -> Journal:
    """A new run folder. `models`: those that are compared, None for the checkpoint's alone."""
    journal = _begin(
        config,
        checkpoint.weights.name,
        config.recipes,
        listener,
        length=config.row_length,
        signatures=config.signature_lengths,
        models=models or (checkpoint.model,),
    )
    for code, text in doubts_about(checkpoint, config):
        journal.doubt(code, text)
    return journal


def begin_bare(config: Config, files: ArtifactFiles, listener: Listener) -> Journal:
    artifact = files.artifact
    journal = _begin(
        config,
        artifact.weights.name,
        (artifact.recipe,),
        listener,
        length=_row_length(config, artifact),
        signatures=_lengths_of(artifact),
        models=(artifact.model,),
    )
    journal.add("model", artifacts=(artifact,))
    return journal


def note_pairs(pairs: Prepared, journal: Journal) -> None:
    journal.add("pairs", pairs=pairs.pairs)
    for code, text in pairs.doubts:
        journal.doubt(code, text)


def look_at(link: Link, journal: Journal, listener: Listener) -> Device:
    listener.on_step("Looking at the device.")
    device = probe.probe(link)
    journal.add("device", device=device)
    for text in device.contradictions:
        journal.doubt("contradiction", f"The device contradicts itself: {text}.")
    return device


def export_all(
    config: Config, checkpoint: Checkpoint, journal: Journal, listener: Listener
) -> tuple[ArtifactFiles, ...]:
    """The recipes asked for, in their order, and float32 last where it was not among them."""
    wanted = tuple(dict.fromkeys((*config.recipes, REFERENCE_RECIPE)))
    made = export_recipes(config, wanted, checkpoint, listener)
    journal.add("model", artifacts=tuple(files.artifact for files in made))
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


def set_up(link: Link, device: Device, pairs: Prepared, journal: Journal, listener: Listener) -> Bench:
    listener.on_step("Setting up the device program.")
    bundle = host_bundle() if device.kind == "host" else device_bundle(device.abi)
    settings = journal.record.settings
    threads = settings.threads or min(CLAIM_THREADS, len(device.cores))
    if not settings.threads and threads < CLAIM_THREADS:
        journal.doubt("few-cores", f"{threads} threads: the device has no more cores; the claim used 4.")
    cores = place.cores_for(device, threads)
    if not cores and device.kind == "phone":
        journal.doubt(
            "placement",
            "The device does not rank its cores: its own scheduler placed the threads.",
        )
    ours = device_run.set_up(link, probe.device_folder(link), bundle)
    journal.add("program", program=bundle.program, settings=dataclasses.replace(settings, threads=threads))
    return Bench(
        place=ours,
        threads=threads,
        cores=cores,
        sequences=device_measure.timing_rows(pairs.sequences, settings.inferences, settings.seed),
        candidates=pairs.candidates,
        host_threads=_host_cores(),
        same_kernels=_runs_here(device),
    )


def check_parity(
    bench: Bench, artifacts: tuple[ArtifactFiles, ...], journal: Journal, listener: Listener
) -> tuple[Ready, ...]:
    listener.on_step("Comparing the device's logits with this host's.")
    made = {(files.artifact.model, files.artifact.recipe): files for files in artifacts}
    ready: list[Ready] = []
    failures: list[HarnessError] = []
    for series in series_of(journal.record):
        measured, reference = made[series.model, series.recipe], made.get((series.model, REFERENCE_RECIPE))
        try:
            ready += device_measure.check_parity(bench, (measured,), reference, journal)
        except device_measure.NOT_RUN as err:
            if not compares_models(journal.record):
                raise
            failures.append(err)
            device_measure.give_up(measured, "cannot be run on this device", err, journal)
    if failures and len(failures) == len(series_of(journal.record)):
        raise failures[0]
    return tuple(ready)


def measure(bench: Bench, ready: tuple[Ready, ...], journal: Journal, listener: Listener) -> None:
    if not ready:
        return
    settings = journal.record.settings
    made = [one.files.artifact for one in ready]
    names = [Series(model=artifact.model, recipe=artifact.recipe).label for artifact in made]
    listener.on_step(
        f"Measuring {', '.join(names)}: {settings.launches} launches x "
        f"{settings.inferences} inferences each, {bench.threads} threads, "
        f"{padding(settings)}."
    )
    device_measure.measure(bench, ready, journal, listener, spare=compares_models(journal.record))
    listener.on_done()


def evaluate(
    pairs: Prepared, artifacts: tuple[ArtifactFiles, ...], journal: Journal, listener: Listener
) -> None:
    for files in artifacts:
        listener.on_step(
            f"Evaluating {files.artifact.recipe} on this machine: {pairs.pairs.rows_used} of "
            f"{pairs.pairs.rows_total} pairs, {pairs.pairs.name}."
        )
        result = host_accuracy.evaluate(
            files,
            pairs.sequences,
            pairs.gold,
            runtime=journal.record.settings.runtime,
            threads=_host_cores(),
            store=journal.store,
            listener=listener,
            policy=journal.record.settings.length_policy,
        )
        journal.add("accuracy", accuracies=(*journal.record.accuracies, result))
        listener.on_done()


def conclude(journal: Journal) -> Outcome:
    """Close the record, judge it from the folder alone, write verdict and report beside it."""
    journal.add("end", ended_at=now())
    verdict, report = recompute.conclude(journal.store)
    return Outcome(folder=journal.store.folder, status=verdict.verdict.status, report=report)


def _begin(
    config: Config,
    checkpoint: str,
    recipes: tuple[str, ...],
    listener: Listener,
    *,
    length: int,
    signatures: tuple[int, ...],
    models: tuple[str, ...],
) -> Journal:
    store = RunStore.create(config.output)
    return Journal(
        store,
        Record(
            run_id=store.folder.name,
            started_at=now(),
            ended_at=None,
            settings=Settings(
                checkpoint=checkpoint,
                recipes=recipes,
                length=length,
                batch=CLAIM_BATCH,
                threads=config.threads or 0,
                device=config.device or "",
                runner=_RUNNER,
                runtime=config.runtime,
                launches=config.launches,
                inferences=config.inferences,
                warmup_inferences=config.warmup_inferences,
                warmup_s=config.warmup_s,
                slice_rows=config.slice_rows if config.slice_rows is not None else config.most_rows,
                seed=config.seed,
                length_policy=config.length_policy,
                lengths=signatures,
                models=models,
                delegate=config.delegate,
                cores=config.cores,
                accuracy_on=config.accuracy_on,
                fixed_performance=config.fixed_performance,
                repeats=config.repeats,
                cool_down_s=config.cool_down_s,
            ),
            versions=_versions(),
        ),
        listener,
    )


def _lengths_of(artifact: Artifact) -> tuple[int, ...]:
    return tuple(sorted(signature.length for signature in artifact.signatures))


def _row_length(config: Config, artifact: Artifact) -> int:
    return lengths.row_length(_lengths_of(artifact), config.length, config.length_policy)


def _versions() -> dict[str, str]:
    found = {
        "python": platform.python_version(),
        "mobilebert-bench": importlib.metadata.version("mobilebert-bench"),
    }
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _runs_here(device: Device) -> bool:
    """Whether the device's processor is this machine's own."""
    return device.kind == "host" or (device.kind == "virtual_phone" and device.abi == platform.machine())


def _host_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
