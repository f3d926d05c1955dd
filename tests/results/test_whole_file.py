"""Files that are written whole or not at all."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from results.whole_file import write_whole


def test_a_disk_without_room_leaves_what_was(tmp_path: Path) -> None:
    """A file's largest size stands in for a full disk: the write fails in the middle."""
    path = tmp_path / "report.xml"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_whole(path, b"x" * 8192)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["report.xml"]
    write_whole(path, b"x" * 8192)
    assert path.read_bytes() == b"x" * 8192


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """A misspelt folder is a mistake, not a wish."""
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "report.xml", b"x")
    assert list(tmp_path.iterdir()) == []
