"""What a reader gives: the columns of a file, and its rows as they were found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from benchmark.pairs.form import Format, PairForm
from results.evaluated import RowFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """A row's values in a form's columns; `row` and `id` are empty where the form has none."""

    row: str
    id: str
    premise: str
    hypothesis: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A row at `place` (line or row number, as a person counts). `fields` is None where it has no such form.

    `fault`, `why`: what the reader met, not-utf8 or malformed.
    """

    place: int
    fields: Fields | None
    fault: RowFault | None = None
    why: str = ""


class Source(Protocol):
    """An opened file. `unit`: what places count."""

    @property
    def format(self) -> Format: ...
    @property
    def unit(self) -> Literal["line", "row"]: ...
    @property
    def columns(self) -> tuple[str, ...]: ...

    def rows(self, form: PairForm) -> Iterator[Found]:
        """Every row, in file order. Raises: PairsError where it is not clear where rows end."""
        ...
