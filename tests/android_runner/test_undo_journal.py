"""Whose journal a file is: no run may undo, or forget, what a living one has changed on another device."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.process import started
from android_runner.switches import STAY_ON
from android_runner.undo_journal import UndoJournal
from results.device import DeviceKind, StateChange
from tests.results.make_run import make_run

pytestmark = pytest.mark.usefixtures("journals")
LINK, OTHER_LINK = AdbTcpLink("127.0.0.1", 5555), AdbTcpLink("127.0.0.1", 5556)
_SOME = make_run().record.device
assert _SOME is not None
PHONE = dataclasses.replace(_SOME, kind="phone", serial_sha256="a" * 64)
CHANGES = (StateChange(name=STAY_ON.name, before="0", during="7"),)


def _written_by(journal: UndoJournal, *, pid: int, began: int | None) -> None:
    tree = json.loads(journal.path.read_text(encoding="utf-8"))
    tree["owner"] = {"pid": pid, "started": began}
    journal.path.write_text(json.dumps(tree), encoding="utf-8")


@pytest.mark.parametrize("kind", ["emulator", "virtual_phone"])
def test_emulators_of_one_serial_have_journals_of_their_own(kind: DeviceKind) -> None:
    """Every virtual phone of one model has the same serial number."""
    device = dataclasses.replace(PHONE, kind=kind)
    UndoJournal(LINK, device).write(CHANGES)
    assert UndoJournal.left_over(OTHER_LINK, device) == ()
    assert len(UndoJournal.left_over(LINK, device)) == 1


def test_phone_is_known_again_at_another_address() -> None:
    """Its cable was pulled in a run, and now it comes over Wi-Fi."""
    UndoJournal(LINK, PHONE).write(CHANGES)
    (left,) = UndoJournal.left_over(OTHER_LINK, PHONE)
    assert left.read() == CHANGES


def test_living_runs_journal_is_left_alone() -> None:
    """Some makers give every phone the same serial number: the other one is being measured at this moment."""
    journal = UndoJournal(LINK, PHONE)
    journal.write(CHANGES)
    began = started(os.getppid())
    assert began is not None
    _written_by(journal, pid=os.getppid(), began=began)
    assert UndoJournal.left_over(OTHER_LINK, PHONE) == ()
    UndoJournal(OTHER_LINK, PHONE).write(CHANGES)
    assert not journal.is_taken_over()
    _written_by(journal, pid=os.getppid(), began=began - 1)  # ended; its number is another process's now
    assert journal.path in [left.path for left in UndoJournal.left_over(LINK, PHONE)]


def test_newest_is_undone_first() -> None:
    """What an earlier run has changed is below what a later one has."""
    journals = [UndoJournal(LINK, PHONE) for _ in range(3)]
    for at_ns, journal in enumerate(journals, start=1):
        journal.write(CHANGES)
        os.utime(journal.path, ns=(at_ns, at_ns))
    found = [left.path for left in UndoJournal.left_over(LINK, PHONE)]
    assert found == [journal.path for journal in reversed(journals)]


def test_nothing_is_left_in_the_folder(journals: Path) -> None:
    """A run that put everything back leaves no file, however it was written."""
    journal = UndoJournal(LINK, PHONE)
    journal.write(CHANGES)
    journal.write(())
    assert journal.is_taken_over()
    assert list(journals.iterdir()) == []
