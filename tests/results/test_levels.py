"""The file of acknowledged levels: written whole, read strictly."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from results.errors import ConfigError, HarnessError, OutputNotWritten, RecordDamaged, SchemaUnknown
from results.history.levels import read_levels, write_levels
from results.history.levels_file import AcknowledgedLevel

LEVEL = AcknowledgedLevel(
    key="8cce83f94dd740c9",
    label="dynamic_int8, Google Pixel 4",
    level_ns=38736152.9,
    since_run="0011",
    since_started_at="2026-11-11T10:00:00.000Z",
    commit="abc",
    reason="wider heads",
    acknowledged_at="2026-11-14T10:00:00.000Z",
)
OTHER = dataclasses.replace(LEVEL, key="0000000000000000", label="a first one", commit=None)


def test_written_and_read(tmp_path: Path) -> None:
    """One order, whatever order they come in, so that a repository's diff shows what changed."""
    one, two = tmp_path / "one.json", tmp_path / "two.json"
    write_levels(one, [LEVEL, OTHER])
    write_levels(two, [OTHER, LEVEL])
    assert one.read_bytes() == two.read_bytes()
    assert read_levels(one) == {LEVEL.key: LEVEL, OTHER.key: OTHER}
    assert [path.name for path in tmp_path.iterdir()] in (["one.json", "two.json"], ["two.json", "one.json"])


def test_not_written_leaves_what_was(tmp_path: Path) -> None:
    """A folder that is not there is said, and nothing is left behind."""
    with pytest.raises(OutputNotWritten, match="could not be written"):
        write_levels(tmp_path / "none" / "levels.json", [LEVEL])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"schema": 2}, SchemaUnknown, "schema 2"),
        ({"more": 1}, RecordDamaged, "more"),
        ({"levels": None}, RecordDamaged, "levels"),
        ({"levels": [{"key": "x"}]}, RecordDamaged, "levels.0"),
        ({"levels": [dataclasses.asdict(LEVEL) | {"why": "x"}]}, RecordDamaged, "why"),
        ({"levels": [dataclasses.asdict(LEVEL)] * 2}, RecordDamaged, "two levels of one series"),
        ({"levels": [dataclasses.asdict(LEVEL) | {"level_ns": -1.0}]}, RecordDamaged, "a level of -1 ns"),
        ({"levels": [dataclasses.asdict(LEVEL) | {"level_ns": float("nan")}]}, RecordDamaged, "NaN"),
        ({"levels": [dataclasses.asdict(LEVEL) | {"since_started_at": "later"}]}, RecordDamaged, "no time"),
    ],
)
def test_another_file_is_refused(
    tmp_path: Path, change: dict[str, Any], error: type[HarnessError], says: str
) -> None:
    """A file that people edit: a slip must be said, not read as no level."""
    path = tmp_path / "levels.json"
    path.write_text(json.dumps({"schema": 1, "levels": []} | change), encoding="utf-8")
    with pytest.raises(error, match=says) as raised:
        read_levels(path)
    assert "acknowledge" in raised.value.next_step


@pytest.mark.parametrize("text", ["", "{", "[]", "levels: []"])
def test_no_json_is_refused(tmp_path: Path, text: str) -> None:
    """An empty file is no file without levels."""
    path = tmp_path / "levels.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RecordDamaged):
        read_levels(path)


def test_no_file_is_said(tmp_path: Path) -> None:
    """A misspelt name would otherwise bring every accepted change back."""
    with pytest.raises(ConfigError, match="there is no such file"):
        read_levels(tmp_path / "levles.json")
