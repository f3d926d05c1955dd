"""The strips below the order of inferences, on the same axis: temperatures, clocks, launches' names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from results.report.charts import canvas
from results.report.charts.thin import ranks
from results.report.figures import TimelineLaunch

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMES = 24


def draw_temperatures(
    axes: Axes,
    launches: tuple[TimelineLaunch, ...],
    begins: NDArray[np.float64],
    ends: NDArray[np.float64],
) -> None:
    """Before and after each launch, joined, where both are told."""
    for name, colour, dash, pairs in (
        ("CPU", canvas.SERIES[2], "-", [one.cpu_c for one in launches]),
        ("skin", canvas.SERIES[3], (0, (4, 1)), [one.skin_c for one in launches]),
    ):
        x = [at for begin, end in zip(begins, ends, strict=True) for at in (begin, end, end)]
        y = [t for before, after in pairs for t in (_known(before), _known(after), np.nan)]
        if not np.isnan(y).all():
            axes.plot(x, y, color=colour, linestyle=dash, linewidth=1.5, marker=".", markersize=3)
            last = max(at for at, value in enumerate(y) if not np.isnan(value))
            axes.annotate(name, (x[last], y[last]), xytext=(6, 0), textcoords="offset points", va="center")
    axes.set_ylabel("°C")
    axes.margins(y=0.2)
    axes.grid(visible=False, axis="x")


def _known(value: float | None) -> float:
    return float("nan") if value is None else value


def draw_clocks(
    axes: Axes,
    launches: tuple[TimelineLaunch, ...],
    begins: NDArray[np.float64],
    ends: NDArray[np.float64],
) -> None:
    """The share of time at the top clock, one bar a launch."""
    told = [
        (b, e - b, o.top_clock)
        for o, b, e in zip(launches, begins, ends, strict=True)
        if o.top_clock is not None
    ]
    axes.bar(
        [begin for begin, _, _ in told],
        [100 * share for _, _, share in told],
        width=[width for _, width, _ in told],
        align="edge",
        color=canvas.SERIES[5],
        alpha=0.8,
    )
    axes.set_ylim(0, 105)
    axes.set_yticks([0, 50, 100], ["0 %", "50 %", "100 %"])
    axes.set_ylabel("top clock")
    axes.grid(visible=False, axis="x")


def name_launches(
    axes: Axes,
    launches: tuple[TimelineLaunch, ...],
    begins: NDArray[np.float64],
    ends: NDArray[np.float64],
) -> None:
    """The launches' names under the last strip, and how long they took together."""
    middle = (begins + ends) / 2
    named = ranks(len(launches), MOST_NAMES).tolist()
    signs = ["" if one.valid else " x" for one in launches]
    axes.set_xticks(middle[named], [canvas.clipped(launches[at].label) + signs[at] for at in named])
    for one in axes.figure.axes:
        one.tick_params(axis="x", length=0)
    total = float((ends - begins).sum())
    axes.set_xlabel(
        f"launches in their order, side by side without the waits between them ({total:.0f} s in all)"
    )
