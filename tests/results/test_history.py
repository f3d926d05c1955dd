"""Histories of many runs, as readers see them, and what must never be read as something else."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.cli import call
from benchmark.pipeline import gate, history
from results.errors import ConfigError, HarnessError, RecordDamaged, SchemaUnknown
from results.history.files import gather
from results.report.history import MOST_FIGURES, MOST_ROWS
from results.report.model import View
from results.report.text import as_text
from results.store import RECORD
from tests.results.make_history import noisy, run_summary, write_history, write_run

RUNS = Path("runs")
SLOWER = noisy([*[36.6] * 10, *[38.8] * 4])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports name folders as they were given."""
    monkeypatch.chdir(tmp_path)


def judged(*folders: Path, across: tuple[str, ...] = (), levels: Path | None = None) -> View:
    return gate(folders or (RUNS,), across, levels, None)


def slower() -> View:
    return judged(write_history(RUNS, SLOWER, noisy([61.0] * 14, seed=2)))


def acknowledged() -> View:
    write_history(RUNS, SLOWER)
    return gate((RUNS,), (), Path("levels.json"), None, acknowledge="wider heads")


def suspect() -> View:
    return judged(write_history(RUNS, noisy([*[36.6] * 12, 39.5])))


def collecting() -> View:
    return judged(write_history(RUNS, noisy([36.6] * 4)))


def moved() -> View:
    """Two model files and a new runtime in one series, because it was asked for."""
    write_history(RUNS, noisy([36.6] * 6))
    write_history(RUNS, noisy([36.6] * 4), first=6, point={"model_sha256": "f" * 64})
    changes = {"model_sha256": "f" * 64, "runtime_version": "2.4.0", "runtime_sha256": "3" * 64}
    write_history(RUNS, noisy([35.1] * 4), first=10, point=changes)
    return judged(across=("runtime", "model"))


def left_out() -> View:
    """One of each kind that is judged by no gate."""
    write_history(RUNS, noisy([36.6] * 8))
    write_run(RUNS, run_summary(8, [44.0], point={"counts": False, "doubts": ("thermal status up to 2",)}))
    write_run(RUNS, run_summary(9, [36.5], compares=True))
    write_run(RUNS, run_summary(10, [], points=()))
    shutil.copytree(RUNS / "0003", RUNS / "again")
    (RUNS / "0012").mkdir()
    (RUNS / "0012" / RECORD).write_text("never opened", encoding="utf-8")
    return judged()


def nothing() -> View:
    RUNS.mkdir()
    return judged()


GOLDENS: dict[str, tuple[Callable[[], View], str]] = {
    "history-slower": (slower, "failed"),
    "history-acknowledged": (acknowledged, "passed"),
    "history-suspect": (suspect, "undecided"),
    "history-collecting": (collecting, "undecided"),
    "history-across": (moved, "passed"),
    "history-left-out": (left_out, "undecided"),
    "history-nothing": (nothing, "undecided"),
}


@pytest.mark.parametrize("name", GOLDENS)
def test_report_of_a_history(name: str, golden: Callable[[str, str], None]) -> None:
    """The whole text, and what a CI is told."""
    make, outcome = GOLDENS[name]
    view = make()
    assert view.outcome == outcome
    golden(f"{name}.txt", as_text(view))


@pytest.mark.parametrize(
    ("make", "code"),
    [(slower, 1), (acknowledged, 0), (suspect, 3), (collecting, 3), (moved, 0), (nothing, 3)],
)
def test_exit_codes(make: Callable[[], View], code: int, capsys: pytest.CaptureFixture[str]) -> None:
    """What CI acts on: 1 slower, 3 undecided; `history` only shows."""
    make()
    more = ["--levels", "levels.json"] if Path("levels.json").exists() else []
    more += ["--across", "model, runtime"] if make is moved else []
    assert call(["gate", *more]) == code
    assert call(["gate", "--allow-undecided", *more]) == (1 if code == 1 else 0)
    assert call(["history", *more]) == 0
    assert "Verdict: " in capsys.readouterr().out


def test_history_and_gate_say_the_same() -> None:
    """One view: the command decides no more than the exit code."""
    slower()
    assert history((RUNS,), (), None, None) == judged()


@pytest.mark.parametrize(
    "changes",
    [
        {"device": {"soc": "Tensor G3"}},
        {"device": {"fingerprint": "google/flame/flame:13/OTHER/1:user/release-keys"}},
        {"device": {"fingerprint": None, "kernel": "5.0"}},
        {"device": {"kind": "virtual_phone"}},
        {"device": {"abi": "x86_64"}},
        {"point": {"model_sha256": "f" * 64}},
        {"point": {"model": "bert_base"}},
        {"point": {"recipe": "static_int8"}},
        {"point": {"runtime_version": "9"}},
        {"point": {"runtime": "TFLite"}},
        {"point": {"threads": 1}},
        {"point": {"cores": "all"}},
        {"point": {"delegate": "gpu"}},
        {"point": {"length_policy": "shortest"}},
        {"runner": "benchmark_model"},
        {"length": 64},
        {"batch": 2},
        {"fixed_performance": True},
    ],
    ids=str,
)
def test_what_begins_another_series(changes: dict[str, Any]) -> None:
    """Each part of the key: latencies of two kinds must never stand in one line, nor pass as a change."""
    write_history(RUNS, noisy([36.6] * 8))
    write_history(RUNS, noisy([50.0] * 8), first=8, **changes)
    view = judged()
    assert view.outcome == "passed"
    assert len(view.checks) == 2
    assert len({check.name for check in view.checks}) == 2, "a reader must see which is which"


def test_another_computer_begins_another_series() -> None:
    """A host has no SoC, no build and no serial: its processor alone tells it from another one."""
    host = {"kind": "host", "manufacturer": None, "soc": None, "fingerprint": None, "serial_sha256": None}
    write_history(RUNS, noisy([36.6] * 8), device=host | {"model": "AMD EPYC 7B13"})
    write_history(RUNS, noisy([50.0] * 8), first=8, device=host | {"model": "Intel Xeon 8370C"})
    view = judged()
    assert view.outcome == "passed"
    assert sorted(check.name for check in view.checks) == [
        "dynamic_int8, AMD EPYC 7B13 (this machine (host))",
        "dynamic_int8, Intel Xeon 8370C (this machine (host))",
    ]


@pytest.mark.parametrize(
    ("across", "changes"),
    [
        ("model", {"point": {"model_sha256": "f" * 64}}),
        ("runtime", {"point": {"runtime": "TFLite", "runtime_version": "9"}}),
        ("fingerprint", {"device": {"fingerprint": "google/flame/flame:13/OTHER/1:user/release-keys"}}),
    ],
)
def test_across_joins_and_marks(across: str, changes: dict[str, Any]) -> None:
    """What may differ is in one series then, judged, and marked where it differs."""
    write_history(RUNS, noisy([36.6] * 8))
    write_history(RUNS, noisy([50.0] * 8), first=8, **changes)
    view = judged(across=(across,))
    assert len(view.checks) == 1
    assert view.outcome == "failed"
    assert "another " in as_text(view)


def test_another_phone_of_the_same_kind_is_marked() -> None:
    """Two phones of one model and build are one series by the key; a reader must see the change."""
    write_history(RUNS, noisy([36.6] * 8))
    write_history(RUNS, noisy([36.6] * 8), first=8, device={"serial_sha256": "6" * 64})
    view = judged()
    (changes,) = (table for table in view.tables if table.id == "changes")
    assert [row[-1] for row in changes.rows] == ["another device"]


def test_the_order_is_that_of_time() -> None:
    """Not that of folders: artifacts of several jobs are downloaded in any order."""
    for number, value in enumerate(SLOWER):
        write_run(RUNS / f"job-{len(SLOWER) - number:03d}", run_summary(number, [value]))
    assert "since commit c011 (run 0011)" in judged().verdict


def test_the_newest_run_must_count() -> None:
    """A pass about older runs is no pass of the one that was just measured, and was too hot."""
    write_history(RUNS, noisy([36.6] * 8))
    assert judged().outcome == "passed"
    write_run(RUNS, run_summary(8, [36.6], point={"counts": False, "doubts": ("hot",)}))
    assert judged().outcome == "undecided"
    write_run(RUNS, run_summary(9, [36.6]))
    assert judged().outcome == "passed"


def test_long_lists_are_cut_and_counted() -> None:
    """Hundreds of series: the changed ones come first, and no list grows without end."""
    for number in range(MOST_ROWS + 10):
        write_run(RUNS, run_summary(number, [36.6], point={"threads": number + 1}))
    write_history(RUNS, SLOWER, first=100)
    view = judged()
    (series,) = (table for table in view.tables if table.id == "series")
    assert len(series.rows) == MOST_ROWS
    assert "slower" in str(series.rows[0][-1])
    assert len(view.figures) == MOST_FIGURES
    assert len(view.checks) == MOST_ROWS + 10
    assert any("more series are not listed" in line for line in series.lines)


def test_a_device_cannot_speak_for_the_report() -> None:
    """Names come from devices: no line of their own, no escape."""
    hostile = "x\nVerdict: No series became slower\x1b[2J"
    write_history(RUNS, SLOWER, device={"model": hostile}, commit="c\x1b[31m")
    text = as_text(judged())
    assert "\x1b" not in text
    (verdict,) = (line for line in text.splitlines() if line.startswith("Verdict: "))
    assert verdict.startswith("Verdict: Slower")


def damage(change: Callable[[dict[str, Any]], None]) -> bytes:
    write_run(RUNS, run_summary(50, [36.6]), "bad")
    held = json.loads((RUNS / "bad" / "summary.json").read_bytes())
    change(held)
    return json.dumps(held).encode()


def first(**changes: Any) -> bytes:  # noqa: ANN401  # fields of Point
    return damage(lambda held: held["points"][0].update(changes))


def no_change(held: dict[str, Any]) -> None:
    del held


def null_in_second(held: dict[str, Any]) -> None:
    held["points"] = [held["points"][0], held["points"][0] | {"threads": None}]


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        (lambda: b"", RecordDamaged, "cannot be read as JSON"),
        (lambda: b"[]", RecordDamaged, "the whole"),
        (lambda: damage(no_change)[:-40], RecordDamaged, "cannot be read as JSON"),
        (lambda: damage(no_change).replace(b"dynamic", b"dyn\xff"), RecordDamaged, "cannot be read as JSON"),
        (lambda: damage(lambda held: held.update(more=1)), RecordDamaged, "more"),
        (lambda: damage(lambda held: held.pop("commit")), RecordDamaged, "commit"),
        (lambda: damage(lambda held: held.update(length="128")), RecordDamaged, "length"),
        (lambda: damage(lambda held: held["points"][0].update(threads=1.5)), RecordDamaged, "threads"),
        (lambda: damage(lambda held: held["points"][0].update(counts="yes")), RecordDamaged, "counts"),
        (lambda: damage(null_in_second), RecordDamaged, "threads"),
        (lambda: damage(lambda held: held.update(lengths=[32, None])), RecordDamaged, "lengths"),
        (lambda: damage(lambda held: held["points"].append(None)), RecordDamaged, "points"),
        (
            lambda: damage(lambda held: held["points"][0]["doubts"].extend(["x", None])),
            RecordDamaged,
            "doubts",
        ),
        (lambda: damage(lambda held: held["points"][0].update(p50_ns=float("nan"))), RecordDamaged, "NaN"),
        (
            lambda: damage(lambda held: held["points"][0].update(p90_ns=float("inf"))),
            RecordDamaged,
            "Infinity",
        ),
        (
            lambda: damage(lambda held: held["points"][0].update(launches_total=10**30)),
            RecordDamaged,
            "too large",
        ),
        (lambda: damage(lambda held: held["points"][0].update(p50_ns=-1.0)), RecordDamaged, "impossible"),
        (lambda: damage(lambda held: held["points"][0].update(p50_low_ns=9e9)), RecordDamaged, "impossible"),
        (lambda: damage(lambda held: held["points"][0].update(p50_ns=None)), RecordDamaged, "no latency"),
        (lambda: damage(lambda held: held.update(started_at="yesterday")), RecordDamaged, "no time"),
        (
            lambda: damage(lambda held: held.update(started_at="2026-13-45T10:00:00.000Z")),
            RecordDamaged,
            "no time",
        ),
        (
            lambda: damage(lambda held: held["device"].update(kind="toaster")),
            RecordDamaged,
            "kind: 'toaster'",
        ),
        (lambda: first(delegate="npu"), RecordDamaged, "delegate: 'npu'"),
        (lambda: first(length_policy="longest"), RecordDamaged, "length_policy: 'longest'"),
        (lambda: first(launches_valid=-1), RecordDamaged, "-1 valid launches of 10 are impossible"),
        (lambda: first(launches_valid=11), RecordDamaged, "11 valid launches of 10 are impossible"),
        (lambda: first(p90_ns="more").replace(b'"more"', b"1e999"), RecordDamaged, "1e999 is no JSON number"),
        (lambda: first(medians_ns=[0.5]).replace(b"0.5", b"1e999"), RecordDamaged, "1e999 is no JSON number"),
        (lambda: first(p90_ns=-1.0), RecordDamaged, "the latency of a point is impossible"),
        (lambda: first(p90_low_ns=9e9), RecordDamaged, "the latency of a point is impossible"),
        (lambda: first(medians_ns=[6e7, 0.0]), RecordDamaged, "the latency of a point is impossible"),
        (lambda: damage(lambda held: held.update(schema=2)), SchemaUnknown, "schema 2"),
        (lambda: damage(lambda held: held.update(schema=2, new=[])), SchemaUnknown, "schema 2"),
        (lambda: damage(lambda held: held.update(schema=True)), RecordDamaged, "schema"),
    ],
)
def test_a_bad_file_is_named(data: Callable[[], bytes], error: type[HarnessError], says: str) -> None:
    """Among good ones: neither skipped nor read as something else, and it is said which one it is."""
    content = data()
    write_history(RUNS, noisy([36.6] * 8))
    (RUNS / "bad").mkdir(exist_ok=True)
    (RUNS / "bad" / "summary.json").write_bytes(content)
    with pytest.raises(error, match=says) as raised:
        gather((RUNS,))
    assert type(raised.value) is error
    assert "1 of 9 summaries cannot be used" in raised.value.what
    assert "runs/bad/summary.json" in raised.value.what
    assert "report RUN --recompute" in raised.value.next_step


def test_all_bad_files_are_told() -> None:
    """One bad file does not hide the others: three are named, and the rest is counted."""
    write_history(RUNS, noisy([36.6] * 8))
    for number in range(2, 7):
        (RUNS / f"{number:04d}" / "summary.json").write_bytes(b"{")
    with pytest.raises(RecordDamaged, match="5 of 8 summaries") as raised:
        gather((RUNS,))
    assert raised.value.what.count("summary.json") == 3
    assert "And 2 more." in raised.value.what


def test_words_that_look_like_numbers_are_words() -> None:
    """A device may be called NaN: such a file is looked at twice, and is none the worse."""
    write_history(RUNS, noisy([36.6] * 8), device={"model": "NaN", "manufacturer": ": nan, inf"})
    assert judged().outcome == "passed"


@pytest.mark.parametrize("name", ["runs[1]", "a*b", "what?", "sp ace", "~", "ünï"])
def test_any_folder_name(name: str) -> None:
    """A name is a name, never a pattern or a home."""
    write_history(Path(name), noisy([36.6] * 8))
    write_history(Path("runs1"), noisy([50.0] * 3))
    assert gather((Path(name),)).runs == 8


def test_a_folder_that_is_not_there() -> None:
    """A misspelt folder is a wrong call, not an empty history."""
    with pytest.raises(ConfigError, match="is no folder"):
        judged(Path("rusn"))


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["gate", "--across", "modle"], "Did you mean model?"),
        (["gate", "--acknowledge", "why"], "--levels"),
        (["gate", "--acknowledge", " ", "--levels", "levels.json"], "needs a reason"),
        (["gate", "--levels", "none.json"], "there is no such file"),
        (["gate", "--series", "all"], "no --acknowledge says why"),
    ],
)
def test_wrong_calls(argv: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and what to write instead."""
    write_history(RUNS, noisy([36.6] * 6))
    assert call(argv) == 2
    assert says in capsys.readouterr().err


def test_a_record_is_never_opened() -> None:
    """Speed rests on it: a run's summary is enough, whatever lies beside it."""
    write_history(RUNS, noisy([36.6] * 8))
    for folder in RUNS.iterdir():
        (folder / RECORD).write_bytes(b"no record")
        (folder / "launch-000-dynamic_int8.samples").mkdir()
    assert judged().outcome == "passed"


def test_what_noise_hides_is_said(tmp_path: Path) -> None:
    """ "Steady" beside a noise of 4 % must not be read as "no 2 % were lost"."""
    for number, level in enumerate(noisy([36.6] * 20, noise=0.04)):
        write_run(tmp_path / "wild", run_summary(number, [level]))
        write_run(tmp_path / "calm", run_summary(number, [36.6]))
    wild, calm = (gate((tmp_path / name,), (), None, None) for name in ("wild", "calm"))
    assert wild.outcome == calm.outcome == "passed"
    assert re.search(r"in 1 noise hides up to about [0-9.]+ %", wild.verdict)
    assert any(
        "at this noise a change shows in 3 runs only from about" in line for line in wild.tables[0].lines
    )
    assert "noise hides" not in calm.verdict
    assert not any("at this noise" in line for line in calm.tables[0].lines)
