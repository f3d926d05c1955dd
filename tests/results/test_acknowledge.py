"""New levels that someone accepts: of which series, in which file, and until when."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmark.cli import call
from benchmark.pipeline import gate
from results.errors import ConfigError
from results.report.model import View
from tests.results.make_history import noisy, write_history

RUNS = Path("runs")
SLOWER = noisy([*[36.6] * 10, *[38.8] * 4])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports name folders as they were given."""
    monkeypatch.chdir(tmp_path)


def judged(across: tuple[str, ...] = (), levels: Path | None = None) -> View:
    return gate((RUNS,), across, levels, None)


def test_an_acknowledged_level_can_be_left_again() -> None:
    """Accepted once is not accepted for ever: what rises above the level is slower again."""
    levels = Path("levels.json")
    write_history(RUNS, SLOWER)
    gate((RUNS,), (), levels, None, acknowledge="wider heads")
    assert judged(levels=levels).outcome == "passed"
    write_history(RUNS, noisy([41.5] * 3), first=14)
    view = judged(levels=levels)
    assert view.outcome == "failed"
    assert "since commit c015 (run 0015)" in view.verdict
    before = json.loads(levels.read_text(encoding="utf-8"))["levels"]
    assert gate((RUNS,), (), levels, None, acknowledge="a longer sequence").outcome == "passed"
    (after,) = json.loads(levels.read_text(encoding="utf-8"))["levels"]
    assert (after["key"], after["since_run"]) == (before[0]["key"], "0015")
    assert after["acknowledged_at"] == "2026-01-02T02:00:00.000Z", "of the newest run, by no clock"


def test_the_call_that_accepts_finds_the_same_series() -> None:
    """Without its folders and --across it would write levels of other series, and the gate fails on."""
    write_history(RUNS, SLOWER)
    view = judged(across=("runtime", "model"), levels=None)
    asked = "gate runs --across model,runtime --levels FILE --acknowledge WHY"
    assert any(note.endswith(asked) for note in view.notes)


THREE = {"threads": 1}, {"threads": 2}, {"threads": 3}


def accepted(*only: str) -> set[str]:
    """What is accepted of three series: two slower ones of 1 and 2 threads, and an unchanged one of 3."""
    levels = Path("levels.json")
    if not RUNS.exists():
        for number, (point, values) in enumerate(
            zip(THREE, (SLOWER, SLOWER, noisy([61.0] * 14)), strict=True)
        ):
            write_history(RUNS, values, first=number * 100, point=point)
    gate((RUNS,), (), levels, None, acknowledge="why", only=only)
    labels = [one["label"] for one in json.loads(levels.read_text(encoding="utf-8"))["levels"]]
    levels.unlink()
    return {re.sub(r".*(\d) thread.*", r"\1", label) for label in labels}


def test_only_the_named_series_are_accepted() -> None:
    """One change on purpose must not carry another one along, which nobody looked at."""
    assert accepted("dynamic_int8, 1 thread") == {"1"}
    assert accepted("2 THREADS") == {"2"}
    assert accepted("1 thread,", "2 threads", "dynamic_int8, 2 threads") == {"1", "2"}
    assert accepted("all") == {"1", "2"}


@pytest.mark.parametrize(
    ("only", "says"),
    [
        ((), '2 series have a new level: "dynamic_int8, 1 thread"; "dynamic_int8, 2 threads"'),
        (("dynamic",), '"dynamic" fits 2 series that have a new level: "dynamic_int8, 1 thread"; '),
        (("",), '"" is none of the series that have a new level'),
        (("3 threads",), "What it fits has no new level."),
        (("dynamic-int9",), "Did you mean dynamic_int8?"),
        (("1 thread,", "float32"), '"float32" is none of the series'),
    ],
)
def test_several_changes_want_a_name(only: tuple[str, ...], says: str) -> None:
    """Neither all at once unsaid, nor one that was not meant; and nothing is written."""
    with pytest.raises(ConfigError) as raised:
        accepted(*only)
    assert says in raised.value.what
    assert (
        "dynamic_int8, 1 thread" in raised.value.what + raised.value.next_step
        or "more of" in raised.value.next_step
    )
    assert not Path("levels.json").exists()


def test_what_was_not_named_stays_slower() -> None:
    """And the report says how each of several is accepted."""
    with pytest.raises(ConfigError):
        accepted()
    assert any(note.endswith("--acknowledge WHY --series NAME") for note in judged().notes)
    call(["gate", "--levels", "levels.json", "--acknowledge", "why", "--series", "1 thread,"])
    view = judged(levels=Path("levels.json"))
    assert view.outcome == "failed"
    assert [check.outcome for check in view.checks] == ["failed", "passed", "passed"]
    assert any(note.endswith("--acknowledge WHY") for note in view.notes)


def test_acknowledging_keeps_the_levels_of_others() -> None:
    """A history of one phone must not take another phone's level out of the file."""
    levels = Path("levels.json")
    write_history(RUNS, SLOWER)
    write_history(Path("others"), SLOWER, device={"soc": "Tensor G3"})
    gate((RUNS,), (), levels, None, acknowledge="one")
    gate((Path("others"),), (), levels, None, acknowledge="two")
    reasons = [one["reason"] for one in json.loads(levels.read_text(encoding="utf-8"))["levels"]]
    assert sorted(reasons) == ["one", "two"]
    view = judged(levels=levels)
    assert view.outcome == "passed"
    assert any(note.startswith("1 acknowledged level of series that have no run") for note in view.notes)


def test_nothing_to_acknowledge_writes_nothing() -> None:
    """No empty file that looks like an accepted state."""
    write_history(RUNS, noisy([36.6] * 8))
    view = gate((RUNS,), (), Path("levels.json"), None, acknowledge="none")
    assert view.outcome == "passed"
    assert view.verdict.startswith("Nothing acknowledged")
    assert not Path("levels.json").exists()
