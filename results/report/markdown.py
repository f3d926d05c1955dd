"""The report as Markdown, for job summaries and comments."""

from __future__ import annotations

from results.report.model import Table, View


def as_markdown(view: View) -> str:
    """The whole report, with one newline at the end."""
    blocks = [_safe(view.where), f"**Verdict: {_safe(view.verdict)}**"]
    blocks += [_table(table) for table in view.tables]
    if view.notes:
        blocks.append("\n".join(f"{n}. {_safe(note)}" for n, note in enumerate(view.notes, start=1)))
    if view.files:
        blocks.append("Files: " + ", ".join(f"`{file}`" for file in view.files))
    return "\n\n".join(blocks) + "\n"


def _table(table: Table) -> str:
    parts = [f"### {_safe(table.title)}"]
    if table.rows:
        lines = [_row(table.columns), _row(("---",) * len(table.columns))]
        lines += [_row(tuple(str(cell) for cell in row)) for row in table.rows]
        parts.append("\n".join(lines))
    lines = [*table.lines, *([f"Comparable with: {table.comparable}"] if table.comparable else [])]
    if lines:
        parts.append("\n".join(f"- {_safe(line)}" for line in lines))
    return "\n\n".join(parts)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_safe(cell) for cell in cells) + " |"


def _safe(text: str) -> str:
    """A device's words must not become markup."""
    for sign in ("\\", "|", "<", "`", "*", "_"):
        text = text.replace(sign, "\\" + sign)
    for sign in ("](", "]:", "://"):  # a link, an image that is loaded, the target of a later link
        text = text.replace(sign, f"{sign[0]}\\{sign[1:]}")
    return text.replace("\n", " ")
