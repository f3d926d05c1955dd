"""Values under each other on one axis: launches, pairs, metrics; the whole with its interval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results.report.charts import canvas
from results.report.figures import Forest, ForestRow

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Sheet

ROW_IN = 0.24
ROWS_IN = 9.0  # of all rows at most; more of them move together
_SIGNS = {"valid": "o", "invalid": "x", "overall": "D"}
_WORDS = {"valid": "counts", "invalid": "does not count", "overall": "all that count"}


def draw_forest(figure: Forest) -> tuple[Sheet, str, str]:
    """The drawing, its description and what it leaves out."""
    pitch = min(ROW_IN, ROWS_IN / max(len(figure.rows), 1))
    sheet = canvas.sheet(1.15 + pitch * len(figure.rows))
    axes = sheet.add_subplot()
    if figure.band is not None:
        axes.axvspan(
            figure.band.low,
            figure.band.high,
            color=canvas.SHADE,
            linewidth=0,
            label=canvas.clipped(figure.band.label),
        )
    for kind in ("valid", "invalid", "overall"):
        _rows(axes, [(at, row) for at, row in enumerate(figure.rows) if row.kind == kind], kind)
    canvas.marks(axes, figure.marks, upright=True)
    every = max(1, round(0.15 / pitch))
    shown = [at for at, row in enumerate(figure.rows) if at % every == 0 or row.kind == "overall"]
    labels = [canvas.clipped(figure.rows[at].label) for at in shown]
    axes.set_yticks(shown, labels)
    axes.set_ylim(len(figure.rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(figure.unit)
    canvas.fit(
        sheet, left_in=0.4 + 0.085 * max(map(len, labels), default=0), top_in=0.15 + canvas.legend(axes)
    )
    remark = f"Every row is drawn; one of {every} is named." if every > 1 else ""
    return sheet, _described(figure), remark


def _rows(axes: Axes, rows: list[tuple[int, ForestRow]], kind: str) -> None:
    if not rows:
        return
    colour = {"valid": canvas.SERIES[0], "invalid": canvas.BAD, "overall": canvas.INK}[kind]
    for at, row in rows:
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [at, at], color=colour, linewidth=2 if kind == "overall" else 1.2)
    axes.plot(
        [row.value for _, row in rows],
        [at for at, _ in rows],
        linestyle="none",
        marker=_SIGNS[kind],
        markersize=6 if kind != "valid" else 5,
        color=colour,
        label=_WORDS[kind],
    )


def _described(figure: Forest) -> str:
    single = [row.value for row in figure.rows if row.kind != "overall"]
    said = []
    if single:
        invalid = sum(row.kind == "invalid" for row in figure.rows)
        said.append(
            f"{len(single)} values from {min(single):.2f} to {max(single):.2f} {figure.unit}, {invalid} of "
            "them do not count"
        )
    for row in figure.rows:
        if row.kind == "overall":
            between = (
                "" if row.low is None or row.high is None else f", interval {row.low:.2f} to {row.high:.2f}"
            )
            said.append(f"{row.label}: {row.value:.2f} {figure.unit}{between}")
    if figure.band is not None:
        said.append(f"shaded: {figure.band.label}, {figure.band.low:g} to {figure.band.high:g} {figure.unit}")
    return ". ".join(said) + "."
