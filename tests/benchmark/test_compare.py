"""Comparisons from the command line: what a CI is told by the exit code."""

from __future__ import annotations

import xml.etree.ElementTree
from pathlib import Path

import pytest

from benchmark.cli import call
from results.compare.folders import conclude_comparison
from results.store import RunStore
from tests.results.make_ab import make_ab
from tests.results.make_run import Run, make_run


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, str]:
    """Three runs of one phone, one of two threads, and an A/A run of it."""
    made: dict[str, Run] = {
        "usual": make_run(accuracy=None, launches=6),
        "slower": make_run(accuracy=None, launches=6, median_ms=65.0),
        "other": make_run(accuracy=None, launches=6, threads=2),
        "same": make_ab(same=True, spread=0.035, pairs=6, inferences=6),
    }
    folders = {}
    for name, run in made.items():
        store = RunStore.create(tmp_path)
        run.save(store)
        folders[name] = str(store.folder)
    same = RunStore.open(Path(folders["same"]))
    conclude_comparison(same, same.load())
    return folders


def test_the_exit_code_says_what_was_found(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """1 for slower, 0 for faster or equivalent, 3 where nothing is shown or nothing can be compared."""
    usual, slower = runs["usual"], runs["slower"]
    assert call(["compare", usual, slower]) == 1
    told = " ".join(capsys.readouterr().out.split())
    assert "B is 6.6 % [5.2, 7.9] slower than A (p50) in this pair of runs: the two differ" in told
    assert call(["compare", slower, usual]) == 0
    assert call(["compare", usual, slower, "--threshold", "10"]) == 0
    assert call(["compare", usual, slower, "--threshold", "6"]) == 3
    assert call(["compare", usual, slower, "--threshold", "6", "--allow-undecided"]) == 0
    capsys.readouterr()
    assert call(["compare", usual, runs["other"], "--allow-undecided"]) == 3
    assert "settings.threads is 4 against 2" in capsys.readouterr().err
    assert call(["compare", usual, str(tmp_path)]) == 4
    assert call(["compare", usual, runs["same"]]) == 3
    assert f"next   Print it: mobilebert-bench report {runs['same']}" in capsys.readouterr().err


def test_a_noise_floor_hides_and_clears_nothing(
    runs: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """What this device does to two equal arms is no regression; nor are two runs equivalent for it."""
    asked = ["compare", runs["usual"], runs["slower"], "--noise-floor", runs["same"]]
    assert call(asked) == 3
    assert "(run 0001, learnt of mobilebert dynamic_int8 with " in " ".join(capsys.readouterr().out.split())


def test_a_check_for_each_metric(runs: dict[str, str], tmp_path: Path) -> None:
    """A CI that reads JUnit fails the metrics that are slower, and only those."""
    out = tmp_path / "junit.xml"
    assert call(["compare", runs["usual"], runs["slower"], "--format", "junit", "--to", str(out)]) == 1
    cases = xml.etree.ElementTree.parse(out).iter("testcase")
    told = {(case.get("name") or "").split(":")[0]: [child.tag for child in case] for case in cases}
    assert told == {"p50": ["failure"], "p90": ["failure"]}
