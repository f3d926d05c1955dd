"""One .tflite on this machine, through any of its runtimes; inputs and outputs by name."""

from __future__ import annotations

import contextlib
import importlib
import logging
import sys
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from export.architecture import INPUTS, OUTPUT
from export.quiet import native_stderr_to_log, tensorflow
from export.runtimes import RUNTIMES, absent, refuse_first, refuse_unfit, version_of
from results.errors import ConfigError, ConversionError

_log = logging.getLogger(__name__)

# The interpreters' own classes ship no types.
_Native: TypeAlias = Any
# From ids, mask and types, each (length,), to logits, (labels,).
Runner: TypeAlias = Callable[[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]], NDArray[np.float32]]

_REMAKE = "Export again, or name a .tflite that mobilebert-bench exported."


class Interpreter:
    """One signature of one file, ready to run: `length` tokens in, `labels` logits out, batch 1."""

    def __init__(
        self,
        runner: _Native,
        *,
        model_path: Path,
        runtime: str,
        signature: str,
        length: int,
        labels: int,
    ) -> None:
        self._runner = runner
        self._model_path = model_path
        self.runtime = runtime
        self.version = version_of(runtime)
        self.signature = signature
        self.length = length
        self.labels = labels

    def logits(
        self, ids: NDArray[np.int32], mask: NDArray[np.int32], types: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """The logits of one sequence, float32 (labels,). `ids`, `mask`, `types`: int32 (length,), padded.

        Values that are not finite are given as they are. Raises: ConversionError where the file opens and
        does not run.
        """
        fed = {
            name: np.ascontiguousarray(values, np.int32).reshape(1, self.length)
            for name, values in zip(INPUTS, (ids, mask, types), strict=True)
        }
        with _refusals("run", self._model_path, self.runtime):
            return np.array(self._runner(**fed)[OUTPUT][0], np.float32)


def open_runtime(
    model_path: Path,
    *,
    runtime: str = "ai-edge-litert",
    threads: int,
    signature: str | None = None,
    recipe: str | None = None,
    built_in_kernels: bool = False,
) -> Interpreter:
    """Open one signature of a file (its only one where none is named), XNNPACK on.

    `built_in_kernels`: without XNNPACK, ai-edge-litert only; a second implementation of the same file.

    Raises: ConfigError for a runtime that is unknown, absent, or too old for `recipe`, and for a signature
    that is not there; ConversionError for a file that is no model, damaged, or has other inputs and outputs.
    """
    interpreter = _open_fit(model_path, runtime, threads, recipe, built_in_kernels=built_in_kernels)
    with native_stderr_to_log(), _refusals("prepare", model_path, runtime):
        key = _choose(interpreter.get_signature_list(), signature, model_path)
        # tflite-runtime hands the graph to XNNPACK here and not when a signature is first run.
        interpreter.allocate_tensors()
    _log.debug("opened %s (%s) with %s, %d threads", model_path, key, runtime, threads)
    return _one_signature(interpreter, key, model_path, runtime)


def open_signatures(
    model_path: Path,
    *,
    runtime: str = "ai-edge-litert",
    threads: int,
    lengths: Collection[int] | None = None,
    recipe: str | None = None,
    built_in_kernels: bool = False,
) -> tuple[Interpreter, ...]:
    """Open a file once for several of its signatures, shortest first: those of these lengths, or all.

    Raises: as `open_runtime`; ConversionError, too, for two signatures of one length.
    """
    interpreter = _open_fit(model_path, runtime, threads, recipe, built_in_kernels=built_in_kernels)
    with native_stderr_to_log(), _refusals("prepare", model_path, runtime):
        keys = tuple(interpreter.get_signature_list())
        if not keys:
            _choose({}, None, model_path)
        interpreter.allocate_tensors()
    found: dict[int, Interpreter] = {}
    for key in keys:
        one = _one_signature(interpreter, key, model_path, runtime)
        if (other := found.get(one.length)) is not None:
            what = f"{model_path} has two signatures for {one.length} tokens: {other.signature} and {key}."
            raise ConversionError(what, next_step=_REMAKE, path=model_path)
        found[one.length] = one
    wanted = sorted(found if lengths is None else lengths)
    if missing := [length for length in wanted if length not in found]:
        has = ", ".join(map(str, sorted(found)))
        raise ConfigError(
            f"{model_path} has no signature for {missing[0]} tokens; it has {has}.",
            next_step="Choose one of those lengths, or export with the length that you want.",
            path=model_path,
        )
    _log.debug("opened %s (lengths %s) with %s, %d threads", model_path, wanted, runtime, threads)
    return tuple(found[length] for length in wanted)


def _open_fit(
    model_path: Path, runtime: str, threads: int, recipe: str | None, *, built_in_kernels: bool
) -> _Native:
    if threads < 1:
        raise ValueError(f"threads is {threads}")
    refuse_unfit(runtime, recipe)
    refuse_first(runtime)
    # LiteRT verifies a file's structure; tflite-runtime 2.14 crashes on a truncated one. So the former looks
    # first, whichever runs.
    interpreter = _open(model_path, "ai-edge-litert", threads, built_in_kernels=built_in_kernels)
    if runtime != "ai-edge-litert":
        interpreter = _open(model_path, runtime, threads)
    return interpreter


def _one_signature(interpreter: _Native, key: str, model_path: Path, runtime: str) -> Interpreter:
    with native_stderr_to_log(), _refusals("prepare", model_path, runtime):
        runner = interpreter.get_signature_runner(key)
        length, labels = _check_shapes(runner, model_path)
    return Interpreter(
        runner, model_path=model_path, runtime=runtime, signature=key, length=length, labels=labels
    )


def _open(model_path: Path, runtime: str, threads: int, *, built_in_kernels: bool = False) -> _Native:
    module = _module(runtime)
    with native_stderr_to_log(), _refusals("open", model_path, runtime), warnings.catch_warnings():
        if runtime == "tensorflow":  # its own says at every start that it will move to ai-edge-litert
            warnings.simplefilter("ignore")
        if not built_in_kernels:
            return module.Interpreter(model_path=str(model_path), num_threads=threads)
        plain = module.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        return module.Interpreter(
            model_path=str(model_path), num_threads=threads, experimental_op_resolver_type=plain
        )


def _module(runtime: str) -> _Native:
    """Where a runtime's class Interpreter is. Raises: ConfigError where it is not installed."""
    too_late = (
        runtime == "tflite-runtime" and "tensorflow" in sys.modules and RUNTIMES[runtime] not in sys.modules
    )
    try:
        module = tensorflow().lite if runtime == "tensorflow" else importlib.import_module(RUNTIMES[runtime])
    except ImportError as err:
        raise absent(runtime, str(err)) from err
    if too_late:  # see export/quiet.py, which imports both in the order that works
        raise RuntimeError("tflite-runtime must be imported before tensorflow")
    return module


@contextlib.contextmanager
def _refusals(action: str, model_path: Path, runtime: str) -> Iterator[None]:
    """What a runtime says of a file that it cannot open, prepare or run, as our error."""
    try:
        yield
    except (ValueError, RuntimeError, OSError, TypeError) as err:  # TypeError: its bindings, for odd numbers
        if not model_path.exists():
            what = f"{model_path} is not there."
        elif not model_path.is_file():
            what = f"{model_path} is a folder, and not of an export: it has no model.json."
        elif model_path.stat().st_size == 0:
            what = f"{model_path} is empty."
        else:
            what = f"{runtime} cannot {action} {model_path}: {_one_line(err)}"
        raise ConversionError(what, next_step=_REMAKE, path=model_path, runtime=runtime) from err


def _choose(signatures: Mapping[str, object], wanted: str | None, model_path: Path) -> str:
    if not signatures:
        raise ConversionError(f"{model_path} has no named signature.", next_step=_REMAKE, path=model_path)
    if wanted is None and len(signatures) == 1:
        return next(iter(signatures))
    if wanted is None or wanted not in signatures:
        asked = "none was named" if wanted is None else f'"{wanted}" is not one of them'
        raise ConfigError(
            f"{model_path} has the signatures {', '.join(sorted(signatures))}, and {asked}.",
            next_step="Name one of them, or export with the length that you want.",
            path=model_path,
            signature=wanted,
        )
    return wanted


def _check_shapes(runner: _Native, model_path: Path) -> tuple[int, int]:
    inputs, outputs = runner.get_input_details(), runner.get_output_details()
    lengths = {tuple(inputs[name]["shape"]) for name in INPUTS if name in inputs}
    integers = all(detail["dtype"] == np.int32 for detail in inputs.values())
    if set(inputs) != set(INPUTS) or len(lengths) != 1 or not integers:
        got = ", ".join(f"{n} {tuple(d['shape'])} {np.dtype(d['dtype'])}" for n, d in sorted(inputs.items()))
        what = f"{model_path} takes {got}, instead of {', '.join(INPUTS)}, int32, each of one shape."
        raise ConversionError(what, next_step=_REMAKE, path=model_path)
    shape = lengths.pop()
    out = outputs.get(OUTPUT)
    if (
        len(shape) != 2
        or shape[0] != 1
        or out is None
        or len(out["shape"]) != 2
        or out["dtype"] != np.float32
    ):
        got = ", ".join(f"{n} {tuple(d['shape'])}" for n, d in sorted(outputs.items()))
        what = (
            f"{model_path} maps {shape} to {got}, instead of (1, length) to {OUTPUT} (1, labels) in float32."
        )
        raise ConversionError(what, next_step=_REMAKE, path=model_path)
    return int(shape[1]), int(out["shape"][1])


def _one_line(err: Exception) -> str:
    return " ".join(str(err).split()) or type(err).__name__
