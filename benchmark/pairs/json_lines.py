"""JSON lines: an object a line, as MultiNLI and SNLI are given by their authors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

from benchmark.pairs.form import Format, PairForm
from benchmark.pairs.source import Fields, Found
from benchmark.pairs.text import NOT_UTF8, lines_of
from results.plain import short

_LOOKED_AT = 100  # lines for what fields there are


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonLines:
    """The columns are the fields of the first hundred objects."""

    columns: tuple[str, ...]
    lines: list[str]
    format: Format = "jsonl"
    unit: Literal["line", "row"] = "line"

    def rows(self, form: PairForm) -> Iterator[Found]:
        for place, line in enumerate(self.lines, start=1):
            found = _found(place, line, form)
            if NOT_UTF8.search(line) or (found.fields is not None and _halves(found.fields)):
                found = Found(place=place, fields=found.fields, fault="not-utf8")
            yield found


def open_json_lines(text: str) -> JsonLines:
    lines = lines_of(text)
    objects = (value for value, _ in map(_load, lines[:_LOOKED_AT]) if isinstance(value, dict))
    return JsonLines(columns=tuple(dict.fromkeys(chain.from_iterable(objects))), lines=lines)


def _load(line: str) -> tuple[object, str]:
    """A line's value, and why it has none."""
    try:
        return json.loads(line, object_pairs_hook=_object), ""
    except _FieldTwiceError as err:
        return None, str(err)
    except json.JSONDecodeError as err:
        return None, f"no JSON: {err.msg} at character {err.pos + 1}"
    except (ValueError, RecursionError):  # a number of thousands of digits; brackets without end
        return None, "no JSON that can be read"


class _FieldTwiceError(ValueError):
    pass


def _object(fields: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(fields)
    if len(found) < len(fields):
        names = [name for name, _ in fields]
        raise _FieldTwiceError(f"field {short(next(name for name in names if names.count(name) > 1))} twice")
    return found


def _found(place: int, line: str, form: PairForm) -> Found:
    value, why = _load(line)
    if isinstance(value, dict):
        try:
            return Found(place=place, fields=_fields(value, form))
        except (KeyError, TypeError) as err:
            why = str(err.args[0])
    return Found(place=place, fields=None, fault="malformed", why=why or "no JSON object")


def _fields(value: dict[str, Any], form: PairForm) -> Fields:
    return Fields(
        row=_text(value, form.row, int),
        id=_text(value, form.id, int),
        premise=_text(value, form.premise),
        hypothesis=_text(value, form.hypothesis),
        label=_text(value, form.label, int),
    )


def _text(value: dict[str, Any], name: str | None, *others: type) -> str:
    """One field as text; null is an empty one. Raises: KeyError, TypeError."""
    if name is None:
        return ""
    if name not in value:
        raise KeyError(f"no field {short(name)}")
    found = value[name]
    if found is None or isinstance(found, str):
        return found or ""
    if type(found) in others:  # not isinstance: True is no number
        return str(found)
    raise TypeError(f"field {short(name)} is no text")


def _halves(fields: Fields) -> bool:
    """JSON can write half of a pair of UTF-16, which no UTF-8 has."""
    return any(NOT_UTF8.search(text) for text in (fields.premise, fields.hypothesis, fields.label))
