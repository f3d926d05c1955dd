"""Reports in other forms from the command line: where they go, what is refused, what a terminal shows."""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import io
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections import Counter
from pathlib import Path

import pytest
from junitparser import JUnitXml
from rich.cells import cell_len
from rich.console import Console as Terminal

from benchmark import forms
from benchmark.cli import call
from benchmark.config import Config
from benchmark.console import Console
from benchmark.listener import Listener
from benchmark.terminal import rendered
from results.errors import ConfigError, FormUnavailable
from results.recompute import conclude
from results.report.forms.by_name import FORMS, OF_VIEWS, form_named
from results.report.model import Table, View
from results.report.text import as_text
from results.store import RunStore
from tests.results.make_ab import make_ab
from tests.results.make_run import PIXEL_4, make_run
from tests.results.test_report import RUNS, view_of

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded run of 3 launches with 130 inferences, on a Pixel 4."""
    store = RunStore.create(tmp_path_factory.mktemp("runs"))
    make_run(launches=3, inferences=130).save(store)
    conclude(store)
    return store.folder


class Notes(Listener):
    def __init__(self) -> None:
        self.texts: list[str] = []

    def on_doubt(self, text: str) -> None:
        self.texts.append(text)


@pytest.mark.parametrize("name", [name for name in FORMS if name != "html"])
def test_every_form_of_a_run_is_printed_or_lies_in_its_folder(
    run_folder: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """Readers' forms go to stdout, machines' files to the run, and their paths are what a script wants."""
    assert call(["report", str(run_folder), "--format", name]) == 0
    out = capfd.readouterr().out
    if FORMS[name].printed:
        assert "reproduced" in out
    else:
        assert out.split() == [str(run_folder / file) for file in FORMS[name].files]
        assert all((run_folder / file).stat().st_size for file in FORMS[name].files)


def test_text_on_a_pipe_is_report_txt(run_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A script that reads stdout must not meet colours, or another width than last time."""
    stored = (run_folder / "report.txt").read_text()
    for argv in ([], ["--format", "text"], ["--recompute"]):
        assert call(["report", str(run_folder), *argv]) == 0
        assert capfd.readouterr().out == stored


def test_a_form_goes_where_it_is_told(
    run_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """To stdout byte for byte, to a file, or into a folder under its own name."""
    assert call(["report", str(run_folder), "--format", "junit", "--to", "-"]) == 0
    printed = capfd.readouterr().out
    assert call(["report", str(run_folder), "--format", "junit", "--to", str(tmp_path / "my.xml")]) == 0
    assert capfd.readouterr().out == f"{tmp_path / 'my.xml'}\n"
    assert (tmp_path / "my.xml").read_text() == printed
    assert call(["report", str(run_folder), "--format", "github-benchmark", "--to", str(tmp_path)]) == 0
    assert sorted(path.name for path in tmp_path.glob("github*")) == sorted(FORMS["github-benchmark"].files)


def test_a_file_is_replaced_and_a_pipe_is_filled(run_folder: Path, tmp_path: Path) -> None:
    """Half a report in the place of a whole one passes for one; what is no file must not become one."""
    report = ["report", str(run_folder), "--format", "junit", "--to"]
    old, to, link = (tmp_path / name for name in ("old.xml", "to.xml", "link.xml"))
    old.write_text("old")
    to.hardlink_to(old)
    link.symlink_to(to)
    assert call([*report, str(link)]) == 0
    assert old.read_text() == "old"
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.xml", "old.xml", "to.xml"]
    reader, writer = os.pipe()
    assert call([*report, f"/dev/fd/{writer}"]) == 0
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == to.read_text()
    assert call([*report, "/dev/full"]) == 4


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (["--format", "jnuit"], 2, "Did you mean junit?"),
        (["--format", "github_benchmark"], 2, "Did you mean github-benchmark?"),
        (["--to", "x"], 2, "no --format says what"),
        (["--format", "github-benchmark", "--to", "-"], 2, "is 2 files"),
        (["--format", "junit", "--to", "/nowhere/x"], 4, "/nowhere/x could not be written"),
    ],
)
def test_what_cannot_be_done_says_why(
    run_folder: Path, argv: list[str], code: int, words: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A typing mistake costs a sentence, not a traceback."""
    assert call(["report", str(run_folder), *argv]) == code
    assert words in capfd.readouterr().err


def test_a_form_that_this_run_does_not_hold_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Asked for alone it is the whole job, so that its absence is an error."""
    store = RunStore.create(tmp_path)
    make_run(device=None).save(store)
    assert call(["report", str(store.folder), "--format", "pyperf"]) == FormUnavailable.exit_code == 4
    assert "cannot be written as pyperf: no latency was measured" in capfd.readouterr().err
    assert not (store.folder / "pyperf.json").exists()


def test_forms_at_the_end_of_a_run_never_fail_it(tmp_path: Path) -> None:
    """Hours of measuring are not lost to a format."""
    store = RunStore.create(tmp_path)
    make_run(device=None).save(store)
    notes = Notes()
    forms.add(store.folder, ("junit", "benchstat", "bencher"), notes)
    assert notes.texts == ["no benchstat: run 0001 cannot be written as benchstat: no latency was measured."]
    assert {path.name for path in store.folder.iterdir()} >= {"junit.xml", "bencher.json"}
    forms.add(tmp_path / "gone", ("junit",), notes)
    assert "is no run folder" in notes.texts[1]


def test_a_comparison_of_two_arms_has_forms_but_no_verdict(tmp_path: Path) -> None:
    """It is a run with a folder as any other; what is said of the paper is left out."""
    store = RunStore.create(tmp_path)
    make_ab(ratio=1.1, inferences=60).save(store)
    notes = Notes()
    forms.add(store.folder, [name for name in FORMS if name != "html"], notes)
    assert notes.texts == []
    failures = JUnitXml.fromfile(str(store.folder / "junit.xml")).failures
    assert failures >= 1
    assert (store.folder / "annotations.txt").read_text().count("::error") == failures
    assert "erdict reproduced" not in (store.folder / "github-benchmark-latency.json").read_text()


def test_unknown_forms_are_refused_before_anything_is_measured() -> None:
    """A typing mistake must not be found after an hour."""
    with pytest.raises(ConfigError, match=r"Did you mean html\?"):
        Config(formats=("hmtl",))
    for name in FORMS:
        if name not in OF_VIEWS:
            with pytest.raises(ConfigError, match="made of the launches of one run"):
                form_named(name, OF_VIEWS)


def test_a_view_is_shown_or_printed_in_its_form(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Comparisons, histories and gates have no folder: with --to a log still shows what was decided."""
    view = view_of(RUNS["host"]())
    forms.send(view, None, None, Console())
    assert capfd.readouterr().out == as_text(view)
    forms.send(view, "markdown", None, Console())
    assert capfd.readouterr().out.startswith("**Verdict: not\\_comparable")
    forms.send(view, "junit", str(tmp_path / "a.xml"), Console())
    done = capfd.readouterr()
    assert done.out == as_text(view)
    assert f"written: {tmp_path / 'a.xml'}" in " ".join(done.err.split("\n"))


# What a terminal shows -----------------------------------------------------------------------------------


def shown(view: View, width: int, **options: object) -> str:
    out = io.StringIO()
    Terminal(
        file=out,
        force_terminal=True,
        width=width,
        color_system="standard",
        highlight=False,
        emoji=False,
        _environ={},
        **options,  # type: ignore[arg-type]
    ).print(rendered(view, width), markup=False)
    return out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("name", ["pixel-4", "pixel-4-throttled", "host", "parity-failed"])
def test_every_width_shows_everything(name: str, width: int) -> None:
    """A narrow window folds, and neither cuts nor hides: what the text report says is all there."""
    view = view_of(RUNS[name]())
    text = ESCAPE.sub("", shown(view, width))
    assert max(map(cell_len, text.splitlines())) <= width
    cells = [str(cell) for table in view.tables for row in table.rows for cell in row]
    lines = [line for table in view.tables for line in (table.title, table.comparable, *table.lines)]
    held = "".join([view.where, view.verdict, *cells, *lines, *view.notes, *view.files]).split()
    assert not Counter("".join(held)) - Counter("".join(text.split()))
    for line in (view.where, view.verdict, *lines):  # which stand alone, whatever their width
        assert "".join(line.split()) in "".join(text.split())


def test_no_word_of_a_table_is_broken_where_a_block_would_hold_it() -> None:
    """A status that is cut in two is not found, and looks like another one."""
    for name in ("pixel-4", "host", "parity-failed"):
        view = view_of(RUNS[name]())
        text = ESCAPE.sub("", shown(view, 60))
        for table in view.tables:
            for row in table.rows if any(table.columns) else ():
                for cell in row:
                    assert all(word in text for word in str(cell).split()), cell


def test_a_table_of_too_many_columns_becomes_blocks() -> None:
    """Eight columns of whole words do not fit beside each other in 60."""
    table = Table(title="t", columns=tuple("abcdefgh"), rows=(("reproduced",) * 8, ("float32",) * 8))
    view = View(where="w", verdict="v", tables=(table,), notes=(), files=())
    text = ESCAPE.sub("", shown(view, 60))
    assert [line.split() for line in text.splitlines() if "reproduced" in line] == [
        [name, "reproduced"] for name in "abcdefgh"
    ]


@pytest.mark.parametrize(("longest", "beside"), [(28, True), (29, False)])
def test_one_column_too_many_makes_blocks(longest: int, beside: bool) -> None:
    """Words of 28 and 28 with their gap and indent are 60; one more, and one of them would be cut."""
    table = Table(title="t", columns=("a", "b"), rows=(("x" * longest, "y" * 28),))
    text = shown(View(where="w", verdict="v", tables=(table,), notes=(), files=()), 60)
    lines = [line.split() for line in ESCAPE.sub("", text).splitlines()]
    assert (["x" * longest, "y" * 28] in lines) == beside
    assert (["b", "y" * 28] in lines) != beside


def test_the_status_is_coloured_and_in_words() -> None:
    """Colour alone says nothing to many, and nothing in a log."""
    for outcome, colour in (("passed", 32), ("failed", 31), ("undecided", 33), ("error", 31)):
        view = View(where="w", verdict="word", tables=(), notes=(), files=(), outcome=outcome)  # type: ignore[arg-type]
        assert f"\x1b[1;{colour}mword" in shown(view, 60)
    plain = shown(view_of(RUNS["pixel-4"]()), 80, no_color=True)
    assert not re.search(r"\x1b\[[0-9;]*3\dm", plain)
    assert "reproduced" in plain


def test_words_of_a_device_are_no_markup_and_no_pictures() -> None:
    """[bold] and :smile: are what it says, an escape sequence is nothing."""
    hostile = "[bold red]x[/] :smile: \x1b[31m\x1b]0;owned\x07"
    device = dataclasses.replace(PIXEL_4, model=hostile)
    table = Table(title=hostile, columns=("a", hostile), rows=(("b", hostile),), lines=(hostile,))
    view = View(where=hostile, verdict=hostile, tables=(table,), notes=(hostile,), files=(hostile,))
    text = shown(view, 100) + shown(view_of(make_run(device=device)), 100)
    assert "\x1b" not in ESCAPE.sub("", text)
    assert "\x07" not in text
    assert text.count("[bold red]x[/] :smile:") >= 9


SHOW = """
from benchmark.console import Console
from results.report.model import Table, View
table = Table(title="t", columns=("status", "what"), rows=(("reproduced", "word " * 30),))
Console().show(View(where="w" * 70, verdict="v", tables=(table,), notes=(), files=(), outcome="passed"))
"""


def in_a_terminal(columns: int, **environ: str) -> str:
    """What a real terminal of so many columns gets of the view above."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    environ = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", **environ}
    with subprocess.Popen([sys.executable, "-c", SHOW], stdin=child, stdout=child, stderr=child, env=environ):
        os.close(child)
        got = b""
        # Linux answers EIO once the other end is closed.
        with contextlib.suppress(OSError):
            while some := os.read(parent, 65536):
                got += some
    os.close(parent)
    return got.decode()


def test_a_real_terminal_of_60_columns() -> None:
    """Width and colours are asked of the terminal itself, and NO_COLOR is heard."""
    text = in_a_terminal(60)
    assert "\x1b[32mreproduced" in text
    assert max(len(line) for line in ESCAPE.sub("", text).splitlines()) == 60
    quiet = in_a_terminal(60, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3\dm", quiet)
    assert ESCAPE.sub("", quiet) == ESCAPE.sub("", text)
