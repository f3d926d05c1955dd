"""One series over many runs, oldest first, with its levels and where they changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from results.report.charts import canvas
from results.report.charts.thin import extremes, ranks
from results.report.figures import HistoryPoint, Trend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Sheet

MOST_POINTS = 600
MOST_NAMES = 10
_SIGNS = {"usual": "o", "suspect": "^", "change": "D"}


def draw_trend(figure: Trend) -> tuple[Sheet, str, str]:
    """The drawing, its description and what it leaves out."""
    sheet = canvas.sheet(3.2)
    axes = sheet.add_subplot()
    values = np.array([point.value for point in figure.points], dtype=np.float64)
    special = [at for at, point in enumerate(figure.points) if point.kind != "usual"]
    kept = sorted({*extremes(values, MOST_POINTS).tolist(), *special})
    for kind in _SIGNS:
        _points(axes, [(at, figure.points[at]) for at in kept if figure.points[at].kind == kind], kind)
    for step in figure.levels:
        axes.plot([step.start, step.end], [step.value] * 2, color=canvas.LEVEL, linewidth=2)
    for at in special:
        if figure.points[at].kind == "change":
            axes.axvline(at - 0.5, color=canvas.BAD, linewidth=1, linestyle=(0, (2, 2)))
    canvas.marks(axes, figure.marks, upright=False)
    named = ranks(len(figure.points), MOST_NAMES).tolist()
    axes.set_xticks(named, [canvas.clipped(figure.points[at].label)[:12] for at in named])
    axes.set_ylabel(figure.unit)
    axes.set_xlabel("runs, oldest first")
    axes.margins(y=0.15)
    canvas.fit(sheet, top_in=0.15 + canvas.legend(axes))
    remark = ""
    if len(kept) < len(figure.points):
        remark = (
            f"{len(kept):,} of {len(figure.points):,} runs are drawn: the least and the greatest of every "
            "stretch, and all that are suspect or begin a level."
        )
    return sheet, _described(figure, special), remark


def _points(axes: Axes, points: list[tuple[int, HistoryPoint]], kind: str) -> None:
    if not points:
        return
    colour = canvas.SERIES[0] if kind == "usual" else canvas.BAD
    for at, point in points:
        if point.low is not None and point.high is not None:
            axes.plot([at, at], [point.low, point.high], color=colour, linewidth=1)
    axes.plot(
        [at for at, _ in points],
        [point.value for _, point in points],
        linestyle="none",
        marker=_SIGNS[kind],
        markersize=4 if kind == "usual" else 7,
        color=colour,
        zorder=3,
        label={"usual": "run", "suspect": "suspect", "change": "a new level begins"}[kind],
    )


def _described(figure: Trend, special: list[int]) -> str:
    if not figure.points:
        return "No runs."
    first, last = figure.points[0], figure.points[-1]
    said = [
        f"{len(figure.points):,} runs, from {first.value:.2f} {figure.unit} ({first.label}) to "
        f"{last.value:.2f} {figure.unit} ({last.label})"
    ]
    for at in special:
        point = figure.points[at]
        what = "a new level begins" if point.kind == "change" else "suspect"
        said.append(f"{point.label}: {what}, {point.value:.2f} {figure.unit}")
    return ". ".join(said) + "."
