"""Which files of a folder or a repository hold a checkpoint's weights: by their names, unread."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path

from results.errors import CheckpointError

# In the order of preference; an index names the files that its tensors are spread over.
_FORMS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
_PART = re.compile(r"(model|pytorch_model)-\d+-of-\d+\.(safetensors|bin)")
# Weights that other programs write, and that are not read here.
_FOREIGN = re.compile(r".+\.(h5|msgpack|onnx|ckpt|ckpt\.index|pb|tflite|ot|gguf|pt|pth)|.*adapter_model\..+")
AGAIN = "Fetch the checkpoint again, or name another one."
SAVE = "Save the checkpoint as model.safetensors (save_pretrained of transformers does), or name another one."


def choose(names: Iterable[str]) -> str | None:
    """The file to begin with among a folder's or a repository's files; safetensors before PyTorch's own."""
    there = set(names)
    return next((form for form in _FORMS if form in there), None)


def with_parts(chosen: str, names: Iterable[str]) -> tuple[str, ...]:
    """What is fetched for `chosen`: itself, and for an index all parts of its kind."""
    stem, kind, *index = chosen.split(".")
    if not index:
        return (chosen,)
    parts = (match for match in map(_PART.fullmatch, names) if match)
    return (chosen, *sorted(part[0] for part in parts if (part[1], part[2]) == (stem, kind)))


def missing(place: str, names: Iterable[str]) -> CheckpointError:
    """The error for a folder or repository without weights that can be read; says what it has instead."""
    foreign = sorted(name for name in names if _FOREIGN.fullmatch(name))
    instead = f" It holds {', '.join(foreign[:3])}, which this project does not read." if foreign else ""
    return CheckpointError(
        f"{place}/model.safetensors is not there, and no pytorch_model.bin either.{instead}",
        next_step=SAVE,
        foreign=tuple(foreign),
    )


def find(folder: Path) -> tuple[Path, ...]:
    """The files of a folder that hold its tensors, in the order of names.

    Raises: CheckpointError where there is none, or an index is damaged or names a file that is not there.
    """
    names = [path.name for path in folder.iterdir()]
    chosen = choose(names)
    if chosen is None:
        raise missing(str(folder), names)
    path = folder / chosen
    if path.suffix != ".json":
        return (path,)
    parts = _read_index(path)
    for part in parts:
        if not part.is_file():
            raise CheckpointError(f"{part} is not there, and {path.name} names it.", next_step=AGAIN)
    return parts


def is_whole(folder: Path) -> bool:
    """Whether the weights of a folder are all there, by their names alone."""
    try:
        return all(path.is_file() for path in find(folder))
    except (CheckpointError, OSError):
        return False


def needs_torch(folder: Path) -> bool:
    """Whether the weights of a folder can be read with PyTorch only."""
    return not (choose(path.name for path in folder.iterdir()) or "").startswith("model.")


def digest(paths: tuple[Path, ...]) -> str:
    """SHA-256 of the file; of several, that over the lines "SHA-256 name" of each."""
    sums = []
    for path in paths:
        with path.open("rb") as file:
            sums.append(hashlib.file_digest(file, "sha256").hexdigest())
    if len(sums) == 1:
        return sums[0]
    lines = "".join(f"{one} {path.name}\n" for one, path in zip(sums, paths, strict=True))
    return hashlib.sha256(lines.encode()).hexdigest()


def _read_index(path: Path) -> tuple[Path, ...]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))["weight_map"]
        names = set(held.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise CheckpointError(
            f"{path} is damaged: it gives no weight_map ({type(err).__name__}).", next_step=AGAIN, path=path
        ) from err
    # A name of another folder would make a checkpoint read what is not its own.
    if odd := [name for name in names if not (isinstance(name, str) and _PART.fullmatch(name))]:
        raise CheckpointError(
            f"{path} names {odd[0]!r}, which is no part of it such as model-00001-of-00002.safetensors.",
            next_step=AGAIN,
            path=path,
        )
    if not names:
        raise CheckpointError(f"{path} is damaged: its weight_map is empty.", next_step=AGAIN, path=path)
    return tuple(path.with_name(name) for name in sorted(names))
