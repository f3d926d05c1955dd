"""A report as a terminal shows it: the status in colour and in words, tables that fit or fold.

Every text goes in as it is, never as markup: words of a device stay words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from results.plain import plainly
from results.report.model import Cell, Outcome, Quantity, Table, View

WIDEST = 120  # columns: beyond this, a line of text is hard to read
_INDENT = _GAP = 2
_MOST_LINES = 2  # of one cell: beyond this, a row is easier to read as a block

_STYLES: dict[Outcome, str] = {
    "passed": "bold green",
    "failed": "bold red",
    "undecided": "bold yellow",
    "error": "bold red",
}
# Words that say how something went, wherever they are the whole cell of a table.
_WORDS: dict[str, str] = {
    **dict.fromkeys(("reproduced", "passed", "met", "faster", "improved", "flat", "equivalent"), "green"),
    **dict.fromkeys(("not_reproduced", "failed", "under", "slower", "regressed", "error"), "red"),
    **dict.fromkeys(
        ("inconclusive", "not_comparable", "undecided", "void", "mismatch", "proxy", "suspect", "not shown"),
        "yellow",
    ),
}


def rendered(view: View, width: int) -> RenderableType:
    """The whole report, for a window of so many columns."""
    view = plainly(view)
    status = Text.assemble(("Verdict: ", "bold"), (view.verdict, _STYLES[view.outcome]))
    parts: list[RenderableType] = [Text(view.where, style="bold"), status]
    if view.floors:
        parts.append(Text(view.floors))
    for table in view.tables:
        parts += [Text(), *_table(table, width)]
    if view.notes:
        parts += [Text(), Text("Notes", style="bold")]
        parts += [_hanging(f"[{n}]", note) for n, note in enumerate(view.notes, start=1)]
    if view.files:
        parts += [Text(), Text("Files", style="bold")]
        parts += [_indented(Text(file)) for file in view.files]
    return Group(*parts)


def _table(table: Table, width: int) -> Iterator[RenderableType]:
    yield Text(table.title, style="bold cyan")
    if table.rows:
        yield _indented(_rows(table, width - _INDENT))
    for line in table.lines:
        yield _indented(Text(line))
    if table.comparable:
        yield _indented(Text(f"Comparable with: {table.comparable}", style="dim"))


def _rows(table: Table, width: int) -> RenderableType:
    """Columns beside each other where no word has to be broken for that; else each row a block of its own."""
    room = width - _GAP * (len(table.columns) - 1)
    columns = list(zip(table.columns, *table.rows, strict=True))
    if not any(table.columns):  # names and values: the values fold
        names = max(cell_len(str(cell)) for cell in columns[0])
        return _grid(table, [names, *(max(1, room - names) for _ in columns[1:])])
    natural = [max(cell_len(str(cell)) for cell in column) for column in columns]
    least = [max(cell_len(part) for cell in column for part in _unbroken(cell)) for column in columns]
    if sum(least) > room:
        return _stacked(table, width)
    # Whoever wants the least more than that is served first.
    widths, spare = least, room - sum(least)
    for at in sorted(range(len(columns)), key=lambda at: natural[at] - least[at]):
        more = min(spare, natural[at] - least[at])
        widths[at] += more
        spare -= more
    if any(
        cell_len(str(cell)) > _MOST_LINES * widths[at]
        for at in range(len(columns))
        for cell in columns[at][1:]
    ):
        return _stacked(table, width)
    return _grid(table, widths)


def _unbroken(cell: Cell) -> list[str]:
    """The parts of a cell that stay on one line: words, and of a number its value and its interval."""
    return (
        str(cell).replace(" [", "\n[").split("\n")
        if isinstance(cell, Quantity)
        else str(cell).split() or [""]
    )


def _grid(table: Table, widths: Sequence[int]) -> Grid:
    grid = Grid(
        box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=any(table.columns), header_style="dim"
    )
    for name, width in zip(table.columns, widths, strict=True):
        grid.add_column(Text(name), width=width)
    for row in table.rows:
        grid.add_row(*(_cell(cell, width) for cell, width in zip(row, widths, strict=True)))
    return grid


def _stacked(table: Table, width: int) -> RenderableType:
    """Each row below the other, one line a column."""
    names = max(cell_len(name) for name in table.columns)
    blocks: list[RenderableType] = []
    for row in table.rows:
        grid = Grid(box=None, pad_edge=False, padding=(0, _GAP, 0, 0), show_header=False)
        grid.add_column(width=names)
        grid.add_column(width=max(1, width - names - _GAP))
        for name, cell in zip(table.columns, row, strict=True):
            grid.add_row(Text(name, style="dim"), _cell(cell, width))
        blocks += [*([Text()] if blocks else []), grid]
    return Group(*blocks)


def _cell(cell: Cell, width: int) -> Text:
    text = str(cell)
    if isinstance(cell, Quantity) and cell_len(text) > width:
        text = text.replace(" [", "\n[")
    return Text(text, style=_WORDS.get(text, ""), overflow="fold")


def _indented(what: RenderableType) -> Padding:
    return Padding(what, (0, 0, 0, _INDENT))


def _hanging(mark: str, text: str) -> RenderableType:
    grid = Grid.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    grid.add_row(Text(f"  {mark}"), Text(text))
    return grid
