"""Pictures of every kind of figure, and of the odd ones that a broken phone gives."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import matplotlib
import numpy as np
import pytest

from results.report.charts import canvas
from results.report.charts.draw import Drawing, draw
from results.report.charts.thin import extremes, ranks
from results.report.figures import (
    Band,
    ByTokens,
    Curve,
    Ecdf,
    Figure,
    Forest,
    ForestRow,
    HistoryPoint,
    LengthPoint,
    Mark,
    Step,
    Timeline,
    TimelineLaunch,
    Trend,
)

PAPER = Mark(value=62.0, label="paper: 62 ms")
SLOWED = TimelineLaunch(
    label="1",
    valid=False,
    start_s=(0.0, 0.06, 0.12, 0.18),
    values=(70.0, 60.0, 60.5, 66.0),
    warmup=1,
    levels=(Step(start=0.06, end=0.18, value=60.0), Step(start=0.18, end=0.2, value=66.0)),
    cpu_c=(31.0, 44.0),
    skin_c=(28.0, None),
    top_clock=0.8,
)


def ecdf(*values: float, mark: bool = True) -> Ecdf:
    curves = (Curve(label="float32", values=values),)
    return Ecdf(id="ecdf", title="E", caption="", unit="ms", curves=curves, marks=(PAPER,) if mark else ())


def timeline(*launches: TimelineLaunch) -> Timeline:
    return Timeline(id="timeline", title="T", caption="", unit="ms", launches=launches, marks=(PAPER,))


def forest(*rows: ForestRow, band: Band | None = None) -> Forest:
    return Forest(id="forest", title="F", caption="", unit="%", rows=rows, band=band)


def trend(points: int, **kinds: int) -> Trend:
    held = [HistoryPoint(label=f"r{at}", value=60.0 + at % 3, low=59.0, high=64.0) for at in range(points)]
    for kind, at in kinds.items():
        held[at] = HistoryPoint(label=f"r{at}", value=66.0, low=None, high=None, kind=kind)
    return Trend(id="trend", title="H", caption="", unit="ms", points=tuple(held))


def tokens(*counts: int) -> ByTokens:
    points = tuple(LengthPoint(tokens=count, value=60.0, sequences=2) for count in counts)
    return ByTokens(id="tokens", title="B", caption="", unit="ms", groups=(("float32", points),))


ODD: dict[str, Figure] = {
    "one value": ecdf(60.0),
    "all the same": ecdf(*[60.0] * 50),
    "no value": ecdf(),
    "a name that matplotlib would hide": Ecdf(
        id="e", title="E", caption="", unit="ms", curves=(Curve(label="_x", values=(1.0, 2.0)),)
    ),
    "no mark": ecdf(60.0, 61.0, mark=False),
    "a thousand times slower": ecdf(*[60.0] * 400, 60_000.0),
    "no launch": timeline(),
    "a launch without anything": timeline(
        TimelineLaunch(label="0", valid=True, start_s=(), values=(), warmup=0)
    ),
    "warm-up only": timeline(TimelineLaunch(label="0", valid=True, start_s=(0.0,), values=(70.0,), warmup=1)),
    "a device that tells nothing": timeline(
        TimelineLaunch(label="0", valid=True, start_s=(0.0, 0.1), values=(60.0, 60.0), warmup=1)
    ),
    "a slowed launch": timeline(SLOWED),
    "no row": forest(),
    "one row without an interval": forest(ForestRow(label="all", value=1.0, kind="overall")),
    "a band": forest(
        ForestRow(label="pair 1", value=1.0, low=0.5, high=2.0), band=Band(low=-2, high=2, label="threshold")
    ),
    "three hundred rows": forest(*(ForestRow(label=f"launch {at}", value=float(at)) for at in range(300))),
    "no tokens": tokens(),
    "tokens": tokens(8, 20),
    "no runs": trend(0),
    "one run": trend(1),
    "a change and a suspect": trend(30, change=20, suspect=29),
}


@pytest.mark.parametrize("figure", ODD.values(), ids=ODD.keys())
def test_every_figure_can_be_drawn(figure: Figure) -> None:
    """A report must come out whatever the phone did; warnings are errors here."""
    drawing = draw(figure, "key")
    root = parsed(drawing)
    assert root.findall(".//path")
    assert drawing.described
    assert "nan" not in drawing.svg.lower()


def test_a_picture_takes_the_pages_colours_and_font() -> None:
    """A fixed black would vanish on a dark page; a named font is another one on every machine."""
    drawing = draw(timeline(SLOWED), "key")
    assert "var(--ink)" in drawing.svg
    assert "var(--series-" in drawing.svg
    assert "var(--bad)" in drawing.svg
    assert not re.search(r"#0000\d\d", drawing.svg)
    assert set(re.findall(r"(?:fill|stroke): ([^;\"]+)", drawing.svg)) <= {
        "none",
        *(f"var({name})" for name in canvas._VARIABLES.values()),
    }
    assert "font-family" not in drawing.svg


def test_every_curve_is_named() -> None:
    """matplotlib leaves labels that begin with an underscore out of its legend."""
    assert "_x</text>" in draw(ODD["a name that matplotlib would hide"], "key").svg


def test_a_name_is_no_formula() -> None:
    """Between dollar signs matplotlib reads mathematics, and fails where it is none."""
    row = ForestRow(label=r"$\frac{1}{0$ $\x$", value=1.0)
    assert r"$\frac{1}{0$ $\x$</text>" in draw(forest(row), "key").svg


def test_a_users_own_style_changes_nothing() -> None:
    """The same record must give the same bytes for somebody with a matplotlibrc."""
    plain = draw(ODD["a slowed launch"], "key")
    theirs = {
        "font.size": 30,
        "svg.fonttype": "path",
        "axes.grid": False,
        "axes.linewidth": 9,
        "xtick.bottom": False,
    }
    with matplotlib.rc_context(theirs):
        assert draw(ODD["a slowed launch"], "key") == plain
        assert matplotlib.rcParams["font.size"] == 30


def test_two_pictures_share_no_inner_name() -> None:
    """On one page the same name twice makes one picture show the other's marks."""
    one, other = (set(re.findall(r' id="([^"]+)"', draw(tokens(8, 20), key).svg)) for key in ("a", "b"))
    assert one
    assert not one & other


def test_what_is_not_drawn_is_said() -> None:
    """A spike at the edge, or a thousand points of which some are shown, must not pass for all there is."""
    slow = draw(ecdf(*np.linspace(60, 61, 999).tolist(), 500.0), "key")
    assert "drawn at 600 of 1,000 ranks" in slow.remark
    assert "1 of 1,000 took longer than" in slow.remark
    assert "at most 500.0 ms" in slow.remark
    many = tuple(60 + at % 7 for at in range(5000))
    spiky = TimelineLaunch(
        label="0", valid=True, start_s=tuple(at * 0.06 for at in range(5001)), values=(*many, 900.0), warmup=0
    )
    long = draw(timeline(spiky), "key")
    assert re.search(r"[34],\d{3} of 5,001 inferences are drawn", long.remark)
    assert "1 of 5,001 took longer than" in long.remark
    assert draw(timeline(SLOWED), "key").remark == ""
    assert "600 of 2,000 runs are drawn" in draw(trend(2000), "key").remark
    assert "one of 5 is named" in draw(ODD["three hundred rows"], "key").remark


def test_words_tell_what_the_picture_shows() -> None:
    """Who cannot see it gets the same facts."""
    assert "half of them at most 60.50 ms" in draw(ecdf(60.0, 61.0), "key").described
    assert "50.0% at most 62 ms" in draw(ecdf(60.0, 64.0), "key").described
    assert "launch 1, invalid: median 60.50 ms, 2 levels" in draw(timeline(SLOWED), "key").described
    assert "r20: a new level begins, 66.00 ms" in draw(ODD["a change and a suspect"], "key").described


def test_thinning_keeps_every_extreme_and_the_order() -> None:
    """A picture without its one spike would lie about the run."""
    values = np.random.default_rng(1).normal(60, 1, 10_000)
    values[[17, 5000, 9998]] = [200.0, 1.0, 300.0]
    kept = extremes(values, 400)
    assert kept.size <= 400
    assert set(kept.tolist()) >= {17, 5000, 9998}
    assert np.all(np.diff(kept) > 0)
    assert extremes(values[:400], 400).size == 400
    assert ranks(10_000, 600)[[0, -1]].tolist() == [0, 9999]
    assert ranks(10_000, 600).size == 600


def parsed(drawing: Drawing) -> ET.Element:
    """The picture as XML: a browser forgives what is not well-formed, and shows something else."""
    return ET.fromstring(f'<svg viewBox="{drawing.view_box}">{drawing.svg}</svg>')
