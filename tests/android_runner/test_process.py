"""A process number is given again, so it takes more than the number to know a process."""

from __future__ import annotations

import os
import subprocess

import pytest

from android_runner import process


def test_this_process_lives_and_began_once() -> None:
    """What an owner writes down of itself must be what others then find."""
    began = process.started(os.getpid())
    assert began is not None
    assert process.alive(os.getpid(), began)
    assert not process.alive(os.getpid(), began + 1)  # the number of another one, before
    assert process.alive(os.getpid(), None)


def test_ended_process_is_dead_before_its_parent_looks() -> None:
    """A zombie answers to signals, and does nothing more."""
    with subprocess.Popen(["true"]) as ended:
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert process.started(ended.pid) is None
        assert not process.alive(ended.pid, None)
    assert not process.alive(ended.pid, None)


@pytest.mark.parametrize("pid", [0, -1, 10**30])
def test_what_is_no_process_is_dead(pid: int) -> None:
    """Numbers from a damaged file: 0 and -1 mean many processes to the kernel."""
    assert not process.alive(pid, None)


def test_without_proc_the_number_has_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS: better a dead one taken for living than a living one's work undone."""
    monkeypatch.setattr(process, "_fields", lambda pid: None)
    assert process.started(os.getpid()) is None
    assert process.alive(os.getpid(), 7)
