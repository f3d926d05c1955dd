"""HostLink: this machine through the interface of a device."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from android_runner.link import HostLink, push_error
from results.errors import (
    NoSpaceOnDevice,
    OutputUnreadable,
    PushFailed,
    RecordNotSaved,
    RunTimedOut,
    TargetNotWritable,
)


def test_exit_code_and_streams_are_kept_apart() -> None:
    """A program's words on stderr must not be taken for its samples."""
    done = HostLink().run("echo out; echo err >&2; exit 7", timeout_s=5)
    assert (done.exit_code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_killed_command_gives_137() -> None:
    """Out of memory looks like this, and is named by that number on devices too."""
    assert HostLink().run("kill -KILL $$", timeout_s=5).exit_code == 137


def test_deadline_ends_the_command_with_its_children(tmp_path: Path) -> None:
    """A child that goes on running would disturb the next measurement."""
    child = tmp_path / "child"
    with pytest.raises(RunTimedOut):
        HostLink().run(f"sleep 60 & echo $! > {child}; wait", timeout_s=0.2)
    state = Path(f"/proc/{child.read_text().strip()}/stat")
    deadline = time.monotonic() + 5
    while state.exists() and ") Z " not in state.read_text():  # a dead one may wait for its reaper
        assert time.monotonic() < deadline, "the child goes on running"


def test_stdin_is_empty() -> None:
    """A program that reads stdin must not wait for a user."""
    assert HostLink().run("cat", timeout_s=5).stdout == b""


def test_push_replaces_and_sets_the_mode(tmp_path: Path) -> None:
    """The program must be executable there, whatever its mode is here."""
    source, target = tmp_path / "a", tmp_path / "folder" / "b"
    source.write_bytes(b"new")
    HostLink().push(source, str(target), mode=0o755, timeout_s=5)
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o755


def test_pull_of_a_missing_file_is_unreadable_output(tmp_path: Path) -> None:
    """The program ended well and wrote nothing: one clear class, as over ADB."""
    with pytest.raises(OutputUnreadable, match="No such file"):
        HostLink().pull(str(tmp_path / "none"), tmp_path / "here", timeout_s=5)


def test_pull_to_a_disk_that_is_full_here(tmp_path: Path) -> None:
    """Nothing is wrong with the device then, and another run on it would fail in the same way."""
    remote, local = tmp_path / "samples", tmp_path / "here" / "samples"
    remote.write_bytes(bytes(4096))
    local.parent.mkdir()
    local.write_bytes(b"of an earlier launch")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, before[1]))  # a disk that takes 1 KiB of it
    try:
        with pytest.raises(RecordNotSaved, match=r"here/samples could not be written on this machine"):
            HostLink().pull(str(remote), local, timeout_s=5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.read_bytes() for path in local.parent.iterdir()] == [b"of an earlier launch"]


def test_push_below_a_file_is_refused(tmp_path: Path) -> None:
    """A wrong work folder is an error with a name, not a traceback."""
    source = tmp_path / "a"
    source.write_bytes(b"x")
    with pytest.raises(PushFailed, match="could not be written"):
        HostLink().push(source, f"{source}/b", mode=0o644, timeout_s=5)


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("write failed: No space left on device", NoSpaceOnDevice),
        ("couldn't create file: Read-only file system", TargetNotWritable),
        ("couldn't create file: Permission denied", TargetNotWritable),
        ("couldn't create file: Is a directory", PushFailed),
    ],
)
def test_reasons_of_failed_pushes(reason: str, kind: type[PushFailed]) -> None:
    """Each reason has another remedy; the texts are adbd's own."""
    error = push_error("tcp:phone:5555", "/data/x", reason)
    assert type(error) is kind
    assert reason in error.what
