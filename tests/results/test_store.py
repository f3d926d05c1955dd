"""The run folder: written whole or not at all, and read back only as it was written."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from results.encode import encode
from results.errors import RecordDamaged, RecordNotSaved, ReportMissing, SchemaUnknown
from results.recompute import conclude, recompute
from results.store import RECORD_LIMIT_BYTES, RunStore
from tests.results.make_device import interruption, left_changed, repeat, told
from tests.results.make_run import HOST, UNKNOWN, Run, make_run
from tests.results.test_verdict import verdict_of


@pytest.fixture
def run() -> Run:
    return make_run(recipes=("dynamic_int8", "float32"))


@pytest.fixture
def store(tmp_path: Path, run: Run) -> RunStore:
    made = RunStore.create(tmp_path / "runs")
    run.save(made)
    return made


def edit(store: RunStore, old: str, new: str) -> None:
    path = store.folder / "record.json"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_record_comes_back_equal(store: RunStore, run: Run) -> None:
    """Every field, tuple and core number survives the file."""
    assert store.load() == run.record


def test_a_growing_record_is_saved_at_every_step(tmp_path: Path) -> None:
    """After each step record.json is whole, from settings alone to the last launch."""
    run, made = make_run(), RunStore.create(tmp_path)
    for record in (
        dataclasses.replace(
            run.record,
            ended_at=None,
            artifacts=(),
            pairs=None,
            device=None,
            program=None,
            parities=(),
            launches=(),
            accuracies=(),
        ),
        dataclasses.replace(run.record, ended_at=None, launches=(), accuracies=()),
        run.record,
    ):
        made.save(record)
        assert made.load() == record


def test_host_fields_that_are_none_stay_none(tmp_path: Path) -> None:
    """What a device does not say is null in the file, never 0."""
    made = RunStore.create(tmp_path)
    run = make_run(device=HOST, conditions=UNKNOWN)
    run.save(made)
    assert made.load() == run.record
    assert '"thermal_status": null' in (made.folder / "record.json").read_text()


def test_two_recipes_of_ten_launches_fit(tmp_path: Path) -> None:
    """A record stays small, so that histories of thousands read fast."""
    made = RunStore.create(tmp_path)
    make_run(recipes=("dynamic_int8", "float32")).save(made)
    size = (made.folder / "record.json").stat().st_size
    assert 20_000 < size <= RECORD_LIMIT_BYTES
    assert not list(made.folder.glob("launches-*"))


def test_a_phone_that_tells_everything_and_goes_away_often_fits(tmp_path: Path) -> None:
    """Clocks, cooling and repeats of 30 launches, and 30 interruptions: small, and nothing is lost."""
    run = told(make_run(recipes=("dynamic_int8", "dynamic_int8_per_tensor", "float32")))
    for index in range(10):
        run = repeat(run, index, 61.5)
    hits = tuple(interruption(order=order, what="went away. " * 30) for order in range(30))
    run = run.change(interruptions=hits, changes=(left_changed(restored=True),))
    made = RunStore.create(tmp_path)
    assert grow(made, run, step=4) <= RECORD_LIMIT_BYTES
    assert RunStore.open(made.folder).load() == run.record


def grow(store: RunStore, run: Run, step: int) -> int:
    """Save the run as its launches come in, `step` at a time; the largest record.json on the way, bytes."""
    sizes = []
    for count in (*range(0, len(run.record.launches), step), len(run.record.launches)):
        record = dataclasses.replace(run.record, launches=run.record.launches[:count])
        store.save(record)
        assert store.load() == record
        sizes.append((store.folder / "record.json").stat().st_size)
    return max(sizes)


def test_a_thousand_launches_fit(tmp_path: Path) -> None:
    """As many launches as the command line allows: record.json stays small, and nothing of them is lost."""
    made = RunStore.create(tmp_path)
    run = make_run(launches=1000, inferences=1, accuracy=None)
    assert grow(made, run, step=200) <= RECORD_LIMIT_BYTES
    assert len(json.loads((made.folder / "record.json").read_text())["launch_files"]) == 5
    assert RunStore.open(made.folder).load() == run.record


@pytest.fixture
def filed(tmp_path: Path) -> tuple[RunStore, Run]:
    made, run = RunStore.create(tmp_path / "filed"), make_run(launches=130, inferences=40)
    for name, data in run.raw.items():
        (made.folder / name).write_bytes(data)
    assert grow(made, run, step=10) <= RECORD_LIMIT_BYTES
    return made, run


def test_filed_launches_are_judged_as_held_ones(filed: tuple[RunStore, Run]) -> None:
    """Where a launch is kept changes neither its order nor the verdict's bytes."""
    store, run = filed
    # As many files as the size of a launch asks for, and the last launches still in record.json.
    assert len(list(store.folder.glob("launches-*.json"))) > 1
    assert 0 < len(json.loads((store.folder / "record.json").read_text())["launches"]) < 65
    conclude(store)
    written = (store.folder / "verdict.json").read_bytes()
    assert written == encode(verdict_of(run)) == recompute(store.folder)


def test_an_opened_run_goes_on_where_it_was(filed: tuple[RunStore, Run]) -> None:
    """Another process that saves must not file the same launches again, over the first file."""
    store, run = filed
    before = [path.read_bytes() for path in sorted(store.folder.glob("launches-*.json"))]
    record = dataclasses.replace(run.record, ended_at=None)
    RunStore.open(store.folder).save(record)
    assert store.load() == record
    assert [path.read_bytes() for path in sorted(store.folder.glob("launches-*.json"))] == before


def test_a_changed_launches_file_is_noticed(filed: tuple[RunStore, Run]) -> None:
    """A launch made valid by hand would move the verdict."""
    store, _ = filed
    path = store.folder / "launches-001.json"
    path.write_bytes(path.read_bytes().replace(b'"threads": 4', b'"threads": 5', 1))
    with pytest.raises(RecordDamaged, match=r"launches-001\.json: is not the file that was recorded"):
        store.load()


def test_a_launches_file_that_was_not_named_yet_does_no_harm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up between the launches file and record.json: the last record is still whole."""
    made, run = RunStore.create(tmp_path), make_run(launches=100, inferences=1, accuracy=None)
    first = dataclasses.replace(run.record, launches=run.record.launches[:10])
    made.save(first)
    write = RunStore._write

    def full(self: RunStore, name: str, data: bytes) -> None:
        if name == "record.json":
            raise RecordNotSaved("no space", next_step="make room")
        write(self, name, data)

    monkeypatch.setattr(RunStore, "_write", full)
    with pytest.raises(RecordNotSaved):
        made.save(run.record)
    assert (made.folder / "launches-000.json").is_file()
    assert RunStore.open(made.folder).load() == first
    monkeypatch.undo()
    made.save(run.record)
    assert made.load() == run.record


def test_folders_are_numbered_onward(tmp_path: Path) -> None:
    """A deleted run's number is not reused while a later one is there."""
    (tmp_path / "0007").mkdir()
    (tmp_path / "notes").mkdir()
    assert RunStore.create(tmp_path).run_id == "0008"
    assert RunStore.create(tmp_path).run_id == "0009"


def test_no_two_runs_get_the_same_folder(tmp_path: Path) -> None:
    """Two benchmarks started at once must not write into one another."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: RunStore.create(tmp_path).run_id, range(40)))
    assert len(set(made)) == 40


def test_a_full_disk_leaves_the_last_record(
    store: RunStore, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was measured before the disk filled up must still be readable after."""

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("results.whole_file.os.fsync", full)
    with pytest.raises(RecordNotSaved) as caught:
        store.save(dataclasses.replace(run.record, run_id="9999"))
    assert "No space left on device. What was there before is intact." in caught.value.what
    assert store.load() == run.record
    assert not list(store.folder.glob("*.part"))


def test_a_root_that_is_a_file_is_refused(tmp_path: Path) -> None:
    """--output onto a file: one clear error, nothing overwritten."""
    (tmp_path / "runs").write_text("mine")
    with pytest.raises(RecordNotSaved):
        RunStore.create(tmp_path / "runs")
    assert (tmp_path / "runs").read_text() == "mine"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"length": 128', '"length": "128"', "length"),
        ('"length": 128', '"length": 128.5', "length"),
        ('"length": 128', '"length": NaN', "NaN is no JSON number"),
        ('"cool_down_s": 0.0', '"cool_down_s": 1e999', "1e999 is no JSON number"),
        ('"length": 128', '"length": 128, "width": 1', "width"),
        ('"threads": 4,', "", "threads"),
        ('"kind": "phone"', '"kind": "tablet"', "device"),
        ('"parities": [', '"parities": [{}, ', "parities.0"),
        ('"ended_at": "2026', '"ended": "2026', "ended"),
        ("{", "", "cannot be read as JSON"),
        ('"schema": 3', '"schema": "3"', "schema"),
    ],
)
def test_a_damaged_record_is_refused_by_field(store: RunStore, old: str, new: str, message: str) -> None:
    """A verdict is never computed from a record that was edited or half copied."""
    edit(store, old, new)
    with pytest.raises(RecordDamaged, match=message):
        store.load()


def test_another_schema_is_named(store: RunStore) -> None:
    """A record of a later version is not damaged, and the message must not say so."""
    edit(store, '"schema": 3', '"schema": 4')
    with pytest.raises(
        SchemaUnknown, match="by a later version: it has schema 4, and this version reads schema 3"
    ):
        store.load()


def test_nothing_unfit_is_ever_written(store: RunStore, run: Run) -> None:
    """NaN, infinity or a wrong type in memory must not reach the disk."""
    parity = dataclasses.replace(run.record.parities[0], difference=float("inf"))
    with pytest.raises(RecordDamaged, match="not finite"):
        store.save(dataclasses.replace(run.record, parities=(parity,)))
    wrong = dataclasses.replace(run.record, run_id=7)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(RecordDamaged, match="run_id"):
        store.save(wrong)
    assert store.load() == run.record


def test_a_changed_raw_file_is_noticed(store: RunStore, run: Run) -> None:
    """One digit of one sample: the numbers would still be numbers."""
    path = store.folder / run.record.launches[3].samples_file
    path.write_bytes(path.read_bytes().replace(b" 7\n", b" 6\n", 1))
    with pytest.raises(RecordDamaged, match=f"{path.name}: is not the file that was recorded"):
        store.load_samples(run.record)


def test_a_missing_raw_file_is_named(store: RunStore, run: Run) -> None:
    """A run folder copied without its raw files is no run folder."""
    (store.folder / "predictions-float32.csv").unlink()
    with pytest.raises(RecordDamaged, match=r"predictions-float32\.csv: cannot be read: No such file"):
        store.load_predictions(run.record)


def test_raw_names_stay_inside_the_folder(store: RunStore) -> None:
    """A name with .. would write anywhere."""
    for name in ("../x", "/x", "", "a/../../x"):
        with pytest.raises(ValueError, match="not a name inside"):
            store.add_raw(name, b"")


def test_open_refuses_a_folder_without_a_record(tmp_path: Path) -> None:
    """`report` on a wrong folder says what is missing."""
    with pytest.raises(RecordDamaged, match="this is no run folder"):
        RunStore.open(tmp_path)


@pytest.mark.parametrize(
    ("ended_at", "why"),
    [(None, "the run did not end"), ("2026-11-22T10:20:00.000Z", "report.txt is missing")],
)
def test_a_run_without_a_report_says_how_to_get_one(
    store: RunStore, run: Run, ended_at: str | None, why: str
) -> None:
    """An interrupted run is not damaged: the command that its error names judges what it has."""
    store.save(run.change(ended_at=ended_at).record)
    with pytest.raises(ReportMissing) as caught:
        store.report()
    assert caught.value.what == f"{store.folder} has no report: {why}."
    assert caught.value.next_step.endswith(f": mobilebert-bench report {store.folder} --recompute")
    text = conclude(store).report
    assert store.report() == text


def test_a_damaged_record_without_a_report_is_damaged(store: RunStore) -> None:
    """--recompute would only fail again, so that it is no advice."""
    edit(store, "{", "")
    with pytest.raises(RecordDamaged, match="cannot be read as JSON"):
        store.report()


def test_recompute_gives_the_same_bytes(store: RunStore) -> None:
    """The verdict depends on the run folder alone: not on the clock, the path or the run before."""
    made = conclude(store)
    written = (store.folder / "verdict.json").read_bytes()
    assert written == recompute(store.folder)
    assert (store.folder / "report.txt").read_text() == made.report == store.report()
    by_sequence = {path.name: path.read_bytes() for path in store.folder.glob("sequences-*.csv")}
    assert sorted(by_sequence) == ["sequences-dynamic_int8.csv", "sequences-float32.csv"]
    for name in by_sequence:
        (store.folder / name).unlink()
    assert conclude(store) == made
    assert (store.folder / "verdict.json").read_bytes() == written
    assert {path.name: path.read_bytes() for path in store.folder.glob("sequences-*.csv")} == by_sequence
    moved = store.folder.rename(store.folder.with_name("copy"))
    assert recompute(moved) == written
    assert json.loads(written)["verdict"]["status"] == "reproduced"
