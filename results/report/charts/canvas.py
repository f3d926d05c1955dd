"""From a matplotlib drawing to a picture inside a page: theme colours, no ids that clash, the same bytes."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from results.report.figures import Mark

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Drawn in these, which nothing else uses, and turned into the page's own colours: dark, light, or print.
INK, MUTED, GRID, BAD, SHADE, LEVEL = "#000001", "#000002", "#000003", "#000004", "#000005", "#000006"
SERIES = ("#000011", "#000012", "#000013", "#000014", "#000015", "#000016")
# A second sign beside the colour of a series.
DASHES: tuple[str | tuple[int, tuple[int, ...]], ...] = (
    "-",
    (0, (5, 2)),
    (0, (1, 1)),
    (0, (5, 1, 1, 1)),
    (0, (8, 2)),
    (0, (3, 1, 1, 1, 1, 1)),
)
MARK_DASHES = ((0, (4, 2)), (0, (1, 1)), (0, (6, 2, 1, 2)))
MARKERS = ("o", "s", "^", "D", "v", "P")
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    BAD: "--bad",
    SHADE: "--shade",
    LEVEL: "--level",
    **{colour: f"--series-{number}" for number, colour in enumerate(SERIES, start=1)},
}
WIDTH_IN = 10.0
LEGEND_WIDTH, SIGN_WIDTH = 105, 7  # characters: of one row, and of what stands before a label
LINE_IN = 0.2
LONGEST_LABEL = 40  # characters; longer names are in the tables
_COLOUR = re.compile("|".join(_VARIABLES))
_ROUNDED = re.compile(r'\b(d|x|y|transform)="([^"]*)"')
_DECIMALS = re.compile(r"-?\d+\.\d+(?!\d|e)")


@contextmanager
def style(salt: str) -> Iterator[None]:
    """matplotlib as this project draws with it, whatever a user's own settings are."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # Widths are estimated with a font that does not have every sign; the page's own font draws them.
        warnings.filterwarnings("ignore", message="Glyph")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "svg.fonttype": "none",
                "svg.hashsalt": salt,
                "text.parse_math": False,  # a device's name is no formula
                "path.simplify": False,
                "font.size": 10,
                "text.color": INK,
                "axes.edgecolor": MUTED,
                "axes.labelcolor": INK,
                "axes.facecolor": "none",
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.axisbelow": True,
                "axes.grid": True,
                "axes.formatter.useoffset": False,
                "grid.color": GRID,
                "grid.linewidth": 0.8,
                "xtick.color": MUTED,
                "ytick.color": MUTED,
                "xtick.labelcolor": INK,
                "ytick.labelcolor": INK,
                "figure.facecolor": "none",
                "legend.frameon": False,
            }
        )
        yield


def sheet(height_in: float) -> Figure:
    """An empty drawing of the page's width."""
    from matplotlib.figure import Figure

    return Figure(figsize=(WIDTH_IN, height_in), dpi=72)


def fit(
    figure: Figure,
    *,
    left_in: float = 0.75,
    right_in: float = 0.25,
    top_in: float = 0.2,
    bottom_in: float = 0.55,
) -> None:
    """Margins in inches, whatever the drawing's size."""
    width, height = figure.get_size_inches()
    figure.subplots_adjust(
        left=left_in / width,
        right=1 - right_in / width,
        top=1 - top_in / height,
        bottom=bottom_in / height,
        hspace=0.12,
    )


def inline(figure: Figure) -> str:
    """The drawing as the content of an <svg> element of a page; nothing in it reaches outside."""
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    svg = text.getvalue()
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = body.replace("xlink:href=", "href=")
    # The page's own font; as one property or two, by matplotlib's version.
    body = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", body)
    body = re.sub(r" font-family: [^;\"]*;", "", body)
    body = re.sub(r' transform="rotate\(-?0 [^"]*\)"', "", body)
    body = _ROUNDED.sub(lambda one: f'{one[1]}="{_DECIMALS.sub(_short, one[2])}"', body)
    body = _COLOUR.sub(lambda one: f"var({_VARIABLES[one[0]]})", body)
    return re.sub(r"\n\s*", "\n", body).strip()


def view_box(figure: Figure) -> str:
    """The drawing's own size, for the element around it."""
    width, height = figure.get_size_inches() * 72
    return f"0 0 {width:g} {height:g}"


def dots(axes: Axes, x: list[float], y: list[float], colour: str, width: float) -> None:
    """Many points as one path: a stroke of no length for each, which takes a third of a marker's bytes."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not x:
        return
    vertices = [point for pair in zip(x, y, strict=True) for point in (pair, pair)]
    codes = [Path.MOVETO, Path.LINETO] * len(x)
    patch = PathPatch(Path(vertices, codes), fill=False, edgecolor=colour, linewidth=width, capstyle="round")
    axes.add_patch(patch)


def legend(axes: Axes, handles: Sequence[Artist] | None = None) -> float:
    """What the signs mean, above the drawing: of all that has a label, or of these; its height, inches."""
    held = axes.get_legend_handles_labels()[0] if handles is None else handles
    if not held:
        return 0.0
    width = sum(len(str(one.get_label())) + SIGN_WIDTH for one in held)
    rows = math.ceil(width / LEGEND_WIDTH)
    axes.legend(
        handles=held,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=math.ceil(len(held) / rows),
        borderaxespad=0.2,
        columnspacing=1.4,
        handletextpad=0.4,
    )
    return LINE_IN * rows


def clipped(label: str) -> str:
    """A label that leaves room for the drawing."""
    if label.startswith("_"):  # which matplotlib takes for "no label"
        label = f" {label}"
    return label if len(label) <= LONGEST_LABEL else f"{label[: LONGEST_LABEL - 1]}…"


def marks(axes: Axes, at: Sequence[Mark], *, upright: bool) -> list[Artist]:
    """Lines at one value each, named in the legend: upright across an x axis, else level across a y axis."""
    line = axes.axvline if upright else axes.axhline
    return [
        line(
            mark.value, color=INK, linewidth=1.2, linestyle=MARK_DASHES[number % 3], label=clipped(mark.label)
        )
        for number, mark in enumerate(at)
    ]


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):.1f}".removesuffix(".0")
