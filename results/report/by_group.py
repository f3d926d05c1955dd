"""The table of a recipe's accuracy by true label and by length."""

from __future__ import annotations

from results.by_group import GroupAccuracy
from results.record import Record
from results.report.model import Cell, Table, quantity
from results.report.words import p_value, percent
from results.shares import METHODS

_MANY = (
    "p: McNemar's, corrected by Holm for the number of groups. A group's interval is not corrected: "
    "of twenty, one is expected not to hold. A difference's interval is "
    "exact and unconditional (95 %), McNemar's test conditional and more cautious: 0 may lie outside of the "
    "one where the other's p shows nothing."
)


def groups_table(record: Record, recipe: str, groups: tuple[GroupAccuracy, ...]) -> Table | None:
    """One row per group; beside float32 where it was evaluated and is not the recipe itself."""
    if not groups:
        return None
    compared = any(one.paired is not None for one in groups)
    columns: tuple[str, ...] = ("group", "pairs", "accuracy")
    if compared:
        columns += ("float32", "difference", "lost, won", "p")
    return Table(
        title=f"Accuracy of {recipe} by true label and tokens [{METHODS[record.settings.interval]} 95 %]",
        id=f"accuracy-groups-{recipe}",
        columns=columns,
        rows=tuple(_row(one) for one in groups),
        lines=(_MANY,) if compared else (),
        comparable="the same groups of runs on the same pairs" if record.pairs is not None else "",
    )


def _row(one: GroupAccuracy) -> tuple[Cell, ...]:
    cells: tuple[Cell, ...] = (one.name, str(one.rows), quantity(one.accuracy, "%", 1, 100))
    if one.float32 is None or one.paired is None:
        return cells
    return (
        *cells,
        "-" if one.float32.value is None else percent(one.float32.value),
        quantity(one.paired.difference, "points", 1, 100),
        f"{one.paired.only_b}, {one.paired.only_a}",
        "-" if one.p is None else p_value(one.p).removeprefix("p ").removeprefix("= "),
    )
