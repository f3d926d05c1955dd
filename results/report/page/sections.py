"""A view laid out as a page: sections in reading order, each figure beside its table, notes with anchors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from results.report.charts.draw import Drawing, draw
from results.report.figures import ByTokens, Ecdf, Figure, Forest, Timeline, Trend
from results.report.model import Quantity, Table, View

FOLDED_ROWS = 12  # a longer table is opened by who wants it
SHORT = 28  # characters of a cell that is not broken into lines
SHADES = 9
# 61, > 0.999, 45.0 °C, 59.8-64.8 ms, 12.5/s, 8245 of 9815
_NUMBER = re.compile(
    r"[<>±+-]? ?\d[\d.,]*(-\d[\d.]*)?( ?[^\s\d,;:]{1,4})?( \[[^]]*\])?( of \d[\d,]*(, .*)?)?"
)
# Of the page of a run: sections, and which tables and figures each holds, by the first part of their ids.
_RUN = (
    ("", ("left_changed",)),
    ("The paper's claims", ("claims",)),
    ("A against B", ("comparison", "sides", "pairs")),
    ("Latency", ("latency", "ecdf", "timeline", "forest", "launches", "spread", "tokens", "lengths")),
    ("Slowest and single sequences", ("quantiles", "sequences")),
    ("Accuracy", ("accuracy", "confusion", "flips", "runtimes", "device_accuracy")),
    ("Table 4", ("table4",)),
    ("More", ("",)),
    ("Environment and validity", ("interruptions", "conditions", "device", "model", "settings", "parity")),
)
_TONES = {
    "reproduced": "good",
    "passed": "good",
    "met": "good",
    "valid": "good",
    "ok": "good",
    "improved": "good",
    "faster": "good",
    "not_reproduced": "bad",
    "failed": "bad",
    "under": "bad",
    "invalid": "bad",
    "off": "bad",
    "regressed": "bad",
    "slower": "bad",
    "inconclusive": "open",
    "not_comparable": "open",
    "undecided": "open",
    "unclear": "open",
    "suspect": "open",
    "void": "open",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCell:
    """One cell: its text, numbers of the notes that it refers to, and class names."""

    text: str
    notes: tuple[int, ...] = ()
    classes: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTable:
    """A table with its cells; `numeric`: which columns are set flush right."""

    anchor: str
    table: Table
    rows: tuple[tuple[PageCell, ...], ...]
    numeric: tuple[bool, ...]

    @property
    def headed(self) -> bool:
        """Whether it has column names; a table of names and values has none."""
        return any(self.table.columns)

    @property
    def folded(self) -> bool:
        """Whether it is too long to be read in passing."""
        return len(self.rows) > FOLDED_ROWS


@dataclass(frozen=True, slots=True, kw_only=True)
class PageFigure:
    """A figure with its picture."""

    anchor: str
    figure: Figure
    drawing: Drawing


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading and what stands under it; the first may have none."""

    anchor: str
    title: str
    blocks: tuple[PageTable | PageFigure, ...]


def sections(view: View) -> tuple[Section, ...]:
    """Everything of a view that is drawn or in a table. A figure stands before the table of its id."""
    blocks = list(_blocks(view))
    if not any(table.id.startswith("claims-") for table in view.tables):  # only a run's own page has them
        return (Section(anchor="results", title="Results", blocks=tuple(one for _, one in blocks)),)
    known = [first for _, ids in _RUN for first in ids if first]
    laid = []
    for number, (title, ids) in enumerate(_RUN):
        held: list[PageTable | PageFigure] = []
        for first in ids:
            held += [one for key, one in blocks if _first(key, known) == first]
        if held:
            laid.append(Section(anchor=f"section-{number}", title=title, blocks=tuple(held)))
    return tuple(laid)


def kinds(view: View) -> frozenset[str]:
    """What is on the page, for the words that explain it."""
    names = {Ecdf: "ecdf", Forest: "forest", Timeline: "timeline", ByTokens: "tokens", Trend: "trend"}
    tables = {_first(table.id, [first for _, ids in _RUN for first in ids]) for table in view.tables}
    return frozenset({names[type(figure)] for figure in view.figures} | tables)


def _first(key: str, known: list[str]) -> str:
    """The part of an id by which it is laid out; empty for what no section names."""
    return next((one for one in known if one and (key == one or key.startswith(f"{one}-"))), "")


def _blocks(view: View) -> Iterator[tuple[str, PageTable | PageFigure]]:
    tables = {table.id for table in view.tables if table.id}
    beside: dict[str, list[tuple[str, PageFigure]]] = {}
    for number, figure in enumerate(view.figures):
        block = PageFigure(
            anchor=f"figure-{number}", figure=figure, drawing=draw(figure, f"figure-{number}-{figure.id}")
        )
        beside.setdefault(figure.id if figure.id in tables else "", []).append((figure.id, block))
    yield from beside.pop("", [])
    for number, table in enumerate(view.tables):
        yield from beside.pop(table.id, [])
        yield table.id, _table(table, f"table-{number}", len(view.notes))


def _table(table: Table, anchor: str, notes: int) -> PageTable:
    columns = range(len(table.columns))
    rows = [[_cell(table, row[at], at, notes) for at in columns] for row in table.rows]
    if table.id.startswith("confusion"):
        rows = [_shaded(row, last=number == len(rows) - 1) for number, row in enumerate(rows)]
    return PageTable(
        anchor=anchor,
        table=table,
        rows=tuple(tuple(row) for row in rows),
        numeric=tuple(
            at > 0
            and table.columns[at] not in ("", "notes")
            and bool(table.rows)
            and all(_is_number(row[at]) for row in table.rows)
            for at in columns
        ),
    )


def _cell(table: Table, cell: str | Quantity, at: int, notes: int) -> PageCell:
    text = str(cell)
    if table.columns[at] == "notes":
        return PageCell(text=text, notes=_numbers(text, notes), classes="whole")
    # A bound such as "slower <= 5 %" says nothing of what was found, nor do the names of a table's rows.
    plain = table.columns[at] == "must hold" or not (table.columns[at] or (at and any(table.columns)))
    tone = "" if plain else _TONES.get(text.split(" ")[0], "")
    return PageCell(text=text, classes=" ".join(filter(None, (tone, "whole" if len(text) <= SHORT else ""))))


def _numbers(text: str, notes: int) -> tuple[int, ...]:
    """The notes of a cell such as "1-3 7"; none where it is anything else."""
    found: list[int] = []
    for part in text.split():
        ends = part.split("-")
        if len(ends) > 2 or not all(end.isdecimal() and 0 < int(end) <= notes for end in ends):
            return ()
        found += range(int(ends[0]), int(ends[-1]) + 1)
    return tuple(found)


def _is_number(cell: str | Quantity) -> bool:
    """Whether a cell is a number with its unit, or says that there is none."""
    return isinstance(cell, Quantity) or cell == "-" or _NUMBER.fullmatch(cell) is not None


def _shaded(row: list[PageCell], *, last: bool) -> list[PageCell]:
    """A line of a confusion matrix, each cell coloured by its share of the line; totals are not."""
    counts = [int(cell.text) if cell.text.isdecimal() else 0 for cell in row[1:-1]]
    if last or not sum(counts):
        return row
    cells = [
        PageCell(text=cell.text, classes=f"shade-{round(SHADES * count / sum(counts))}")
        for cell, count in zip(row[1:-1], counts, strict=True)
    ]
    return [row[0], *cells, row[-1]]
