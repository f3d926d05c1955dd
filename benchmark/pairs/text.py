"""TSV without quoting, CSV with it: a header line, then a row a line (in CSV a quoted field may be more)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.pairs.form import Format, PairForm
from benchmark.pairs.source import Fields, Found
from results.errors import PairsError

# What is left of bytes that are not UTF-8 (PEP 383), and of a JSON text's lone halves of pairs.
NOT_UTF8 = re.compile("[\ud800-\udfff]")


def lines_of(text: str) -> list[str]:
    """Lines without their ends, LF or CRLF, and without empty ones at the end of the file."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Tsv:
    """Fields between tabs; double quotes are text, for sentences hold lone ones."""

    columns: tuple[str, ...]
    lines: list[str]
    format: Format = "tsv"
    unit: Literal["line", "row"] = "line"

    def rows(self, form: PairForm) -> Iterator[Found]:
        pick = _Pick(self.columns, form)
        for place, line in enumerate(self.lines, start=2):
            yield pick(place, line.split("\t"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Csv:
    """Fields between commas, in double quotes where they hold any of these. Source: RFC 4180."""

    columns: tuple[str, ...]
    text: str
    path: Path
    format: Format = "csv"
    unit: Literal["line", "row"] = "line"

    def rows(self, form: PairForm) -> Iterator[Found]:
        pick = _Pick(self.columns, form)
        for number, (first, last, fields) in enumerate(_records(self.text, self.path)):
            if number == 0:
                continue
            if last > first and len(fields) != len(self.columns):
                raise _unclear(self.path, first, f"a quoted field runs on to line {last}")
            yield pick(first, fields)


def open_tsv(text: str, path: Path) -> Tsv:
    """Raises: PairsError where there is no header."""
    lines = lines_of(text)
    return Tsv(columns=tuple(lines[0].split("\t")) if lines else (), lines=lines[1:])


def open_csv(text: str, path: Path) -> Csv:
    """Raises: PairsError where the header's quotes are not closed."""
    _, _, header = next(_records(text, path), (1, 1, []))
    return Csv(columns=tuple(header), text=text, path=path)


def _records(text: str, path: Path) -> Iterator[tuple[int, int, list[str]]]:
    """First line, last line and fields of each record. After a wrong quote nobody knows where rows end."""
    # Blank lines at the end are no rows.
    reader = csv.reader(io.StringIO(text.rstrip("\r\n") + "\n", newline=""), strict=True)
    while True:
        first = reader.line_num + 1
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as err:
            raise _unclear(path, first, str(err)) from err
        yield first, reader.line_num, fields


def _unclear(path: Path, line: int, why: str) -> PairsError:
    return PairsError(
        f"{path}, line {line}: {why}, so that it is not clear where rows end",
        next_step='Put fields that hold " or line ends in double quotes, and write " in them as "".',
        path=path,
    )


class _Pick:
    """A row's values by name; a wrong number of fields is its fault."""

    def __init__(self, columns: tuple[str, ...], form: PairForm) -> None:
        self._count = len(columns)
        end = form.may_end_after
        self._fewest = columns.index(end) + 1 if end in columns else self._count
        named = (form.row, form.id, form.premise, form.hypothesis, form.label)
        self._at = tuple(None if name is None else columns.index(name) for name in named)
        if any(at is not None and at >= self._fewest for at in self._at):
            self._fewest = self._count

    def __call__(self, place: int, values: list[str]) -> Found:
        odd = any(NOT_UTF8.search(value) for value in values)
        if not self._fewest <= len(values) <= self._count:
            why = f"{len(values)} fields where the header has {self._count}"
            return Found(place=place, fields=None, fault="not-utf8" if odd else "malformed", why=why)
        row, name, premise, hypothesis, label = ("" if at is None else values[at] for at in self._at)
        fields = Fields(row=row, id=name, premise=premise, hypothesis=hypothesis, label=label)
        return Found(place=place, fields=fields, fault="not-utf8" if odd else None)
