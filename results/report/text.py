"""The report as plain text, 100 columns where the content allows."""

from __future__ import annotations

import re
import textwrap

from results.report.model import Table, View

WIDTH = 100
_HELD = "\xa0"
_UNIT = re.compile(r"(?<=\d) (?=(?:%|ms|MB|GB|s|°C)(?![\w]))")


def as_text(view: View) -> str:
    """The whole report, with one newline at the end."""
    # Only the verdict begins a line with its name: what a device says is indented.
    blocks = [_filled(view.where, hang="  ") + "\n" + _filled(f"Verdict: {view.verdict}", hang="  ")]
    blocks[0] += "\n" + _filled(view.floors, hang="  ") if view.floors else ""
    blocks += [_table(table) for table in view.tables]
    if view.notes:
        notes = [_filled(f"[{n}] {note}", hang="    ") for n, note in enumerate(view.notes, start=1)]
        blocks.append("\n".join(["Notes", *notes]))
    if view.files:
        blocks.append("\n".join(["Files", *(f"  {file}" for file in view.files)]))
    return "\n\n".join(blocks) + "\n"


def _table(table: Table) -> str:
    lines = [table.title]
    if table.rows:
        # A table of names and values has no header.
        cells = [table.columns] if any(table.columns) else []
        cells += [tuple(str(cell) for cell in row) for row in table.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for row in cells:
            padded = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            lines.append(f"  {padded}".rstrip())
    lines += [_filled(f"  {line}", hang="    ") for line in table.lines]
    if table.comparable:
        lines.append(_filled(f"  Comparable with: {table.comparable}", hang="    "))
    return "\n".join(lines)


def _filled(text: str, hang: str = "") -> str:
    held = _UNIT.sub(_HELD, text)  # no line begins with the unit of the number before it
    filled = textwrap.fill(
        held, WIDTH, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False
    )
    return filled.replace(_HELD, " ")
