"""A float .tflite with ranges seen on training rows to static 8-bit arithmetic, by ai-edge-quantizer.

Attention's core stays in float32 in every recipe: XNNPACK has no 8-bit softmax or product of two activations,
and what is left outside of it costs more than all the rest.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import re
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from export import operators
from export.architecture import INPUTS, OUTPUT
from export.calibration import TrainingRows
from export.operators import Operator
from export.quiet import native_stderr_to_log
from results.errors import ConfigError

# What stays in 8 bits between dense layers, where the recipe's streams do.
_SUMS = ("ADD", "MUL")
_COPIES = ("SLICE", "STRIDED_SLICE", "RESHAPE", "TRANSPOSE")
_BITS = 8

_Native: TypeAlias = Any  # neither the interpreter nor the quantizer ships types
# Of a tensor: its least and its greatest value.
Bounds: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quantized:
    """`model`: the file's bytes; `tensors`: ranges by tensor; `logits`: of the float file, (rows, labels)."""

    model: bytes
    tensors: Mapping[str, Bounds]
    logits: NDArray[np.float32]


def quantize(model: bytes, rows: TrainingRows, *, key: str, int8_streams: bool) -> Quantized:
    """Quantize the dense layers of a float .tflite, and with `int8_streams` the residual sums between them.

    `key`: the longest signature, at whose length the rows are; the others get its ranges. The classifier,
    for one token, stays float. Raises: ConfigError where ai-edge-quantizer is not installed.
    """
    tables = operators.read_model(model)
    graphs = {name: operators.operators(tables, at) for name, at in operators.signatures(tables).items()}
    chosen = {name: _choose(each, int8_streams) for name, each in graphs.items()}
    subgraphs = operators.signatures(tables)
    seen, logits = _run(model, rows, key, subgraphs[key], graphs[key], chosen[key])
    # Every signature has the same operators in the same order, over tensors of other names.
    named = {
        _tensor_name(tables, subgraphs[name], theirs): seen[ours]
        for name, graph in graphs.items()
        for op, same in zip(graphs[key], graph, strict=True)
        for ours, theirs in zip((*op.inputs, *op.outputs), (*same.inputs, *same.outputs), strict=True)
        if ours in seen
    }
    picked = [op for name, graph in graphs.items() for op in graph if op.index in chosen[name]]
    return Quantized(
        model=_apply(model, named, picked),
        tensors={name: (float(low.item()), float(high.item())) for name, (low, high) in named.items()},
        logits=logits,
    )


def _choose(graph: tuple[Operator, ...], int8_streams: bool) -> set[int]:
    """The operators to quantize, by their index: embeddings, dense layers but the last, sums between them."""
    read = {tensor for op in graph for tensor in op.inputs}
    chosen: set[int] = set()
    reached: set[int] = set()  # what dense layers make and what sums and copies make of it
    for op in graph:
        if op.kind == "GATHER":
            take = len(op.shapes[0]) == 2
        elif op.kind == "FULLY_CONNECTED":
            take = not read.isdisjoint(op.outputs)
            reached.update(op.outputs if take else ())
        else:
            kinds = (*_SUMS, *_COPIES) if int8_streams else ()
            take = op.kind in kinds and not reached.isdisjoint(op.inputs)
            reached.update(op.outputs if take else ())
        if take:
            chosen.add(op.index)
    return chosen


def _run(
    model: bytes, rows: TrainingRows, key: str, subgraph: int, graph: tuple[Operator, ...], chosen: set[int]
) -> tuple[dict[int, tuple[_Native, _Native]], NDArray[np.float32]]:
    """Least and greatest value of every tensor that the chosen operators read or make, and the logits."""
    with native_stderr_to_log(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that keeping all tensors is for debugging
        interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter(
            model_content=model, num_threads=1, experimental_preserve_all_tensors=True
        )
        runner = interpreter.get_signature_runner(key)
        # Once for nothing: what is said on preparing the graph goes to the log.
        runner(**dict(zip(INPUTS, (rows.ids[:1], rows.mask[:1], rows.types[:1]), strict=True)))
    made = {tensor for op in graph for tensor in op.outputs}
    taken = [op for op in graph if op.index in chosen]
    # Weights keep a scale for each channel, which they get only where nothing is said of them.
    watched = sorted({tensor for op in taken for tensor in (*op.inputs, *op.outputs)} & made)
    seen: dict[int, tuple[_Native, _Native]] = {}
    logits = []
    for ids, mask, types in zip(rows.ids, rows.mask, rows.types, strict=True):
        fed = {name: values[None] for name, values in zip(INPUTS, (ids, mask, types), strict=True)}
        logits.append(np.array(runner(**fed)[OUTPUT][0], np.float32))
        for tensor in watched:
            values = interpreter.get_tensor(tensor, subgraph)
            if values.dtype != np.float32:
                continue
            # What padding does is read by nobody: left out of the embeddings, (L, channels).
            real = values[mask == 1] if values.ndim == 2 and len(values) == len(mask) else values
            low, high = (np.full((1,) * values.ndim, each) for each in (real.min(), real.max()))
            if tensor in seen:
                low, high = np.minimum(low, seen[tensor][0]), np.maximum(high, seen[tensor][1])
            seen[tensor] = low, high
    for op in taken:
        if op.kind == "GATHER":  # any word may come, not only those of the rows
            table = interpreter.get_tensor(op.inputs[0], subgraph)
            seen[op.outputs[0]] = table.min(keepdims=True), table.max(keepdims=True)
    return seen, np.stack(logits)


def _apply(model: bytes, ranges: Mapping[str, tuple[_Native, _Native]], chosen: list[Operator]) -> bytes:
    names: dict[str, list[str]] = {}
    for op in chosen:
        names.setdefault(op.kind, []).append(re.escape(op.name))
    with _silence():
        try:
            quantizer = importlib.import_module("ai_edge_quantizer.quantizer")
            qtyping = importlib.import_module("ai_edge_quantizer.qtyping")
            manager = importlib.import_module("ai_edge_quantizer.recipe_manager").RecipeManager()
        except ImportError as err:
            raise ConfigError(
                f"Static recipes need ai-edge-quantizer: {err}",
                next_step="Set the environment up again from its lock file, or use --recipe dynamic_int8.",
            ) from err
        for kind, each in names.items():
            manager.add_static_config(f"^({'|'.join(each)});$", qtyping.TFLOperationName(kind), _BITS, _BITS)
        work = quantizer.Quantizer(bytearray(model), manager.get_quantization_recipe())
        result = work.quantize(
            {name: {"min": low, "max": high} for name, (low, high) in ranges.items()},
            enable_progress_bar=False,
            enable_progress_report=False,
        )
    return bytes(result.quantized_model)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """While inside, neither bars nor warnings that weights are shared, as several signatures do."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            native_stderr_to_log(),
            contextlib.redirect_stderr(io.StringIO()),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _tensor_name(tables: operators.Model, subgraph: int, tensor: int) -> str:
    return str((tables.Subgraphs(subgraph).Tensors(tensor).Name() or b"").decode())
