"""The page as text: what stands in it and in which order, and what can never stand in it."""

from __future__ import annotations

import base64
import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from results.report.figures import Curve, Ecdf, Mark
from results.report.model import Quantity, Table, View
from results.report.page.html import MOST_DATA_BYTES, as_html
from results.stats import Interval
from tests.report.lively import lively_view

EMPTY = View(where="Measured nowhere.", verdict="nothing was measured", tables=(), notes=(), files=())
DATA = json.dumps({"device": "</script></style>"}).encode()
HOSTILE = "</style></script><b onload=x>&amp;{{ 7 * 7 }}{% raw %}$\\frac{1}{0}$ #000001 '\""


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    return lively_view(tmp_path_factory.mktemp("runs"), launches=8, inferences=60)


@pytest.fixture(scope="module")
def text(view: View) -> str:
    """Its page, made once: drawing takes half a second."""
    return as_html(view, DATA)


class Outline(HTMLParser):
    """Tags in their order, attributes by name, ids, and the text of headings."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.values: dict[str, list[str]] = {}
        self.headings: list[str] = []
        self._open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        for name, value in attrs:
            self.values.setdefault(name, []).append(value or "")
        if tag in ("h1", "h2", "h3"):
            self.headings.append("")

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("h1", "h2", "h3"):
            self.headings[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass


def test_the_same_view_gives_the_same_bytes(view: View, text: str) -> None:
    """A report that is made again must not look changed: no date, no counter, no hash of a process."""
    assert as_html(view, DATA) == text


def test_nothing_is_loaded_and_nothing_runs(text: str) -> None:
    """A CI artifact is opened anywhere, years later: addresses lead into the page or are its own data."""
    page = Outline(text)
    for name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
        assert all(value.startswith(("#", "data:")) for value in page.values.get(name, []))
    assert not {"script", "iframe", "object", "embed", "base", "form", "img", "foreignobject"} & set(
        page.tags
    )
    assert not [name for name in page.values if name.startswith("on")]
    assert "url(http" not in text
    policy = next(value for value in page.values["content"] if "default-src" in value)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert page.tags.index("meta") < page.tags.index("style")


def test_ids_are_unique_and_every_link_has_its_end(text: str) -> None:
    """Pictures of one page share its namespace: a clash makes one of them show the other's marks."""
    page = Outline(text)
    ids = page.values["id"]
    assert len(ids) == len(set(ids))
    ends = {value[1:] for value in page.values["href"] if value.startswith("#")}
    ends |= set(re.findall(r"url\(#([^)]+)\)", text))
    ends |= {one for value in page.values["aria-labelledby"] for one in value.split()}
    assert len(ends) > 30
    assert ends <= set(ids)


def test_the_order_is_the_readers(view: View, text: str) -> None:
    """Verdict first, then what limits it, then what it rests on; the explanation last."""
    page = Outline(text)
    assert page.headings[0] == view.verdict
    wanted = [
        "The paper's claims",
        "Notes",
        "Latency",
        "Share of inferences that took at most so long",
        "Every inference in its order, float32",
        "Median of each launch, float32",
        "Latency by a sequence's real tokens",
        "Accuracy",
        "Predictions of float32 (rows: true label)",
        "Pairs that dynamic_int8 flips",
        "Environment and validity",
        "Files",
        "How to read this",
    ]
    assert [heading for heading in page.headings if heading in wanted] == wanted


def test_nothing_of_the_view_is_left_out(view: View) -> None:
    """A page that lays out tables by name must not lose one whose name it does not know."""
    unknown = Table(title="Something new", id="new", columns=("a", "b"), rows=(("x", "y"),))
    nameless = Table(title="Without a name", columns=("a",), rows=(("z",),))
    whole = dataclasses.replace(
        view,
        tables=(*view.tables, unknown, nameless),
        figures=tuple(f for f in view.figures if f.id == "ecdf"),
    )
    text = as_html(whole)
    headings = Outline(text).headings
    for title in [*(table.title for table in whole.tables), *(figure.title for figure in whole.figures)]:
        assert title in headings
    for said in (*whole.files, *(line.split("'")[0] for table in whole.tables for line in table.lines)):
        assert said.split("<")[0].split("[")[0].split(">")[0].split("&")[0] in text


@pytest.mark.parametrize("field", ["title", "where", "verdict"])
def test_a_devices_words_stay_words(field: str) -> None:
    """A phone names itself as it likes; its name may end up in every line, label and tooltip."""
    figure = Ecdf(
        id="e",
        title=HOSTILE,
        caption=HOSTILE,
        unit=HOSTILE,
        curves=(Curve(label=HOSTILE, values=(1.0, 2.0, 3.0)),),
        marks=(Mark(value=2.0, label=HOSTILE),),
    )
    table = Table(
        title=HOSTILE,
        id="t",
        columns=(HOSTILE, "notes"),
        rows=((HOSTILE, HOSTILE),),
        lines=(HOSTILE,),
        comparable=HOSTILE,
    )
    view = dataclasses.replace(
        EMPTY, tables=(table,), notes=(HOSTILE,), files=(HOSTILE,), figures=(figure,), **{field: HOSTILE}
    )
    page = Outline(as_html(view))
    plain = Outline(as_html(dataclasses.replace(EMPTY, tables=(table,), figures=(figure,))))
    assert "b" not in page.tags
    assert page.tags.count("style") == 1
    assert "script" not in page.tags
    assert not [name for name in page.values if name.startswith("on")]
    assert "49" not in page.headings[0]
    assert set(page.tags) - set(plain.tags) <= {"ol", "ul", "li", "code"}


def test_data_is_inside_and_means_nothing_to_html(text: str) -> None:
    """The record travels with its report; `</script>` in a device's name must not end anything."""
    href = next(value for value in Outline(text).values["href"] if value.startswith("data:application"))
    assert base64.b64decode(href.split(",")[1]) == DATA
    assert "</script>" not in text
    assert "data:application" not in as_html(EMPTY)


def test_too_much_data_is_left_out_and_said() -> None:
    """A page that a mail server refuses helps nobody."""
    page = as_html(EMPTY, b" " * (MOST_DATA_BYTES + 1))
    assert "data:application" not in page
    assert "too large to be embedded (524 kB)" in page


def test_notes_are_linked_and_intervals_are_not() -> None:
    """[1] leads to a note only where there is one; [59.0, 61.0] and [7] of somebody's name are no notes."""
    table = Table(
        title="T",
        id="claims-x",
        columns=("recipe", "measured", "notes"),
        rows=(
            (
                "a",
                Quantity(value=60.0, unit="ms", digits=1, interval=Interval(low=59.0, high=61.0, level=0.9)),
                "1-2",
            ),
            ("b", "-", "2 9"),
        ),
        lines=("see [1], not [7]",),
    )
    page = as_html(dataclasses.replace(EMPTY, tables=(table,), notes=("one", "two")))
    assert re.search(r'<td class="whole"><a href="#note-1">1</a> <a href="#note-2">2</a></td>', page)
    assert '<td class="whole">2 9</td>' in page
    assert 'see <a href="#note-1">[1]</a>, not [7]' in page
    assert "60.0 ms [59.0, 61.0]</td>" in page


@pytest.mark.parametrize("outcome", ["passed", "failed", "undecided", "error"])
def test_colour_is_never_alone(outcome: str) -> None:
    """One in twelve men cannot tell the banner's red from its green."""
    page = as_html(dataclasses.replace(EMPTY, outcome=outcome))
    assert re.search(rf'banner {outcome}".*?</span> {outcome}</p>', page, flags=re.DOTALL)


def test_an_empty_view_is_a_page() -> None:
    """A gate without any series still has to say so."""
    page = as_html(EMPTY)
    assert "nothing was measured" in page
    assert Outline(page).headings[-1] == "How to read this"


def test_a_confusion_matrix_is_coloured_by_line() -> None:
    """A label with few pairs must show its errors as clearly as one with many."""
    table = Table(
        title="C",
        id="confusion-x",
        columns=("label", "a", "b", "all"),
        rows=(("a", "90", "10", "100"), ("b", "0", "3", "3"), ("all predicted", "90", "13", "103")),
    )
    page = as_html(dataclasses.replace(EMPTY, tables=(table,)))
    cells = re.findall(r'<td class="number (shade-\d|)[^"]*">(\d+)', page)
    assert cells == [
        ("shade-8", "90"),
        ("shade-1", "10"),
        ("", "100"),
        ("shade-0", "0"),
        ("shade-9", "3"),
        ("", "3"),
        ("", "90"),
        ("", "13"),
        ("", "103"),
    ]


def test_a_bound_is_not_coloured_as_a_finding() -> None:
    """The self-check's "slower <= 5 %" in red beside its "ok" would read as if something were wrong."""
    table = Table(
        title="T",
        id="trial",
        columns=("truth", "slower", "must hold", ""),
        rows=(("no change", "1.0 %", "slower <= 5 %", "ok"), ("+5 %", "9.0 %", "slower >= 90 %", "off")),
    )
    page = as_html(dataclasses.replace(EMPTY, tables=(table,)))
    assert re.findall(r'<td class="(\w+) whole">(ok|off|slower)', page) == [("good", "ok"), ("bad", "off")]


def test_the_largest_runs_stay_small(tmp_path: Path) -> None:
    """Two megabytes is what viewers of CI artifacts open without asking."""
    long = as_html(
        lively_view(tmp_path, recipes=("float32",), launches=40, inferences=1000), b" " * 64 * 1024
    )
    assert len(long.encode()) < 600_000
    assert "of 42,230 inferences are drawn" in long
