"""How a run begins: a new folder with its settings, or one that was left in the middle."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import platform
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark import saved_call
from benchmark.config import CLAIM_BATCH, Config
from benchmark.journal import Journal, now
from benchmark.listener import Listener
from benchmark.saved_call import Job, SavedCall
from export import lengths
from results.record import Record, Settings
from results.store import RunStore

if TYPE_CHECKING:
    from export.artifact import ArtifactFiles
    from export.checkpoint import Checkpoint
    from results.record import Artifact

_OUR_PROGRAM = "mobilebert_runner 1"
_PACKAGES = (
    *("tensorflow-cpu", "tensorflow", "ai-edge-litert", "tflite-runtime", "transformers", "tokenizers"),
    *("torch", "numpy", "pandas", "scipy", "adb-shell", "adbutils", "libusb1"),
)


def begin(
    job: Job,
    config: Config,
    checkpoint: Checkpoint,
    listener: Listener,
    *,
    device: str | None = None,
    models: tuple[str, ...] | None = None,
    earlier: Path | None = None,
) -> Journal:
    """A new run folder, or the journal of the one that is gone on with.

    `device`: the name of its link. `models`: those that are compared, None for the checkpoint's alone.
    `earlier`: the folder of a run that was stopped. Raises NotResumable.
    """
    settings = _settings(
        config,
        checkpoint.weights.name,
        config.recipes,
        length=config.row_length,
        signatures=config.signature_lengths,
        models=models or (checkpoint.model,),
        device=device,
    )
    journal = _journal(SavedCall(job=job, config=_named(config, device)), settings, listener, earlier)
    for code, text in doubts_about(checkpoint, config):
        journal.doubt(code, text)
    return journal


def begin_bare(
    config: Config,
    model: Path,
    files: ArtifactFiles,
    listener: Listener,
    *,
    device: str,
    earlier: Path | None = None,
) -> Journal:
    """The same for a .tflite that somebody brought. Raises NotResumable."""
    artifact = files.artifact
    settings = _settings(
        config,
        artifact.weights.name,
        (artifact.recipe,),
        length=row_length(config, artifact),
        signatures=lengths_of(artifact),
        models=(artifact.model,),
        device=device,
    )
    call = SavedCall(job="latency", config=_named(config, device), model=model)
    journal = _journal(call, settings, listener, earlier)
    journal.fix("model", artifacts=(artifact,))
    return journal


def begin_arms(
    config: Config,
    arms: tuple[str, ...],
    first: Config,
    listener: Listener,
    *,
    checkpoint: Checkpoint | None,
    weights: str,
    recipes: tuple[str, ...],
    models: tuple[str, ...],
    length: int,
    signatures: tuple[int, ...],
    device: str,
    earlier: Path | None = None,
) -> Journal:
    """The same for two arms; `first`: what the call and arm A ask for. Raises NotResumable."""
    settings = _settings(
        first, weights, recipes, length=length, signatures=signatures, models=models, device=device
    )
    call = SavedCall(job="ab", config=_named(config, device), arms=arms)
    journal = _journal(call, settings, listener, earlier)
    for code, text in () if checkpoint is None else doubts_about(checkpoint, config):
        journal.doubt(code, text)
    return journal


def doubts_about(checkpoint: Checkpoint, config: Config) -> Iterable[tuple[str, str]]:
    """What to say of the weights: (code, sentence)."""
    if checkpoint.weights.trained:
        return ()
    why = "" if config.checkpoint is not None else ": neither the hub nor its cache has the trained ones"
    text = f"Seeded random weights{why}. Latency is the architecture's own; accuracy is chance."
    return (("seeded-weights", text),)


def lengths_of(artifact: Artifact) -> tuple[int, ...]:
    """The lengths of its signatures, ascending."""
    return tuple(sorted(signature.length for signature in artifact.signatures))


def row_length(config: Config, artifact: Artifact) -> int:
    """To how many tokens its rows are padded and cut."""
    return lengths.row_length(lengths_of(artifact), config.length, config.length_policy)


def _named(config: Config, device: str | None) -> Config:
    """The call as it can be repeated: what was found without being named has a name by now."""
    return config if device is None else dataclasses.replace(config, device=device)


def _journal(call: SavedCall, settings: Settings, listener: Listener, earlier: Path | None) -> Journal:
    if earlier is not None:
        return _go_on(earlier, listener)
    store = RunStore.create(call.config.output)
    saved_call.save(store, call)
    record = Record(
        run_id=store.folder.name, started_at=now(), ended_at=None, settings=settings, versions=_versions()
    )
    return Journal(store, record, listener)


def _go_on(folder: Path, listener: Listener) -> Journal:
    journal = Journal.reopen(folder, listener)
    listener.on_step(f"Going on with {journal.kept()}")
    return journal


def _settings(
    config: Config,
    checkpoint: str,
    recipes: tuple[str, ...],
    *,
    length: int,
    signatures: tuple[int, ...],
    models: tuple[str, ...],
    device: str | None,
) -> Settings:
    return Settings(
        checkpoint=checkpoint,
        recipes=recipes,
        length=length,
        batch=CLAIM_BATCH,
        threads=config.threads or 0,
        device=device or "",
        runner=_OUR_PROGRAM if config.runner == "mobilebert_runner" else config.runner,
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
        commit=config.commit,
        other_runtimes=config.other_runtimes,
        interval=config.interval,
    )


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
