"""What benchmark_model is fed with: one real row, so that every token id is one of the vocabulary's.

Random numbers are its default, and most of them are no token: a gather then fails or reads something else.
"""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from android_runner.run import Workplace, send
from results.errors import ConfigError

if TYPE_CHECKING:
    from android_runner.binary import Binary
    from android_runner.sequences import Sequences

_BOUNDS = {"input_ids": None, "attention_mask": 1, "token_type_ids": 1}  # None: the vocabulary's last


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One input of a signature: `name` is the row's, `tensor` the graph's. `shape`: (1, L)."""

    name: str
    tensor: str
    shape: tuple[int, ...]
    int64: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """`arguments`: flags of the binary's dialect; the files that they name lie in the workplace's folder."""

    signature: str
    arguments: tuple[str, ...]
    files: tuple[str, ...]


def inputs_of(model: Path, signature: str) -> tuple[Input, ...]:
    """The inputs of one signature in the graph's own order; only of a file that a runtime has opened before.

    Raises: ConfigError where the file has no such signature, or it has others inputs than these rows.
    """
    schema = _schema()
    tables = schema.Model.GetRootAs(model.read_bytes(), 0)
    defined = [tables.SignatureDefs(index) for index in range(tables.SignatureDefsLength())]
    keyed = {each.SignatureKey().decode(): each for each in defined}
    if signature not in keyed:
        raise _unfit(model, f"it has no signature {signature!r}")
    chosen = keyed[signature]
    graph = tables.Subgraphs(chosen.SubgraphIndex())
    maps = [chosen.Inputs(index) for index in range(chosen.InputsLength())]
    names = {each.TensorIndex(): each.Name().decode() for each in maps}
    found = []
    for index in graph.InputsAsNumpy().tolist():
        tensor, name = graph.Tensors(index), names.get(index, "")
        kinds = {schema.TensorType.INT32: False, schema.TensorType.INT64: True}
        if name not in _BOUNDS or tensor.Type() not in kinds:
            raise _unfit(model, f"signature {signature} has an input {name or tensor.Name().decode()!r}")
        found.append(
            Input(
                name=name,
                tensor=tensor.Name().decode(),
                shape=tuple(tensor.ShapeAsNumpy().tolist()),
                int64=kinds[tensor.Type()],
            )
        )
    if len(found) != len(_BOUNDS):
        raise _unfit(model, f"signature {signature} has {len(found)} inputs, not {len(_BOUNDS)}")
    return tuple(found)


def feed(place: Workplace, binary: Binary, model: Path, signature: str, row: Sequences) -> Feed:
    """Put the first of these rows on the device for one signature, which may be shorter than the row.

    Raises: ConfigError where model and row do not fit; the errors of a push.
    """
    inputs = inputs_of(model, signature)
    if binary.dialect == "litert":
        # It reads no files: random numbers in ranges, both ends included.
        last = row.vocabulary_size - 1
        ranges = [f"{each.name},0,{_BOUNDS[each.name] or last}" for each in inputs]
        flags = [f"--input_layer_value_range={':'.join(ranges)}", f"--signature_to_run_for={signature}"]
        return Feed(signature=signature, arguments=tuple(flags), files=())
    files = tuple(_send_values(place, model, each, row) for each in inputs)
    if any("," in each.tensor for each in inputs):
        raise _unfit(model, "an input has a comma in its name, at which benchmark_model cuts names")
    shapes = ":".join(",".join(map(str, each.shape)) for each in inputs)
    values = ",".join(
        f"{each.tensor.replace(':', '::')}:{file}" for each, file in zip(inputs, files, strict=True)
    )
    flags = [
        f"--input_layer={','.join(each.tensor for each in inputs)}",
        f"--input_layer_shape={shapes}",
        f"--input_layer_value_files={values}",
    ]
    if _signatures(model) > 1:  # builds before 2024 do not know the flag, and need none for one signature
        flags.append(f"--signature_to_run_for={signature}")
    return Feed(signature=signature, arguments=tuple(flags), files=files)


def _send_values(place: Workplace, model: Path, each: Input, row: Sequences) -> str:
    """The values of one input as raw numbers in a file on the device; its name in the workplace's folder."""
    length = each.shape[-1]
    if each.shape != (1, length) or length > row.length:
        raise _unfit(model, f"{each.name} has the shape {each.shape}, and the row {row.length} tokens")
    if length < row.length and row.attention_mask[0, length:].any():
        raise _unfit(model, f"the row is longer than the {length} tokens of its signature")
    numbers = getattr(row, each.name)[0, :length]
    content = numbers.astype("<i8" if each.int64 else "<i4").tobytes()
    digest = hashlib.sha256(content).hexdigest()
    name = f"row-{digest[:16]}.bin"
    with tempfile.TemporaryDirectory(prefix="mobilebert-bench-") as folder:
        local = Path(folder) / name
        local.write_bytes(content)
        send(place, local, name, sha256=digest)
    return name


def _schema() -> Any:  # noqa: ANN401 - generated code without types
    """The .tflite format's own reader; here, since only this program's launches need it."""
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def _signatures(model: Path) -> int:
    return int(_schema().Model.GetRootAs(model.read_bytes(), 0).SignatureDefsLength())


def _unfit(model: Path, why: str) -> ConfigError:
    return ConfigError(
        f"{model} cannot be run by benchmark_model: {why}.",
        next_step="Use --runner mobilebert_runner, or a model that this project exported.",
        path=model,
    )
