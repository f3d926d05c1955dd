"""Every inference in the order in which it ran, launch by launch; temperatures and clocks below."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from results.report.charts import canvas
from results.report.charts.strips import MOST_NAMES, draw_clocks, draw_temperatures, name_launches
from results.report.charts.thin import extremes
from results.report.figures import Timeline, TimelineLaunch

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Sheet

MOST_POINTS = 4000  # of one picture: about 130 kB
CHANGE = (0, (2, 2))
GAP = 0.02  # between launches, as a share of a launch's length
TAIL, WIDE = 0.995, 1.8  # as for the shares: what would squeeze the rest goes to the edge, and is counted


def draw_timeline(figure: Timeline) -> tuple[Sheet, str, str]:
    """The drawing, its description and what it leaves out."""
    launches = figure.launches
    warm = any(t is not None for one in launches for t in (*one.cpu_c, *one.skin_c))
    clocked = any(one.top_clock is not None for one in launches)
    ratios = [5.0, *([1.4] if warm else []), *([1.2] if clocked else [])]
    sheet = canvas.sheet(3.6 + 0.95 * (len(ratios) - 1))
    panels = sheet.subplots(len(ratios), 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    begins, ends = _places(launches)
    remark = _latencies(panels[0], figure, begins)
    if warm:
        draw_temperatures(panels[1], launches, begins, ends)
    if clocked:
        draw_clocks(panels[-1], launches, begins, ends)
    name_launches(panels[-1], launches, begins, ends)
    canvas.fit(sheet, right_in=0.5, top_in=0.15 + canvas.legend(panels[0], _signs(panels[0], figure)))
    return sheet, _described(figure), remark


def _places(launches: tuple[TimelineLaunch, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where each launch begins and ends on the axis, s, shape (n,): one after the other, no waits."""
    lengths = np.array([_length(one) for one in launches])
    gap = GAP * float(lengths.mean()) if lengths.size else 0.0
    begins = np.concatenate(([0.0], np.cumsum(lengths + gap)[:-1])) if lengths.size else lengths
    return begins, begins + lengths


def _length(launch: TimelineLaunch) -> float:
    """From the first inference's start to the last one's, s; never nothing."""
    return max(launch.start_s[-1] - launch.start_s[0], 1e-3) if launch.start_s else 1e-3


def _latencies(axes: Axes, figure: Timeline, begins: NDArray[np.float64]) -> str:
    """Dots, shaded warm-up, levels and change points; returns what is not drawn in its place."""
    every = [np.array(one.values, dtype=np.float64) for one in figure.launches]
    top, beyond = _top(figure, every)
    quota = max(MOST_POINTS // max(len(every), 1), 4)
    total = drawn = 0
    warmups: list[tuple[float, float]] = []
    points: dict[str, tuple[list[float], list[float]]] = {}
    for number, (launch, values, begin) in enumerate(zip(figure.launches, every, begins, strict=True)):
        at = begin + np.array(launch.start_s) - (launch.start_s[0] if launch.start_s else 0.0)
        kept = extremes(values, quota)
        total, drawn = total + values.size, drawn + kept.size
        colour = canvas.BAD if not launch.valid else canvas.SERIES[4 * (number % 2)]
        held = points.setdefault(colour, ([], []))
        held[0].extend(at[kept].tolist())
        held[1].extend(np.minimum(values[kept], top).tolist())
        if 0 < launch.warmup < values.size:
            warmups.append((float(begin), float(at[launch.warmup] - begin)))
        _levels(axes, launch, begin)
    axes.broken_barh(
        warmups, (0, 1), facecolors=canvas.SHADE, linewidth=0, transform=axes.get_xaxis_transform()
    )
    size = 2.6 if drawn <= 1000 else 1.8
    for colour, (x, y) in points.items():
        canvas.dots(axes, x, y, colour, size)
    _frame(axes, figure, every, top, float(begins[-1] + _length(figure.launches[-1])) if every else 1.0)
    remarks = []
    if drawn < total:
        remarks.append(
            f"{drawn:,} of {total:,} inferences are drawn: the fastest and the slowest of every stretch of a "
            "launch. The numbers in the tables rest on all of them."
        )
    if beyond:
        remarks.append(
            f"{beyond:,} of {total:,} took longer than {top:.1f} {figure.unit}, warm-up among them, at most "
            f"{_most(every):.1f} {figure.unit}: drawn at the upper edge."
        )
    return " ".join(remarks)


def _most(every: list[NDArray[np.float64]]) -> float:
    return max(float(one.max()) for one in every if one.size)


def _top(figure: Timeline, every: list[NDArray[np.float64]]) -> tuple[float, int]:
    """The upper edge, and how many values lie beyond it: none but where they would squeeze the rest."""
    values = np.concatenate(every) if every else np.empty(0)
    if not values.size:
        return 1.0, 0
    timed = [each[one.warmup :] for one, each in zip(figure.launches, every, strict=True)]
    usual = max(
        [
            *(float(np.quantile(each, TAIL)) for each in [np.concatenate(timed)] if each.size),
            *(mark.value for mark in figure.marks),
            *(step.value for one in figure.launches for step in one.levels),
        ],
        default=float(values.max()),
    )
    low, most = float(values.min()), float(values.max())
    if most - low <= WIDE * (usual - low) or usual <= low:
        return most, 0
    top = usual + 0.35 * (usual - low)
    return top, int((values > top).sum())


def _levels(axes: Axes, launch: TimelineLaunch, begin: float) -> None:
    """The classifier's levels as lines, and an upright line where one follows another."""
    zero = launch.start_s[0] if launch.start_s else 0.0
    for step in launch.levels:
        span = [begin + step.start - zero, begin + step.end - zero]
        axes.plot(span, [step.value] * 2, color=canvas.LEVEL, linewidth=1.8, solid_capstyle="butt", zorder=3)
    for step in launch.levels[1:]:
        axes.plot(
            [begin + step.start - zero] * 2,
            [0, 1],
            color=canvas.BAD,
            linewidth=1,
            linestyle=CHANGE,
            transform=axes.get_xaxis_transform(),
            zorder=3,
        )


def _frame(axes: Axes, figure: Timeline, every: list[NDArray[np.float64]], top: float, end: float) -> None:
    least = min(
        [*(float(one.min()) for one in every if one.size), *(m.value for m in figure.marks)], default=0
    )
    most = max([top, *(mark.value for mark in figure.marks)])
    room = 0.06 * (most - least) or 0.05 * most or 1.0
    axes.set_ylim(least - room, most + room)
    axes.set_xlim(-0.005 * end, 1.005 * end)
    axes.set_ylabel(figure.unit)
    axes.grid(visible=False, axis="x")


def _signs(axes: Axes, figure: Timeline) -> list[Artist]:
    """What each sign of the first panel means; the paper's lines among them."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    signs: list[Artist] = [_dot(canvas.SERIES[0], "inference")]
    if any(not one.valid for one in figure.launches):
        signs.append(_dot(canvas.BAD, "invalid launch (x)"))
    signs.append(Patch(color=canvas.SHADE, label="warm-up"))
    if any(one.levels for one in figure.launches):
        signs.append(Line2D([], [], color=canvas.LEVEL, linewidth=1.8, label="level"))
    if any(len(one.levels) > 1 for one in figure.launches):
        signs.append(Line2D([], [], color=canvas.BAD, linewidth=1, linestyle=CHANGE, label="change point"))
    return [*signs, *canvas.marks(axes, figure.marks, upright=False)]


def _dot(colour: str, label: str) -> Artist:
    from matplotlib.lines import Line2D

    return Line2D([], [], linestyle="none", marker="o", markersize=3, color=colour, label=label)


def _described(figure: Timeline) -> str:
    said = []
    for launch in figure.launches:
        timed = np.array(launch.values[launch.warmup :])
        median = f"median {np.median(timed):.2f} {figure.unit}" if timed.size else "nothing timed"
        levels = f", {len(launch.levels)} levels" if len(launch.levels) > 1 else ""
        said.append(f"launch {launch.label}{'' if launch.valid else ', invalid'}: {median}{levels}")
    if len(said) > MOST_NAMES:
        said = [*said[:MOST_NAMES], f"and {len(said) - MOST_NAMES} launches more"]
    return "; ".join(said) + "."
