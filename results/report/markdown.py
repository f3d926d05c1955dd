"""The report as Markdown, for job summaries and comments, each with its size limit.

Source: GitHub takes at most 1 MiB of summary per step, or none of it, and 65,536 characters in a comment.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from results.plain import short
from results.report.model import Table, View

SUMMARY_LIMIT_BYTES = 1024 * 1024
COMMENT_LIMIT_BYTES = 65_536
LEAST_LIMIT_BYTES = 16 * 1024  # holds the longest head, and the sentence on what was left out

_ROWS_IN_SIGHT = 12  # a table of more is folded
_LONGEST_HEAD = 2000  # characters of a verdict, and of where it was measured
_NAMED = 5  # of what was left out


def as_markdown(view: View, limit_bytes: int = SUMMARY_LIMIT_BYTES) -> str:
    """The whole report, with one newline at the end; or what of it fits, whole tables, and what does not.

    `limit_bytes`: of UTF-8, at least `LEAST_LIMIT_BYTES`.
    """
    if limit_bytes < LEAST_LIMIT_BYTES:
        raise ValueError(f"{limit_bytes} bytes hold no report")
    head = [
        f"**Verdict: {_safe(short(view.verdict, _LONGEST_HEAD))}**",
        *([_safe(short(view.floors, _LONGEST_HEAD))] if view.floors else []),
        _safe(short(view.where, _LONGEST_HEAD)),
    ]
    blocks = [(f'"{short(table.title, 60)}"', _table(table)) for table in view.tables]
    if view.notes:
        notes = "\n".join(f"{n}. {_safe(note)}" for n, note in enumerate(view.notes, start=1))
        blocks.append(("the notes", notes))
    if view.files:
        blocks.append(("the list of files", "Files: " + ", ".join(map(_code, view.files))))
    kept = _kept(head, [text for _, text in blocks], limit_bytes)
    texts = [text for (_, text), fits in zip(blocks, kept, strict=True) if fits]
    missing = [name for (name, _), fits in zip(blocks, kept, strict=True) if not fits]
    if missing:
        texts.append(_left_out(missing, limit_bytes))
    return "\n\n".join([*head, *texts]) + "\n"


def _kept(head: Sequence[str], blocks: Sequence[str], limit_bytes: int) -> list[bool]:
    """Which blocks fit, the first ones first."""
    sizes = [len(block.encode()) + 2 for block in blocks]
    # Between blocks stand two line ends, after the last one.
    room = limit_bytes + 1 - sum(len(block.encode()) + 2 for block in head)
    if sum(sizes) > room:
        room -= 2048  # more than what `_left_out` says can be
    kept = []
    for size in sizes:
        kept.append(size <= room)
        room -= size * kept[-1]
    return kept


def _left_out(missing: Sequence[str], limit_bytes: int) -> str:
    names = ", ".join(_safe(name) for name in missing[:_NAMED])
    more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
    return (
        f"*Left out, for this has to stay within {limit_bytes:,} bytes: {names}{more}. The report as text "
        "has them.*"
    )


def _table(table: Table) -> str:
    parts: list[str] = []
    folded = len(table.rows) > _ROWS_IN_SIGHT
    if table.rows:
        lines = [_row(table.columns), _row(("---",) * len(table.columns))]
        lines += [_row(tuple(str(cell) for cell in row)) for row in table.rows]
        parts.append("\n".join(lines))
    lines = [*table.lines, *([f"Comparable with: {table.comparable}"] if table.comparable else [])]
    if lines:
        parts.append("\n".join(f"- {_safe(line)}" for line in lines))
    if folded:
        summary = f"<details>\n<summary>{_safe_html(table.title)} ({len(table.rows)} rows)</summary>"
        return "\n\n".join([summary, *parts, "</details>"])
    return "\n\n".join([f"### {_safe(table.title)}", *parts])


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(_safe(cell) for cell in cells) + " |"


def _safe(text: str) -> str:
    """A device's words must not become markup, nor call anyone or anything by name."""
    for sign in ("\\", "|", "<", "`", "*", "_", "#", "&"):
        text = text.replace(sign, "\\" + sign)
    for sign in ("](", "]:", "://", "www."):  # a link, an image that is loaded, the target of a later link
        text = text.replace(sign, f"{sign[:-1]}\\{sign[-1]}" if sign == "www." else f"{sign[0]}\\{sign[1:]}")
    return _uncalled(text.replace("\n", " "))


def _safe_html(text: str) -> str:
    """The same inside of an HTML element, where a backslash protects from nothing."""
    text = html.escape(text.replace("\n", " "))
    return _uncalled(text.replace("://", ":<!-- -->//").replace("www.", "www<!-- -->."))


def _code(name: str) -> str:
    """A file's name as code, in which nothing is markup; one that would end it is made safe as words are."""
    return _safe(name) if re.search("[`\r\n]", name) else f"`{name}`"


def _uncalled(text: str) -> str:
    """Neither a person nor an issue is told of a report because a device is called @somebody or #7."""
    # Behind "&" there is no other # than that of an escaped sign.
    return re.sub(r"@(?=\w)|(?<!&)#(?=\w)|\bGH-(?=\d)", r"\g<0><!-- -->", text, flags=re.IGNORECASE)
