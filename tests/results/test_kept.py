"""Recorded runs that are kept as they were written: read as what they are, or refused as another version's.

A folder of tests/results/kept is never written anew; a new SCHEMA gets folders of its own, made by
`python -m tests.results.keep_runs`. `schema-1` was written before there was `ab`,
`schema-2` before there were workers.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from results.decode import decode_launches
from results.encode import encode
from results.errors import SchemaUnknown
from results.recompute import conclude, recompute
from results.record import SCHEMA
from results.store import RunStore
from tests.results.keep_runs import KEPT, runs

OF_THIS_SCHEMA = sorted(KEPT.glob(f"schema-{SCHEMA}*"))
OLDER = sorted(set(KEPT.iterdir()) - set(OF_THIS_SCHEMA))
IS_OLDER = rf"was written by an earlier version: it has schema 1, and this version reads schema {SCHEMA}\."


@pytest.fixture
def older(tmp_path: Path) -> RunStore:
    return RunStore.open(Path(shutil.copytree(KEPT / "schema-1", tmp_path / "0001")))


def test_runs_of_both_kinds_are_kept() -> None:
    """A new number without runs of its own, or with the older ones gone, would leave nothing to look at."""
    assert [path.name for path in OF_THIS_SCHEMA] == sorted(f"schema-{SCHEMA}{name}" for name in runs())
    names = ["schema-1", "schema-2", "schema-2-ab", "schema-2-benchmark-model"]
    assert [path.name for path in OLDER] == names


@pytest.mark.parametrize("kept", OLDER, ids=lambda path: path.name)
def test_a_run_of_an_older_schema_is_named_by_its_number(kept: Path) -> None:
    """Each older number, not only the first."""
    number = kept.name.split("-")[1]
    with pytest.raises(SchemaUnknown, match=f"has schema {number}, and this version reads schema {SCHEMA}"):
        RunStore.open(kept).load()


@pytest.mark.parametrize("kept", OF_THIS_SCHEMA, ids=lambda path: path.name)
def test_a_run_of_this_schema_is_read_for_ever(kept: Path, tmp_path: Path) -> None:
    """Fails where a dataclass of the record changed and SCHEMA did not: such runs would be called damaged."""
    store = RunStore.open(Path(shutil.copytree(kept, tmp_path / "0001")))
    record = store.load()
    held = json.loads((kept / "record.json").read_bytes())
    filed = [
        one
        for file in held["launch_files"]
        for one in json.loads((kept / file["file"]).read_bytes())["launches"]
    ]
    assert json.loads(encode(record)) == held | {"launches": filed + held["launches"], "launch_files": []}
    assert filed
    assert held["launches"]
    assert conclude(store).report == store.report()


def test_an_older_run_is_another_versions(older: RunStore) -> None:
    """It is neither damaged nor half read; what still can be had of it is said."""
    for read in (older.load, lambda: conclude(older), lambda: recompute(older.folder)):
        with pytest.raises(SchemaUnknown, match=rf"record\.json {IS_OLDER}") as caught:
            read()
        assert caught.value.next_step == (
            f"Its report.txt still reads: mobilebert-bench report {older.folder}. To judge it, use the "
            "version that wrote it, or run again."
        )
    assert older.report() == (KEPT / "schema-1" / "report.txt").read_text()


def test_an_older_run_without_a_report_has_no_such_hint(older: RunStore) -> None:
    """It did not end: `report` would only come to the same error."""
    (older.folder / "report.txt").unlink()
    for read in (older.report, older.load):
        with pytest.raises(SchemaUnknown, match=IS_OLDER) as caught:
            read()
        assert caught.value.next_step == "To judge it, use the version that wrote it, or run again."


def test_an_older_run_is_not_written_into(older: RunStore) -> None:
    """A save would mix two schemas in one folder."""
    before = {path: path.read_bytes() for path in older.folder.iterdir()}
    with pytest.raises(SchemaUnknown):
        older.save(RunStore.open(OF_THIS_SCHEMA[0]).load())
    assert {path: path.read_bytes() for path in older.folder.iterdir()} == before


def test_an_older_launches_file_is_another_versions(tmp_path: Path) -> None:
    """Those of schema 1 name no number; that alone makes none damaged."""
    data = (KEPT / "schema-1" / "launches-000.json").read_bytes()
    with pytest.raises(SchemaUnknown, match=rf"launches-000\.json {IS_OLDER}"):
        decode_launches(data, "launches-000.json")
    store = RunStore.open(Path(shutil.copytree(OF_THIS_SCHEMA[0], tmp_path / "0001")))
    record, file = store.folder / "record.json", store.folder / "launches-000.json"
    now, then = (hashlib.sha256(one).hexdigest() for one in (file.read_bytes(), data))
    record.write_text(record.read_text().replace(now, then))
    file.write_bytes(data)
    with pytest.raises(SchemaUnknown, match=rf"launches-000\.json {IS_OLDER}"):
        store.load()
