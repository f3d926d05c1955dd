"""Runs that an earlier version recorded: every command says so, and none takes them for anything else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from benchmark.cli import call
from results.recompute import conclude
from results.store import RunStore
from tests.results.keep_runs import KEPT
from tests.results.make_history import run_summary, write_run
from tests.results.make_run import make_run


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return Path(shutil.copytree(KEPT / "schema-1", tmp_path / "runs" / "0000"))


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Two runs of this version, as the older one but for their speed."""
    root, folders = tmp_path_factory.mktemp("newer"), []
    for median_ms in (61.0, 61.1):
        store = RunStore.create(root)
        make_run(launches=5, median_ms=median_ms, accuracy=None).save(store)
        conclude(store)
        folders.append(str(store.folder))
    return folders


@pytest.mark.parametrize(
    "argv",
    [
        ["report", "OLD", "--recompute"],
        ["report", "OLD", "--format", "markdown"],
        ["report", "OLD", "--format", "junit", "--to", "-"],
        ["report", "OLD", "--format", "bencher"],
        ["compare", "OLD", "NEW"],
        ["compare", "NEW", "OLD"],
        ["resume", "OLD"],
    ],
    ids=" ".join,
)
def test_what_reads_its_record_refuses_it(
    argv: list[str], older: Path, newer: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """By its name, with what still can be done; nothing is printed as a result, nothing in it is changed."""
    before = {path.name: path.read_bytes() for path in older.iterdir()}
    names = {"OLD": str(older), "NEW": newer[0]}
    assert call([names.get(word, word) for word in argv]) == 4
    out, err = capsys.readouterr()
    assert out == ""
    said = " ".join(err.split())
    assert said.startswith(
        f"error: schema-unknown what {older}/record.json was written by an earlier version: it has"
    )
    assert (
        f"next Its report.txt still reads: mobilebert-bench report {older}. To judge it, use the version"
        in said
    )
    assert {path.name: path.read_bytes() for path in older.iterdir()} == before


def test_its_report_still_reads(older: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As it was printed then, byte for byte."""
    assert call(["report", str(older)]) == 0
    assert capsys.readouterr().out.rstrip("\n") == (older / "report.txt").read_text().rstrip("\n")


def test_it_is_no_noise_floor(older: Path, newer: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """There was no A/A run then."""
    assert call(["compare", *newer, "--noise-floor", str(older)]) == 3
    assert f"{older} has no comparison.json" in " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize("command", ["history", "gate"])
def test_a_history_names_it_and_does_not_look_at_it(
    command: str, older: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no summary: it is counted and named, and the finding is that of the others."""
    for number in range(8):
        write_run(older.parent, run_summary(number, [36.6 + 0.05 * (number % 3)]))
    assert call([command, str(older.parent), "--format", "text", "--to", "-"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(str(older) in line and "no summary.json" in line for line in lines) == 1
    shutil.rmtree(older)
    assert call([command, str(older.parent), "--format", "text", "--to", "-"]) == 0
    without = capsys.readouterr().out.splitlines()
    assert [line for line in lines if "ms" in line.split()] == [
        line for line in without if "ms" in line.split()
    ]
