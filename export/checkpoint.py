"""A checkpoint: weights found, pinned, opened, and checked against their config."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export import hub, seeded, weight_files
from export.architecture import MobileBertConfig, expected_tensors, from_json
from export.head import read_labels, refuse_headless, refuse_other_heads
from export.tensor_files import StoredTensor, open_tensors
from results.errors import CheckpointError
from results.record import Weights

_log = logging.getLogger(__name__)

_HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?")
_SEEDED = re.compile(r"seeded(?::(?P<seed>\d{1,18}))?")
# Saved with the weights by some versions of transformers, though it only counts positions.
_BUFFERS = ("embeddings.position_ids",)
# Names that converters of TensorFlow checkpoints once gave, and what DataParallel puts before all of them.
_OLD_ENDINGS = ((".LayerNorm.gamma", ".LayerNorm.weight"), (".LayerNorm.beta", ".LayerNorm.bias"))
_PARALLEL = "module."
_POOLER = "mobilebert.pooler."
_READABLE = ("F16", "BF16", "F32", "F64")
_WHOLE = "Fetch the checkpoint again, or name another one; the weights and config.json belong together."


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

    @property
    def model(self) -> str:
        """Which of the paper's networks this is."""
        return self.config.model


def open_checkpoint(spec: str, *, allow_download: bool = True) -> Checkpoint:
    """Open "seeded", "seeded:SEED", a local folder, or a hub id with an optional @revision.

    Raises: CheckpointError for what is missing, damaged, of another architecture, or of another head.
    """
    if match := _SEEDED.fullmatch(spec):
        return open_seeded(seed=int(match["seed"] or 0))
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


def open_seeded(model: str = "mobilebert", seed: int = 0) -> Checkpoint:
    """Random weights of one of seeded.MODELS; the same numbers for the same seed everywhere."""
    config = seeded.MODELS[model]
    tensors = seeded.seeded_tensors(config, seed)
    sha256 = seeded.digest(tensors)
    name = f"seeded:{seed}"
    return Checkpoint(
        config=config,
        tensors=tensors,
        labels=seeded.LABELS,
        weights=Weights(kind="seeded", name=name, revision=None, sha256=sha256, trained=False),
        vocab_path=None,
        folder=None,
    )


def _open_folder(folder: Path, *, kind_name_revision: tuple[str, str, str | None]) -> Checkpoint:
    kind, name, revision = kind_name_revision
    settings = _read_config(folder / "config.json")
    labels = read_labels(settings)
    config = from_json(settings, labels=len(labels))
    refuse_other_heads(settings)
    paths = weight_files.find(folder)
    tensors = _read_tensors(paths, config)
    sha256 = weight_files.digest(paths)
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


def _read_tensors(paths: tuple[Path, ...], config: MobileBertConfig) -> dict[str, NDArray[np.float32]]:
    with open_tensors(paths) as stored:
        found = _named_as_today(stored)
        if not config.classifier_activation:  # transformers, too, leaves out a pooler that is not used
            found = {name: tensor for name, tensor in found.items() if not name.startswith(_POOLER)}
        refuse_headless(found)
        wrong = list(_differences(expected_tensors(config), {name: t.shape for name, t in found.items()}))
        wrong += [f"{name} has the type {t.type}" for name, t in found.items() if t.type not in _READABLE]
        if wrong:
            raise _wrong_tensors(paths[0], wrong)
        tensors = {name: tensor.read() for name, tensor in found.items()}
    if wrong := [
        f"{name} has values that are not finite" for name, t in tensors.items() if not np.isfinite(t).all()
    ]:
        raise _wrong_tensors(paths[0], wrong)
    return tensors


def _named_as_today(stored: Mapping[str, StoredTensor]) -> dict[str, StoredTensor]:
    """The tensors under the names that transformers gives them now, without buffers."""
    prefix = _PARALLEL if all(name.startswith(_PARALLEL) for name in stored) else ""
    found: dict[str, StoredTensor] = {}
    for old, tensor in stored.items():
        name = old.removeprefix(prefix)
        for ending, today in _OLD_ENDINGS:
            if name.endswith(ending):
                name = name.removesuffix(ending) + today
        if name in found:
            raise _wrong_tensors(tensor.path, [f"{name} stands there under two names"])
        if not name.endswith(_BUFFERS):
            found[name] = tensor
    return found


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
