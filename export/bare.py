"""Any .tflite with the model's inputs, described as far as the file itself tells."""

from __future__ import annotations

import hashlib
from pathlib import Path

from export.architecture import INPUTS, OUTPUT
from export.artifact import DESCRIPTION, MODEL, ArtifactFiles, load
from export.runtime import open_signatures
from results.record import Artifact, Signature, Weights


def open_bare(path: Path) -> ArtifactFiles:
    """An export's folder or its model.tflite as that artifact; another .tflite as one of unknown recipe.

    Raises: ConversionError (no such model, damaged, other inputs), RecordDamaged (an export changed since).
    """
    folder = path if path.is_dir() else path.parent
    if (path.is_dir() or path.name == MODEL) and (folder / DESCRIPTION).exists():
        return load(folder)
    signatures = open_signatures(path, threads=1)
    shortest = signatures[0]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    artifact = Artifact(
        recipe=_slug(path.stem),
        precision="unknown",
        model_sha256=digest,
        model_bytes=path.stat().st_size,
        weights=Weights(kind="unknown", name=path.name, revision=None, sha256=digest, trained=True),
        architecture=None,
        signatures=tuple(Signature(key=one.signature, length=one.length) for one in signatures),
        inputs=INPUTS,
        output=OUTPUT,
        labels=tuple(str(number) for number in range(shortest.labels)),
        vocabulary_size=0,
        parity=None,
        conversion=None,
        versions={shortest.runtime: shortest.version},
    )
    return ArtifactFiles(folder=folder, model_path=path, artifact=artifact, converted=False)


def _slug(name: str) -> str:
    return (
        "".join(char if char.isascii() and (char.isalnum() or char in "-_") else "-" for char in name)
        or "model"
    )
