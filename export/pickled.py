"""PyTorch's own file of weights: a pickle, read as tensors and nothing else, where PyTorch is installed."""

from __future__ import annotations

import importlib
import pickle
import re
import warnings
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.tensor_files import StoredTensor, damaged
from export.weight_files import SAVE
from results.errors import CheckpointError

Torch = Any  # the module: imported where it is needed, and absent from many machines
Tensor = Any  # its Tensor

# Before it, weights_only ran code all the same: CVE-2025-32434.
_SAFE_TORCH = (2, 6)
_TYPES = {"float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64"}


def open_pickled(path: Path) -> dict[str, StoredTensor]:
    """All tensors of the file by name. Raises: CheckpointError, also where PyTorch is missing or too old."""
    torch = _import_torch(path)
    held = _load(torch, path)
    if not isinstance(held, Mapping) or not held:
        raise _no_tensors(path, f"a {type(held).__name__}" if held else "nothing")
    for name, value in held.items():
        if not isinstance(name, str) or not isinstance(value, torch.Tensor):
            raise _no_tensors(path, f"a {type(value).__name__} under {name!r}")

    def reader(tensor: Tensor) -> Callable[[], NDArray[np.float32]]:
        # A copy, so that the mapped file may be closed, and changed, afterwards.
        return lambda: np.array(tensor.detach().to(torch.float32).numpy())

    return {
        name: StoredTensor(path=path, shape=tuple(value.shape), type=_type(torch, value), read=reader(value))
        for name, value in held.items()
    }


def _type(torch: Torch, tensor: Tensor) -> str:
    name = str(tensor.dtype).removeprefix("torch.")
    return _TYPES.get(name, name) if tensor.layout == torch.strided else f"{tensor.layout} {name}"


def _import_torch(path: Path) -> Torch:
    oldest = ".".join(map(str, _SAFE_TORCH))
    try:
        torch = importlib.import_module("torch")
    except (ImportError, OSError) as err:  # OSError: there, but one of its libraries is not
        raise CheckpointError(
            f"{path} can be read with PyTorch only, which cannot be imported here: {err}",
            next_step=f'Install it (pip install "torch>={oldest}"), or save the checkpoint as '
            "model.safetensors where PyTorch is.",
            path=path,
        ) from err
    if torch.__version__ < _SAFE_TORCH:
        raise CheckpointError(
            f"{path} is not read with PyTorch {torch.__version__}, which may run code that a file holds.",
            next_step=f'Install a newer one: pip install "torch>={oldest}".',
            path=path,
        )
    return torch


def _load(torch: Torch, path: Path) -> object:
    try:
        with warnings.catch_warnings():
            # They tell of old formats; what cannot be read ends in an error anyway.
            warnings.simplefilter("ignore")
            # Mapped, shapes are checked before weights are read; formats older than zip cannot be.
            return torch.load(path, weights_only=True, map_location="cpu", mmap=zipfile.is_zipfile(path))
    except pickle.UnpicklingError as err:
        if wanted := re.search(r"GLOBAL ([\w.]+)", str(err)):
            raise CheckpointError(
                f"{path} holds more than tensors: it asks for {wanted[1]}. Nothing in it was executed.",
                next_step=f"{SAVE} Do not load this file by other means unless you trust who made it.",
                path=path,
                wanted=wanted[1],
            ) from err
        raise damaged(path, "torch.save did not write this") from err
    except Exception as err:  # whatever PyTorch makes of a torn file
        raise damaged(path, str(err).strip().split("\n", 1)[0][:160] or "it ends too early") from err


def _no_tensors(path: Path, found: str) -> CheckpointError:
    return CheckpointError(f"{path} holds {found}, instead of tensors by name.", next_step=SAVE, path=path)
