"""Latency by a sequence's real tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from results.report.charts import canvas
from results.report.figures import ByTokens

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Sheet


def draw_tokens(figure: ByTokens) -> tuple[Sheet, str, str]:
    """The drawing, its description and what it leaves out: nothing."""
    sheet = canvas.sheet(3.2)
    axes = sheet.add_subplot()
    said = []
    for number, (label, points) in enumerate(figure.groups):
        axes.plot(
            [point.tokens for point in points],
            [point.value for point in points],
            linestyle="none",
            marker=canvas.MARKERS[number % 6],
            markersize=4.5,
            color=canvas.SERIES[number % 6],
            label=canvas.clipped(label),
        )
        if points:
            first, last = min(points, key=lambda one: one.tokens), max(points, key=lambda one: one.tokens)
            said.append(
                f"{label}: {first.value:.2f} {figure.unit} at {first.tokens} tokens, {last.value:.2f} "
                f"{figure.unit} at {last.tokens}, over {sum(one.sequences for one in points):,} sequences"
            )
    axes.set_xlabel("real tokens of a sequence, padding left out")
    axes.set_ylabel(figure.unit)
    axes.margins(y=0.15)
    canvas.fit(sheet, top_in=0.15 + canvas.legend(axes))
    return sheet, ". ".join(said) + ".", ""
