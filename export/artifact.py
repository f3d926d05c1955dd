"""The artifact: model.tflite and model.json in a folder named by everything that they depend on."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydantic
from numpy.typing import NDArray

from export import architecture, parity
from export.checkpoint import Checkpoint
from export.recipes import Recipe, recipe
from export.runtime import Runner, open_runtime
from results.errors import ConversionError, RecordDamaged
from results.record import Architecture, Artifact, ExportParity, Signature

if TYPE_CHECKING:
    from export.graph import Graph

_log = logging.getLogger(__name__)

MODEL, DESCRIPTION = "model.tflite", "model.json"
# Whose text decides what a conversion writes: another text is another key.
_SOURCES = ("architecture.py", "graph.py", "recipes.py", "convert.py", "parity.py")
_EXPORT_AGAIN = "Delete that folder and export again."


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFiles:
    """An artifact on disk. `converted`: whether this call made it, rather than finding it."""

    folder: Path
    model_path: Path
    artifact: Artifact
    converted: bool


def default_cache() -> Path:
    """MOBILEBERT_BENCH_CACHE, or ~/.cache/mobilebert-bench, and in it `artifacts`."""
    home = os.environ.get("MOBILEBERT_BENCH_CACHE")
    return (Path(home).absolute() if home else Path.home() / ".cache" / "mobilebert-bench") / "artifacts"


def build(
    checkpoint: Checkpoint, recipe_name: str, lengths: Sequence[int] = (128,), cache_dir: Path | None = None
) -> ArtifactFiles:
    """The artifact of this checkpoint, recipe and sequence lengths; converted only where the cache has none.

    Raises: ConfigError for an unknown recipe; ConversionError; ExportParityError.
    """
    chosen = recipe(recipe_name)
    lengths = tuple(sorted(set(lengths)))
    folder = (cache_dir or default_cache()) / f"{chosen.name}-{_key(checkpoint, chosen, lengths)[:20]}"
    if folder.exists():
        try:
            return load(folder)
        except RecordDamaged as err:
            _log.warning("exporting again: %s", err.what)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=folder.parent) as part:
            made = Path(part) / "artifact"
            made.mkdir()
            _write(made, checkpoint, chosen, lengths)
            _settle(made, folder)
    except OSError as err:
        raise ConversionError(
            f"The artifact cannot be written to {folder.parent}: {err.strerror or err}",
            next_step="Free disk space there, or point MOBILEBERT_BENCH_CACHE at a writable folder.",
            path=folder.parent,
        ) from err
    return dataclasses.replace(load(folder), converted=True)


def load(folder: Path) -> ArtifactFiles:
    """Read an artifact back. Raises: RecordDamaged unless both files are there, whole, and of each other."""
    model_path, description = folder / MODEL, folder / DESCRIPTION
    try:
        artifact = pydantic.TypeAdapter(Artifact).validate_json(description.read_bytes())
        with model_path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    except pydantic.ValidationError as err:
        first = err.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = f"{description} is not what was written: {where + ': ' if where else ''}{first['msg']}"
        raise RecordDamaged(what, next_step=_EXPORT_AGAIN, path=description) from err
    except OSError as err:
        what = f"{folder} holds no whole artifact: {err}"
        raise RecordDamaged(what, next_step=_EXPORT_AGAIN, path=folder) from err
    if sha256 != artifact.model_sha256:
        size = model_path.stat().st_size
        what = (
            f"{model_path} is not the file that its model.json describes: "
            f"{size} bytes with SHA-256 {sha256[:12]}…, "
            f"instead of {artifact.model_bytes} with {artifact.model_sha256[:12]}…."
        )
        raise RecordDamaged(what, next_step=_EXPORT_AGAIN, path=model_path)
    return ArtifactFiles(folder=folder, model_path=model_path, artifact=artifact, converted=False)


def _settle(made: Path, folder: Path) -> None:
    """Move a finished artifact to its place, over a damaged one but not over another process's whole one."""
    if folder.exists():
        with contextlib.suppress(RecordDamaged):
            load(folder)
            return
        shutil.rmtree(folder)
    made.rename(folder)


def _write(folder: Path, checkpoint: Checkpoint, chosen: Recipe, lengths: tuple[int, ...]) -> None:
    from export import convert, graph

    built = graph.build(checkpoint.config, checkpoint.tensors)
    conversion = convert.convert(built, chosen, lengths)
    model_path = folder / MODEL
    model_path.write_bytes(conversion.model)
    longest = lengths[-1]
    artifact = Artifact(
        recipe=chosen.name,
        precision=chosen.precision,
        model_sha256=hashlib.sha256(conversion.model).hexdigest(),
        model_bytes=len(conversion.model),
        weights=checkpoint.weights,
        architecture=Architecture(
            name=checkpoint.config.name,
            parameters=architecture.count_parameters(checkpoint.config),
            length=longest,
            multiply_adds=architecture.count_multiply_adds(checkpoint.config, longest),
        ),
        signatures=tuple(Signature(key=architecture.signature_key(n), length=n) for n in lengths),
        inputs=architecture.INPUTS,
        output=architecture.OUTPUT,
        labels=checkpoint.labels,
        vocabulary_size=checkpoint.config.vocab_size,
        parity=_check(checkpoint, built, model_path, chosen, lengths),
        conversion=conversion.cost,
        versions=_versions(),
    )
    text = json.dumps(dataclasses.asdict(artifact), indent=2, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def _check(
    checkpoint: Checkpoint, built: Graph, model_path: Path, chosen: Recipe, lengths: tuple[int, ...]
) -> ExportParity:
    """Parity over all lengths together; every file is checked before anyone may see it."""
    drawn = {n: parity.draw_sequences(checkpoint.config, n, max(4, 16 // len(lengths))) for n in lengths}
    threads = min(4, os.cpu_count() or 1)

    def run(opened: Callable[[int], Runner]) -> NDArray[np.float32]:
        runners = {n: opened(n) for n in lengths}
        return np.stack([runners[n](s.ids, s.mask, s.types) for n in lengths for s in drawn[n]])

    def rounding_error() -> float:
        from export import graph

        exact = graph.build(checkpoint.config, checkpoint.tensors, dtype="float64")
        return float(np.abs(reference - run(exact.runner)).max())

    def converted(length: int) -> Runner:
        key = architecture.signature_key(length)
        return open_runtime(model_path, threads=threads, signature=key).logits

    reference = run(built.runner)
    return parity.compare(reference, run(converted), chosen.precision, rounding_error=rounding_error)


def _key(checkpoint: Checkpoint, chosen: Recipe, lengths: tuple[int, ...]) -> str:
    sources = hashlib.sha256()
    for name in _SOURCES:
        sources.update(Path(__file__).with_name(name).read_bytes())
    parts = {
        "weights": dataclasses.asdict(checkpoint.weights),
        "config": dataclasses.asdict(checkpoint.config),
        "labels": checkpoint.labels,
        "recipe": dataclasses.asdict(chosen),
        "lengths": lengths,
        "sources": sources.hexdigest(),
        "versions": _versions(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("tensorflow", "ai-edge-litert", "numpy"):
        for name in (package, f"{package}-cpu"):
            try:
                versions[package] = importlib.metadata.version(name)
                break
            except importlib.metadata.PackageNotFoundError:
                continue
    return versions
