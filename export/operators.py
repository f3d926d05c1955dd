"""The operators that a .tflite states, per signature, and the multiply-adds of the heavy ones."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeAlias

# ai-edge-litert's own schema of the file ships no types.
Model: TypeAlias = Any
_Native: TypeAlias = Any

# Those whose arithmetic is counted: all others take a few operations per value, not a sum over a dimension.
HEAVY = ("FULLY_CONNECTED", "BATCH_MATMUL", "CONV_2D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """One operator of one signature. `index`: its place in the file; `name`: its first output's.

    `shapes`: of its first two inputs and its first output. `multiply_adds`: for one inference at the shapes
    that the file states; 0 unless its kind is one of HEAVY. `inputs`, `outputs`: tensors; -1 is none.
    """

    index: int
    kind: str
    name: str
    shapes: tuple[tuple[int, ...], ...]
    multiply_adds: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_model(content: bytes) -> Model:
    """The tables of a file that the interpreter has opened: nothing is verified here."""
    return _schema().Model.GetRootAs(content, 0)


def signatures(model: Model) -> dict[str, int]:
    """The subgraph of every signature, in the file's order."""
    keyed = (model.SignatureDefs(index) for index in range(model.SignatureDefsLength()))
    return {_text(each.SignatureKey()): each.SubgraphIndex() for each in keyed}


def operators(model: Model, subgraph: int) -> tuple[Operator, ...]:
    """Every operator of one subgraph, in the order of the file; not those of subgraphs that it calls."""
    kinds = {
        number: kind for kind, number in vars(_schema().BuiltinOperator).items() if isinstance(number, int)
    }
    graph = model.Subgraphs(subgraph)
    tensors = [graph.Tensors(index) for index in range(graph.TensorsLength())]
    shapes = [tuple(each.Shape(at) for at in range(each.ShapeLength())) for each in tensors]
    found = []
    for index in range(graph.OperatorsLength()):
        native = graph.Operators(index)
        code = model.OperatorCodes(native.OpcodeIndex())
        # Numbers below 127 are written twice, the second time for readers of before there were more.
        kind = kinds.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "unknown")
        inputs = tuple(native.Inputs(at) for at in range(native.InputsLength()))
        outputs = tuple(native.Outputs(at) for at in range(native.OutputsLength()))
        shown = tuple(shapes[tensor] for tensor in (*inputs[:2], *outputs[:1]) if tensor >= 0)
        found.append(
            Operator(
                index=index,
                kind=_text(code.CustomCode()) if kind == "CUSTOM" else kind,
                name=_text(tensors[outputs[0]].Name()) if outputs else "",
                shapes=shown,
                multiply_adds=prod(shown[2]) * _summands(native, kind, shown) if kind in HEAVY else 0,
                inputs=inputs,
                outputs=outputs,
            )
        )
    return tuple(found)


def _summands(native: _Native, kind: str, shapes: Sequence[tuple[int, ...]]) -> int:
    """How many products are added up for one value of the output."""
    if kind == "FULLY_CONNECTED":
        return shapes[1][-1]  # (out, in)
    if kind == "CONV_2D":
        return prod(shapes[1][1:])  # (out, height, width, in)
    table = native.BuiltinOptions()
    if table is None:
        return shapes[0][-1]
    options = _schema().BatchMatMulOptions()
    options.Init(table.Bytes, table.Pos)
    return shapes[0][-2 if options.AdjX() else -1]


def _text(name: bytes | None) -> str:
    return (name or b"").decode(errors="replace")


def _schema() -> _Native:
    return importlib.import_module("ai_edge_litert.schema_py_generated")
