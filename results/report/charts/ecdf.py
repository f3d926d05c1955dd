"""The share of inferences that took at most so long, as steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from results.report.charts import canvas
from results.report.charts.thin import ranks
from results.report.figures import Ecdf

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Sheet

MOST_STEPS = 600  # of one curve: a fifth of a percent of its height each
TAIL = 0.995  # what is slower than this share is named, not drawn, where it would squeeze the rest
WIDE = 1.5  # times the width up to there


def draw_ecdf(figure: Ecdf) -> tuple[Sheet, str, str]:
    """The drawing, its description and what it leaves out."""
    sheet = canvas.sheet(3.4)
    axes = sheet.add_subplot()
    said, remarks = [], []
    limit = _limit(figure)
    for number, curve in enumerate(figure.curves):
        values = np.sort(np.array(curve.values, dtype=np.float64))
        if not values.size:
            continue
        at = ranks(values.size, MOST_STEPS)
        if at.size < values.size:
            remarks.append(f"{curve.label}: drawn at {at.size} of {values.size:,} ranks.")
        colour, dash = canvas.SERIES[number % 6], canvas.DASHES[number % 6]
        x = np.concatenate(([values[0]], values[at]))
        y = np.concatenate(([0.0], (at + 1) / values.size))
        axes.step(
            x, y, where="post", color=colour, linestyle=dash, linewidth=1.8, label=canvas.clipped(curve.label)
        )
        if limit is not None and (beyond := int((values > limit).sum())):
            remarks.append(
                f"{curve.label}: {beyond:,} of {values.size:,} took longer than {limit:.1f} {figure.unit}, "
                f"at most {values[-1]:.1f} {figure.unit}, to the right of what is shown."
            )
        said.append(
            f"{curve.label}: {values.size:,} values, half of them at most {np.median(values):.2f} "
            f"{figure.unit}, nine of ten at most {np.quantile(values, 0.9):.2f} {figure.unit}"
            + "".join(
                f", {np.mean(values <= m.value):.1%} at most {m.value:g} {figure.unit}" for m in figure.marks
            )
        )
    if limit is not None:
        axes.set_xlim(right=limit)
    canvas.marks(axes, figure.marks, upright=True)
    axes.set_ylim(0, 1.02)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 0.9, 1], ["0 %", "25 %", "50 %", "75 %", "90 %", "100 %"])
    axes.set_xlabel(figure.unit)
    canvas.fit(sheet, top_in=0.15 + canvas.legend(axes))
    return sheet, ". ".join(said) + ".", " ".join(remarks)


def _limit(figure: Ecdf) -> float | None:
    """The right end of the axis, where a few very slow values would squeeze the rest; else None."""
    held = [np.array(curve.values) for curve in figure.curves if curve.values]
    if not held:
        return None
    least = min([*(float(one.min()) for one in held), *(mark.value for mark in figure.marks)])
    usual = max([*(float(np.quantile(one, TAIL)) for one in held), *(mark.value for mark in figure.marks)])
    most = max(float(one.max()) for one in held)
    return usual + 0.1 * (usual - least) if most - least > WIDE * (usual - least) > 0 else None
