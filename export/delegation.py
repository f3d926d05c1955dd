"""Which operators of a .tflite XNNPACK takes on this machine, and what share of the arithmetic they hold."""

from __future__ import annotations

import contextlib
import importlib
import logging
import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from export.operators import HEAVY, Model, Operator, operators, read_model, signatures
from export.quiet import native_stderr_to_log
from results.errors import ConversionError

_log = logging.getLogger(__name__)

# The interpreter's own class ships no types.
_Native: TypeAlias = Any

_SUBGRAPHS = 8  # the place of the field `subgraphs` among a model's, in the file format's own counting
_MOST_NAMED = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """What XNNPACK takes of one signature, in `partitions` pieces; `outside` is left to built-in kernels."""

    signature: str
    partitions: int
    multiply_adds: int
    outside: tuple[Operator, ...]

    @property
    def share(self) -> float | None:
        """Of the multiply-adds, those inside, 0 to 1; None where there are none that are counted."""
        if self.multiply_adds == 0:
            return None
        return 1 - sum(operator.multiply_adds for operator in self.outside) / self.multiply_adds

    @property
    def heavy_outside(self) -> tuple[Operator, ...]:
        """The dense layers, batch matmuls and convolutions that were left outside."""
        return tuple(operator for operator in self.outside if operator.kind in HEAVY)

    @property
    def outside_by_kind(self) -> dict[str, int]:
        """How many operators of each kind were left outside, the most frequent first."""
        return dict(Counter(operator.kind for operator in self.outside).most_common())


def read_delegation(model_path: Path) -> tuple[Delegation, ...]:
    """Every signature as ai-edge-litert divides it here, in the file's order.

    Raises: ConversionError for a file that ai-edge-litert does not open or prepare.
    """
    with _refusals("read", model_path):
        content = model_path.read_bytes()
    with _refusals("open", model_path):
        _open(content)  # verifies the file's structure, which reading its tables does not
    model = read_model(content)
    return tuple(_divide(model, key, subgraph, model_path) for key, subgraph in signatures(model).items())


def check(delegations: Sequence[Delegation], recipe: str, *, allow: bool = False) -> float | None:
    """The share inside, of the signature that has the least; None where nothing is counted.

    Raises: ConversionError that names the heavy operators outside, unless `allow`.
    """
    share = min((each.share for each in delegations if each.share is not None), default=None)
    left = [(each.signature, operator) for each in delegations for operator in each.heavy_outside]
    if share is None or not left or allow:
        return share
    kinds = Counter(operator.kind for _, operator in left)
    counts = " and ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    # The converter joins the names of what it fused.
    names = [f"{operator.name.partition(';')[0]} of {key}" for key, operator in left]
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    raise ConversionError(
        f"XNNPACK leaves {counts} of {recipe} to slower kernels, {1 - share:.1%} of the arithmetic: "
        f"{', '.join(names[:_MOST_NAMED])}{more}.",
        next_step="Choose another recipe (export --list-recipes), or accept it with --allow-undelegated.",
        recipe=recipe,
        operators=tuple((key, each.kind, each.name, each.multiply_adds) for key, each in left),
    )


def _divide(model: Model, signature: str, subgraph: int, model_path: Path) -> Delegation:
    with _refusals("prepare", model_path), native_stderr_to_log():
        interpreter = _open(_with_first(model, subgraph))
        interpreter.allocate_tensors()
    stated = operators(model, subgraph)
    # The file's operators keep their places; behind them stands a node for each partition.
    native = interpreter._interpreter
    pieces = [
        index for index in range(len(stated), native.NumNodes()) if native.NodeName(index) == "DELEGATE"
    ]
    inside: set[int] = set()
    for index in pieces:
        inside |= _between(stated, native.NodeInputs(index), native.NodeOutputs(index))
    found = Delegation(
        signature=signature,
        partitions=len(pieces),
        multiply_adds=sum(operator.multiply_adds for operator in stated),
        outside=tuple(operator for operator in stated if operator.index not in inside),
    )
    _log.debug("%s %s: %d partitions, outside %s", model_path, signature, len(pieces), found.outside_by_kind)
    return found


def _open(content: bytes) -> _Native:
    module = importlib.import_module("ai_edge_litert.interpreter")
    with native_stderr_to_log():
        return module.Interpreter(model_content=content, num_threads=1)


def _with_first(model: Model, subgraph: int) -> bytes:
    """The same file with `subgraph` in the first place too: the interpreter lists no other's nodes.

    In a flatbuffer's vector an element is the distance from itself to its table; two may lead to the same.
    """
    content = bytearray(model._tab.Bytes)
    first = model._tab.Vector(model._tab.Offset(_SUBGRAPHS))
    element = first + 4 * subgraph
    (distance,) = struct.unpack_from("<I", content, element)
    struct.pack_into("<I", content, first, element + distance - first)
    return bytes(content)


def _between(stated: Sequence[Operator], inputs: Iterable[int], outputs: Iterable[int]) -> set[int]:
    """The operators on the ways from a partition's outputs back to its inputs, which are all inside it."""
    makers = {tensor: operator for operator in stated for tensor in operator.outputs}
    seen = {int(tensor) for tensor in inputs}
    wanted = [int(tensor) for tensor in outputs]
    passed = set()
    while wanted:
        tensor = wanted.pop()
        if tensor not in seen and tensor in makers:
            seen.add(tensor)
            passed.add(makers[tensor].index)
            wanted.extend(makers[tensor].inputs)
    return passed


@contextlib.contextmanager
def _refusals(action: str, model_path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, RuntimeError) as err:
        raise ConversionError(
            f"ai-edge-litert cannot {action} {model_path}: {' '.join(str(err).split())}",
            next_step="Export again, or name a .tflite that ai-edge-litert loads.",
            path=model_path,
        ) from err
