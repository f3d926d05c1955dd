"""Parquet as the hub gives it: labels are numbers, which the file's own schema names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from benchmark.pairs.form import Format, PairForm
from benchmark.pairs.source import Fields, Found
from benchmark.pairs.text import NOT_UTF8
from results.errors import PairsError
from results.plain import short

if TYPE_CHECKING:
    import pyarrow as pa

_MOST_ROWS = 5_000_000
_MOST_BYTES = 2**29


@dataclass(frozen=True, slots=True, kw_only=True)
class Parquet:
    columns: tuple[str, ...]
    raw: bytes
    path: Path
    format: Format = "parquet"
    unit: Literal["line", "row"] = "row"

    def rows(self, form: PairForm) -> Iterator[Found]:
        table = _read(self, form)
        names = _label_names(table.schema.metadata, form)
        texts = {name: _texts(table.column(name), name, self.path) for name in form.used}
        blank = [""] * table.num_rows
        row, identity = (texts[name] if name else blank for name in (form.row, form.id))
        labels = [names.get(label, label) for label in texts[form.label]]
        columns = (row, identity, texts[form.premise], texts[form.hypothesis], labels)
        for place, values in enumerate(zip(*columns, strict=True), start=1):
            number, name, premise, hypothesis, label = values
            fields = Fields(row=number, id=name, premise=premise, hypothesis=hypothesis, label=label)
            odd = any(NOT_UTF8.search(value) for value in values)
            yield Found(place=place, fields=fields, fault="not-utf8" if odd else None)


def open_parquet(raw: bytes, path: Path) -> Parquet:
    """Raises: PairsError for a damaged file, and one that is too large to be sentence pairs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(raw))
        found = file.metadata
        groups = (found.row_group(number) for number in range(found.num_row_groups))
        rows, size = found.num_rows, sum(group.total_byte_size for group in groups)
        columns = tuple(file.schema_arrow.names)
    except _damage() as err:
        raise _damaged(path, err) from err
    if not (0 <= rows <= _MOST_ROWS and 0 <= size <= _MOST_BYTES):
        raise PairsError(
            f"{path} says it has {rows} rows of {size} bytes; {_MOST_ROWS} and {_MOST_BYTES} are the most",
            next_step="Give a file of fewer pairs.",
            path=path,
        )
    return Parquet(columns=columns, raw=raw, path=path)


def _read(source: Parquet, form: PairForm) -> pa.Table:
    """The form's columns, texts as dictionaries: one long text in a million rows stays one text."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.ParquetFile(pa.BufferReader(source.raw)).schema_arrow
        texts = [name for name in form.used if pa.types.is_string(schema.field(name).type)]
        file = pq.ParquetFile(pa.BufferReader(source.raw), read_dictionary=texts)
        table = file.read(columns=list(form.used), use_threads=False)
        table.validate(full=True)
    except _damage() as err:
        raise _damaged(source.path, err) from err
    return table


def _texts(column: pa.ChunkedArray, name: str, path: Path) -> list[str]:
    """A column's values as text, null as an empty one; bytes that are not UTF-8 as Python escapes them."""
    import pyarrow as pa

    found: list[str] = []
    for chunk in column.chunks:
        kind = chunk.type
        if pa.types.is_integer(kind):
            found += ["" if value is None else str(value) for value in chunk.to_pylist()]
        elif pa.types.is_dictionary(kind) and _is_text(kind.value_type):
            words = _words(chunk.dictionary)
            found += ["" if at is None else words[at] for at in chunk.indices.to_pylist()]
        elif _is_text(kind):
            found += _words(chunk)
        else:
            raise PairsError(
                f"{path}: column {short(name)} is of the type {short(str(kind))}, no text and "
                "no whole numbers",
                next_step="Write it as text.",
                path=path,
            )
    return found


def _is_text(kind: Any) -> bool:  # noqa: ANN401 (pyarrow is untyped)
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _words(array: pa.Array) -> list[str]:
    import pyarrow as pa

    large = pa.types.is_large_string(array.type)
    raw = array.cast(pa.large_binary() if large else pa.binary()).to_pylist()
    return ["" if word is None else word.decode("utf-8", "surrogateescape") for word in raw]


def _label_names(metadata: dict[bytes, bytes] | None, form: PairForm) -> dict[str, str]:
    """The name of each label's number by the schema, but for numbers that the form itself declares.

    Source: the metadata that https://github.com/huggingface/datasets writes, features.ClassLabel.
    """
    try:
        features = json.loads((metadata or {})[b"huggingface"])["info"]["features"]
        names = features[form.label]["names"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return {}
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return {}
    return {str(at): name for at, name in enumerate(names) if str(at) not in form.labels}


def _damage() -> tuple[type[Exception], ...]:
    import pyarrow as pa

    return (pa.ArrowException, OSError, MemoryError, ValueError, KeyError, TypeError, OverflowError)


def _damaged(path: Path, err: Exception) -> PairsError:
    return PairsError(
        f"{path} is not a parquet file that can be read: {short(str(err), 120)}",
        next_step="Get the file again.",
        path=path,
    )
