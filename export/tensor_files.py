"""The tensors of a checkpoint's files: their shapes first, then their values, and nothing is executed."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.weight_files import AGAIN
from results.errors import CheckpointError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTensor:
    """A tensor before it is read. `type`: safetensors' word for it, such as F32, or torch's own.

    `read` gives it as float32, and only for F16, BF16, F32 and F64. Raises: CheckpointError.
    """

    path: Path
    shape: tuple[int, ...]
    type: str
    read: Callable[[], NDArray[np.float32]]


@contextlib.contextmanager
def open_tensors(paths: tuple[Path, ...]) -> Iterator[dict[str, StoredTensor]]:
    """All tensors of these files by name, to be read while this is open.

    Raises: CheckpointError for a file that is damaged, holds more than tensors, or needs PyTorch.
    """
    with contextlib.ExitStack() as stack:
        stored: dict[str, StoredTensor] = {}
        for path in paths:
            if path.suffix == ".bin":
                from export.pickled import open_pickled

                opened = open_pickled(path)
            else:
                opened = stack.enter_context(_open_safetensors(path))
            for name in opened.keys() & stored.keys():
                raise CheckpointError(
                    f"{name} is in {stored[name].path.name} and in {path.name}.", next_step=AGAIN, path=path
                )
            stored |= opened
            _log.debug("%s: %d tensors", path, len(opened))
        yield stored


@contextlib.contextmanager
def _open_safetensors(path: Path) -> Iterator[dict[str, StoredTensor]]:
    import safetensors

    faults = (OSError, safetensors.SafetensorError)
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(safetensors.safe_open(path, framework="numpy"))
            slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118  # not a dict
            types = {name: part.get_dtype() for name, part in slices.items()}
        except FileNotFoundError as err:
            raise CheckpointError(f"{path} is not there.", next_step=AGAIN, path=path) from err
        except faults as err:
            raise damaged(path, str(err)) from err
        if "BF16" in types.values():
            _teach_bfloat16(path)

        def reader(name: str) -> Callable[[], NDArray[np.float32]]:
            def read() -> NDArray[np.float32]:
                try:
                    return _float32(file.get_tensor(name))
                except faults as err:
                    raise damaged(path, str(err)) from err

            return read

        yield {
            name: StoredTensor(path=path, shape=tuple(part.get_shape()), type=types[name], read=reader(name))
            for name, part in slices.items()
        }


def _teach_bfloat16(path: Path) -> None:
    """NumPy knows bfloat16 once ml_dtypes is imported, which TensorFlow brings."""
    try:
        importlib.import_module("ml_dtypes")
    except ImportError as err:
        raise CheckpointError(
            f"{path} holds bfloat16, and ml_dtypes, which reads it, is not installed.",
            next_step="Install TensorFlow, which brings ml_dtypes, or save the checkpoint in float32.",
            path=path,
        ) from err


def _float32(values: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # what float32 cannot hold is infinite now, and refused as such
        return values.astype(np.float32, copy=False)


def damaged(path: Path, why: str) -> CheckpointError:
    """The error for a file that is not what its name says."""
    return CheckpointError(f"{path} is damaged: {why}", next_step=AGAIN, path=path)
