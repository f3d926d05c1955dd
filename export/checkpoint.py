"""A checkpoint: weights found, pinned, opened without torch, and checked against their config."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export import hub, seeded
from export.architecture import MobileBertConfig, expected_tensors, from_json
from results.errors import CheckpointError, LabelsError
from results.record import Weights

_log = logging.getLogger(__name__)

_LABELS = frozenset(seeded.LABELS)
_HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_SEEDED = re.compile(r"seeded(?::(?P<seed>\d{1,18}))?")
# Saved with the weights by some versions of transformers, though it only counts positions.
_BUFFERS = ("embeddings.position_ids",)
_READABLE = ("F16", "F32", "F64")
_WHOLE = "Fetch the checkpoint again, or name another one; model.safetensors and config.json belong together."


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """Weights ready for the graph: `tensors` are finite float32 and exactly those of `config`.

    `labels`: lower-case names by output index. `folder` and `vocab_path` are None for seeded weights;
    `vocab_path` also where the folder has no vocab.txt.
    """

    config: MobileBertConfig
    tensors: Mapping[str, NDArray[np.float32]]
    labels: tuple[str, ...]
    weights: Weights
    vocab_path: Path | None
    folder: Path | None


def open_checkpoint(spec: str, *, allow_download: bool = True) -> Checkpoint:
    """Open "seeded", "seeded:SEED", a local folder, or a hub id with an optional @revision.

    Raises: CheckpointError for what is missing, damaged, or of another architecture; LabelsError where the
    config's labels are not MNLI's three.
    """
    if match := _SEEDED.fullmatch(spec):
        return _open_seeded(int(match["seed"] or 0))
    folder = Path(spec).expanduser()
    if spec and folder.is_dir():
        return _open_folder(folder, kind_name_revision=("local", folder.resolve().name, None))
    match = _HUB_ID.fullmatch(spec)
    if folder.exists() or match is None or spec.startswith((".", "~", "/")):
        raise CheckpointError(
            f'"{spec}" is not a folder, and does not read as a hub id.',
            next_step='Name a folder with config.json and model.safetensors, a hub id, or "seeded".',
            path=spec,
        )
    repository, revision = match["repository"], match["revision"]
    if revision is None and repository == hub.DEFAULT_CHECKPOINT:
        revision = hub.DEFAULT_REVISION
    folder = hub.fetch(repository, revision, allow_download=allow_download)
    return _open_folder(folder, kind_name_revision=("hub", repository, folder.name))


def _open_seeded(seed: int) -> Checkpoint:
    tensors = seeded.seeded_tensors(seeded.CONFIG, seed)
    sha256 = seeded.digest(tensors)
    return Checkpoint(
        config=seeded.CONFIG,
        tensors=tensors,
        labels=seeded.LABELS,
        weights=Weights(kind="seeded", name=f"seeded:{seed}", revision=None, sha256=sha256, trained=False),
        vocab_path=None,
        folder=None,
    )


def _open_folder(folder: Path, *, kind_name_revision: tuple[str, str, str | None]) -> Checkpoint:
    kind, name, revision = kind_name_revision
    settings = _read_config(folder / "config.json")
    labels = _read_labels(settings)
    config = from_json(settings, labels=len(labels))
    path = folder / "model.safetensors"
    tensors = _read_tensors(path, config)
    sha256 = _sha256(path)
    vocabulary = folder / "vocab.txt"
    return Checkpoint(
        config=config,
        tensors=tensors,
        labels=labels,
        weights=Weights(kind=kind, name=name, revision=revision, sha256=sha256, trained=True),  # type: ignore[arg-type]
        vocab_path=vocabulary if vocabulary.is_file() else None,
        folder=folder,
    )


def _read_config(path: Path) -> dict[str, object]:
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as err:
        raise CheckpointError(f"{path} is not there.", next_step=_WHOLE, path=path) from err
    except (OSError, ValueError) as err:  # not UTF-8 and not JSON are both ValueError
        raise CheckpointError(f"{path} cannot be read as JSON: {err}", next_step=_WHOLE, path=path) from err
    if not isinstance(settings, dict):
        raise CheckpointError(f"{path} holds no JSON object.", next_step=_WHOLE, path=path)
    return settings


def _read_labels(settings: Mapping[str, object]) -> tuple[str, ...]:
    """The names of id2label by index, in lower case; they mean what they say, whatever their order."""
    named = settings.get("id2label")
    if not isinstance(named, dict) or not all(isinstance(name, str) for name in named.values()):
        raise _wrong_labels(f"its id2label is {named!r}")
    if set(named) != {str(index) for index in range(len(named))}:
        raise _wrong_labels(f"its id2label has the indices {sorted(named)}")
    labels = tuple(named[str(index)].strip().lower() for index in range(len(named)))
    if len(labels) != len(_LABELS) or set(labels) != _LABELS:
        raise _wrong_labels(f"its labels are {', '.join(labels)}")
    return labels


def _wrong_labels(found: str) -> LabelsError:
    return LabelsError(
        f"The checkpoint does not classify as MNLI does: {found}.",
        next_step="Choose one whose config.json names entailment, neutral and contradiction in id2label.",
    )


def _read_tensors(path: Path, config: MobileBertConfig) -> dict[str, NDArray[np.float32]]:
    import safetensors

    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.keys() if not name.endswith(_BUFFERS)}  # noqa: SIM118  # not a dict
            shapes = {name: tuple(part.get_shape()) for name, part in slices.items()}
            wrong = list(_differences(expected_tensors(config), shapes))
            types = {name: part.get_dtype() for name, part in slices.items()}
            wrong += [f"{n} has the type {t}" for n, t in types.items() if t not in _READABLE]
            if wrong:
                raise _wrong_tensors(path, wrong)
            tensors = {name: file.get_tensor(name).astype(np.float32, copy=False) for name in slices}
    except FileNotFoundError as err:
        raise CheckpointError(f"{path} is not there.", next_step=_WHOLE, path=path) from err
    except (OSError, safetensors.SafetensorError) as err:
        raise CheckpointError(f"{path} is damaged: {err}", next_step=_WHOLE, path=path) from err
    if wrong := [
        f"{name} has values that are not finite" for name, t in tensors.items() if not np.isfinite(t).all()
    ]:
        raise _wrong_tensors(path, wrong)
    return tensors


def _differences(
    expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]
) -> Iterator[str]:
    for name, shape in expected.items():
        if name not in found:
            yield f"{name} is missing"
        elif found[name] != shape:
            yield f"{name} has the shape {found[name]} instead of {shape}"
    for name in found.keys() - expected.keys():
        yield f"{name} is spare"


def _wrong_tensors(path: Path, wrong: list[str]) -> CheckpointError:
    shown = "; ".join(sorted(wrong)[:5])
    more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
    many = "tensor does" if len(wrong) == 1 else "tensors do"
    return CheckpointError(
        f"{len(wrong)} {many} not fit the config beside {path}: {shown}{more}.",
        next_step=_WHOLE,
        path=path,
        wrong=tuple(wrong),
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
