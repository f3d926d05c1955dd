"""From JSON bytes back to plain values, through the shipped JSON Schema; nothing unknown gets in."""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from results.errors import RecordDamaged, SchemaUnknown
from results.record import SCHEMA, Launch, Launches, Record

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

T = TypeVar("T")

FOLDER = Path(__file__).with_name("schema")


def decode_record(data: bytes, name: str) -> Record:
    """Read the bytes of a record.json; `name` is how messages call it.

    Raises:
        SchemaUnknown: it was written by another version.
        RecordDamaged: it is not JSON, holds NaN, or a field is missing, unknown or of the wrong type.
    """
    return decode_versioned(data, Record, "record", SCHEMA, name)


def decode_versioned(
    data: bytes, kind: type[T], stem: str, version: int, name: str, *, unnumbered: int | None = None
) -> T:
    """Read the bytes of a file that names its schema, STEM-VERSION.json. Raises as `decode_record` does.

    `unnumbered`: the schema of files that name none; None where all do.
    """
    value = _parse(data, name)
    found = value.get("schema", unnumbered) if isinstance(value, dict) else None
    if isinstance(found, int) and not isinstance(found, bool) and found != version:
        when = "an earlier" if found < version else "a later"
        raise SchemaUnknown(
            f"{name} was written by {when} version: it has schema {found}, and this version reads schema "
            f"{version}.",
            next_step="Read it with the version that wrote it, or run again.",
            path=name,
        )
    return _typed(data, value, kind, f"{stem}-{version}.json", name)


def decode_launches(data: bytes, name: str) -> tuple[Launch, ...]:
    """Read the bytes of a launches file. Raises as `decode_record` does."""
    return decode_versioned(data, Launches, "launches", SCHEMA, name, unnumbered=1).launches


def check_encoded(data: bytes, schema: str, name: str) -> None:
    """Check bytes against a shipped schema, as on reading. Raises RecordDamaged, naming the field."""
    check(_parse(data, name), schema, name)


def check(value: Any, schema: str, name: str) -> None:  # noqa: ANN401  # any JSON value
    """Check a parsed value against a shipped schema. Raises RecordDamaged, naming the first bad field."""
    from jsonschema.exceptions import best_match

    error = best_match(_validator(schema).iter_errors(value))
    if error is not None:
        where = ".".join(str(part) for part in error.absolute_path) or "the whole"
        raise damaged(name, f"{where}: {error.message[:200]}")


def _typed(data: bytes, value: Any, kind: type[T], schema: str, name: str) -> T:  # noqa: ANN401  # any JSON
    from pydantic import TypeAdapter, ValidationError

    check(value, schema, name)
    try:
        return TypeAdapter(kind).validate_json(data, strict=True)
    except ValidationError as err:
        raise damaged(name, str(err.errors()[0]["msg"])) from err


@functools.cache
def _validator(schema: str) -> Validator:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads((FOLDER / schema).read_text(encoding="utf-8")))


def _parse(data: bytes, name: str) -> Any:  # noqa: ANN401  # any JSON value, checked right after
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON number")

    def finite(number: str) -> float:
        value = float(number)  # 1e999 is a number to JSON, and infinity here
        return value if math.isfinite(value) else refuse(number)

    try:
        return json.loads(data.decode("utf-8"), parse_constant=refuse, parse_float=finite)
    except (ValueError, RecursionError) as err:
        raise damaged(name, f"cannot be read as JSON: {err}") from err


def damaged(name: str, what: str) -> RecordDamaged:
    """The error for a file that is not what was written."""
    return RecordDamaged(
        f"{name}: {what}",
        next_step="Restore the run folder from a copy, or run again.",
        path=name,
    )
