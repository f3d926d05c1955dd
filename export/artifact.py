"""The artifact: model.tflite and model.json in a folder named by everything that they depend on."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
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

from export import architecture, calibration, delegation, parity, rewrite
from export.calibration import Ranges, TrainingRows
from export.checkpoint import Checkpoint
from export.network import from_tensors
from export.recipes import EQUALIZE, Recipe, recipe
from export.runtime import Runner, open_runtime
from results.errors import ConversionError, RecordDamaged
from results.record import Architecture, Artifact, Calibration, ExportParity, Signature

if TYPE_CHECKING:
    from export.convert import Conversion
    from export.graph import Graph

_log = logging.getLogger(__name__)

MODEL, DESCRIPTION, RANGES = "model.tflite", "model.json", "ranges.json"
# Whose text decides what a conversion writes: another text is another key.
_SOURCES = (
    *("architecture.py", "network.py", "rewrite.py", "rebase.py", "graph.py"),
    *("recipes.py", "convert.py", "parity.py"),
    *("evaluate.py", "calibration.py", "equalize.py", "operators.py", "quantizer.py", "delegation.py"),
)
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


def refuse_impossible(
    checkpoint: Checkpoint, recipe_names: Sequence[str], rewrites: Sequence[str] | None = None
) -> None:
    """Raise CheckpointError, before any conversion, where one of these recipes cannot be made of it."""
    network = from_tensors(checkpoint.config, checkpoint.tensors)
    for name in recipe_names:
        rewrite.refuse_impossible(network, recipe(name).rewrites if rewrites is None else rewrites)


def build(
    checkpoint: Checkpoint,
    recipe_name: str,
    lengths: Sequence[int] = (128,),
    cache_dir: Path | None = None,
    rows: TrainingRows | None = None,
    *,
    rewrites: Sequence[str] | None = None,
    allow_undelegated: bool = False,
) -> ArtifactFiles:
    """The artifact of this checkpoint, recipe and sequence lengths; converted only where the cache has none.

    `rows`: what a calibrated recipe is calibrated with, padded to the longest of `lengths`. `rewrites`: those
    to apply instead of the recipe's own. `allow_undelegated`: heavy operators outside XNNPACK are no error.

    Raises: ConfigError for an unknown recipe or rewrite, and for a calibrated recipe without rows; PairsError
    for rows that do not fit; CheckpointError where a rewrite would divide by zero; ConversionError, also for
    heavy operators outside XNNPACK; ExportParityError.
    """
    chosen = recipe(recipe_name)
    if rewrites is not None:
        needs = chosen.calibrated or EQUALIZE in rewrites
        chosen = dataclasses.replace(chosen, rewrites=tuple(rewrites), calibrated=needs)
    rewrite.check(chosen.rewrites)
    lengths = tuple(sorted(set(lengths)))
    rows = rows if chosen.calibrated else None
    if chosen.calibrated:
        calibration.check(rows, chosen.name, checkpoint.config, lengths)
    key = _key(checkpoint, chosen, lengths, rows, allow_undelegated)
    folder = (cache_dir or default_cache()) / f"{chosen.name}-{key[:20]}"
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
            _write(made, checkpoint, chosen, lengths, rows, allow_undelegated)
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
    if (seen := artifact.calibration) is not None:
        ranges = folder / seen.ranges_file
        if not ranges.is_file() or hashlib.sha256(ranges.read_bytes()).hexdigest() != seen.ranges_sha256:
            what = f"{ranges} is not the file that {description} describes."
            raise RecordDamaged(what, next_step=_EXPORT_AGAIN, path=ranges)
    return ArtifactFiles(folder=folder, model_path=model_path, artifact=artifact, converted=False)


def _settle(made: Path, folder: Path) -> None:
    """Move a finished artifact to its place, over a damaged one but not over another process's whole one."""
    if folder.exists():
        with contextlib.suppress(RecordDamaged):
            load(folder)
            return
        shutil.rmtree(folder)
    made.rename(folder)


def _write(
    folder: Path,
    checkpoint: Checkpoint,
    chosen: Recipe,
    lengths: tuple[int, ...],
    rows: TrainingRows | None,
    allow_undelegated: bool,
) -> None:
    from export import convert, graph

    # The reference is the network as its checkpoint has it, so that a wrong rewrite cannot hide.
    built = graph.build(checkpoint.config, checkpoint.tensors)
    network = rewrite.apply(
        from_tensors(checkpoint.config, checkpoint.tensors),
        chosen.rewrites,
        None if rows is None else functools.partial(calibration.observe, rows=rows),
    )
    ranges = None if rows is None else calibration.observe(network, rows)
    masked = graph.MASKED if ranges is None else max(graph.MASKED, ranges.masked)
    conversion = convert.convert(graph.of(network, masked=masked), chosen, lengths, rows)
    model_path = folder / MODEL
    model_path.write_bytes(conversion.model)
    share = delegation.check(delegation.read_delegation(model_path), chosen.name, allow=allow_undelegated)
    longest = lengths[-1]
    seen: Calibration | None = None
    warnings: tuple[str, ...] = ()
    if rows is not None and ranges is not None:
        seen = _write_ranges(folder / RANGES, rows, ranges, conversion)
        warnings = _doubts(checkpoint, model_path, chosen, longest, rows, ranges, conversion)
    artifact = Artifact(
        recipe=chosen.name,
        model=checkpoint.model,
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
        rewrites=rewrite.applicable(checkpoint.config, chosen.rewrites),
        calibration=seen,
        accelerated_share=share,
        warnings=warnings,
    )
    text = json.dumps(dataclasses.asdict(artifact), indent=2, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(text + "\n", encoding="utf-8")


def _write_ranges(path: Path, rows: TrainingRows, ranges: Ranges, conversion: Conversion) -> Calibration:
    """Keep what was seen: of the network's places, and of the file's tensors that have a scale from it."""
    places = {
        name: {
            "least": float(each.least.min()),
            "greatest": float(each.greatest.max()),
            "spread": each.spread,
        }
        for name, each in ranges.places.items()
    }
    tensors = {name: {"least": low, "greatest": high} for name, (low, high) in conversion.tensors.items()}
    text = json.dumps(
        {"pairs": rows.name, "rows": len(rows.ids), "places": places, "tensors": tensors}, indent=1
    )
    path.write_text(text + "\n", encoding="utf-8")
    widest, spread = ranges.widest
    return Calibration(
        pairs=rows.name,
        pairs_sha256=rows.sha256,
        rows=len(rows.ids),
        ranges_file=path.name,
        ranges_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        widest=widest,
        spread=spread,
    )


def _doubts(
    checkpoint: Checkpoint,
    model_path: Path,
    chosen: Recipe,
    length: int,
    rows: TrainingRows,
    ranges: Ranges,
    conversion: Conversion,
) -> tuple[str, ...]:
    """Why not to trust a calibrated file. Raises: ExportParityError where it predicts too differently."""
    found = calibration.doubts(rows, ranges, static=conversion.reference is not None)
    if conversion.reference is None:
        return found
    run = open_runtime(model_path, threads=1, signature=architecture.signature_key(length)).logits
    each = zip(rows.ids, rows.mask, rows.types, strict=True)
    logits = np.stack([run(*row) for row in each])
    return (
        *found,
        *parity.disagreement(
            conversion.reference, logits, chosen.name, trained=checkpoint.weights.trained, doubts=found
        ),
    )


def _check(
    checkpoint: Checkpoint, built: Graph, model_path: Path, chosen: Recipe, lengths: tuple[int, ...]
) -> ExportParity:
    """Parity over all lengths together; every file is checked before anyone may see it."""
    config, rows, first = checkpoint.config, max(4, 16 // len(lengths)), _first_token(checkpoint)
    drawn = {n: parity.draw_sequences(config, n, rows, first=first) for n in lengths}
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


def _first_token(checkpoint: Checkpoint) -> int | None:
    """[CLS]'s id, without which trained weights say nothing sensible; None where no vocabulary is at hand."""
    if checkpoint.vocab_path is None:
        return None
    words = checkpoint.vocab_path.read_text(encoding="utf-8", errors="replace").split("\n")
    known = words[: checkpoint.config.vocab_size]
    return known.index("[CLS]") if "[CLS]" in known else None


def _key(
    checkpoint: Checkpoint,
    chosen: Recipe,
    lengths: tuple[int, ...],
    rows: TrainingRows | None = None,
    allow_undelegated: bool = False,
) -> str:
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
        "allow_undelegated": allow_undelegated,
        "rows": rows and (rows.digest, rows.name, rows.doubts),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _versions() -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for package in ("tensorflow", "ai-edge-litert", "ai-edge-quantizer", "numpy"):
        for name in (package, f"{package}-cpu"):
            try:
                versions[package] = importlib.metadata.version(name)
                break
            except importlib.metadata.PackageNotFoundError:
                continue
    return versions
