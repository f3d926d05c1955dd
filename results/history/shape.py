"""The fields of summary.json as DuckDB reads them, from the dataclasses, so that the two cannot drift apart.

DuckDB's JSON functions convert what does not fit ("4", 1.5 for a whole number) and pass over unknown fields.
So each file's own structure is held against the dataclass first.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

_TYPES: dict[type, str] = {str: "VARCHAR", int: "BIGINT", float: "DOUBLE", bool: "BOOLEAN"}
_FOUND: dict[type, tuple[str, ...]] = {  # what json_structure calls values that are such
    str: ("VARCHAR",),
    int: ("UBIGINT", "BIGINT"),
    float: ("DOUBLE", "UBIGINT", "BIGINT"),
    bool: ("BOOLEAN",),
}


def shape_of(kind: Any) -> Any:  # noqa: ANN401  # a type; JSON for json_transform
    """The structure to which DuckDB's json_transform brings a value of this type."""
    kind, _ = _bare(kind)
    if dataclasses.is_dataclass(kind):
        return {name: shape_of(of) for name, of in typing.get_type_hints(kind).items()}
    if typing.get_origin(kind) is tuple:
        return [shape_of(typing.get_args(kind)[0])]
    return _TYPES[kind]


def fits(found: Any, kind: Any) -> bool:  # noqa: ANN401  # JSON of json_structure; a type
    """Whether a structure that DuckDB found is that of this type: every field, no other, no other type.

    Of a list it tells what all elements have together: that each has every field shows in reading it.
    """
    kind, optional = _bare(kind)
    if found == "NULL":
        return optional
    if dataclasses.is_dataclass(kind):
        fields = typing.get_type_hints(kind)
        return (
            isinstance(found, dict)
            and set(found) == set(fields)
            and all(fits(found[name], of) for name, of in fields.items())
        )
    if typing.get_origin(kind) is tuple:
        of = typing.get_args(kind)[0]
        return isinstance(found, list) and (found == ["NULL"] or fits(found[0], of))
    return found in _FOUND[kind]


def _bare(kind: Any) -> tuple[Any, bool]:  # noqa: ANN401  # a type
    """A type without `| None`, and whether it had that; a Literal of strings is a string."""
    optional = False
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        (kind,) = (one for one in typing.get_args(kind) if one is not types.NoneType)
        optional = True
    if typing.get_origin(kind) is typing.Literal:
        kind = str
    return kind, optional
