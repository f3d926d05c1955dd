"""What others do to a phone meanwhile: people, other runs, other machines. Theirs is not ours to undo."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.probe import probe
from android_runner.state_guard import changed, restore_left_over
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import pixel8
from results.device import Device
from results.errors import DeviceLost

pytestmark = [pytest.mark.adbd, pytest.mark.usefixtures("journals")]
LinkTo = Callable[..., AdbTcpLink]
STAYS = "settings get global stay_on_while_plugged_in"


def _say(link: AdbTcpLink, command: str) -> str:
    return link.run(command, timeout_s=5).text.strip()


def test_another_phone_at_that_address_is_left_alone(
    phone: VirtualPhone, adb: AdbTcpLink, device: Device
) -> None:
    """An address goes to whoever comes next; its owner set the same value, and for good."""
    guard = changed(adb, device, ("awake",))
    settings = {"global/stay_on_while_plugged_in": "7"}
    other = VirtualPhone(dataclasses.replace(pixel8(), settings=settings), port=phone.port)
    with guard, contextlib.suppress(DeviceLost):
        phone.power_cut()
        other.__enter__()  # off again below: the guard's end comes first
        adb.run("true", timeout_s=5)
    try:
        assert "another device" in guard.doubts[0]
        adb.reconnect(timeout_s=5)
        assert _say(adb, STAYS) == "7"
    finally:
        other.stop()


def test_what_somebody_else_set_is_left(adb: AdbTcpLink, device: Device) -> None:
    """A person, or another tool, changed it during the run: theirs is newer."""
    with changed(adb, device, ("awake",)) as guard:
        _say(adb, "settings put global stay_on_while_plugged_in 3")
    assert _say(adb, STAYS) == "3"
    assert [change.restored for change in guard.changes] == [False]
    assert "somebody else" in guard.doubts[0]


def test_device_that_another_run_has_taken_over(adb: AdbTcpLink, device: Device) -> None:
    """That run has found our journal, restored, and set the same value: it is not ours to undo any more."""
    with changed(adb, device, ("awake",)) as guard:
        restore_left_over(adb, device)
        with changed(adb, device, ("awake",)):
            guard.restore()
            assert _say(adb, STAYS) == "7"
    assert _say(adb, STAYS) == "0"
    assert "another run" in guard.doubts[0]


def test_phones_of_one_serial_do_not_undo_each_others_changes(
    adb: AdbTcpLink, device: Device, link_to: LinkTo
) -> None:
    """Two virtual phones of one model at once: the second run begins and ends within the first."""
    with changed(adb, device, ("awake",)) as guard, VirtualPhone() as other:
        link = link_to(other)
        twin = probe(link)
        assert twin.serial_sha256 == device.serial_sha256
        assert restore_left_over(link, twin) == ()
        with changed(link, twin, ("awake",)):
            pass
        assert _say(link, STAYS) == "0"
    assert _say(adb, STAYS) == "0"
    assert guard.doubts == ()


def test_restored_after_the_cache_was_emptied(adb: AdbTcpLink, device: Device, journals: Path) -> None:
    """This process still knows what it changed; a journal that is gone is no other run's doing then."""
    with changed(adb, device, ("awake",)) as guard:
        shutil.rmtree(journals.parent)
    assert _say(adb, STAYS) == "0"
    assert guard.doubts == ()


def test_device_that_another_machine_has_taken_over(adb: AdbTcpLink, device: Device, journals: Path) -> None:
    """It relies on the phone as it is; this machine's journal stays, for when it is free again."""
    with changed(adb, device, ("awake",), still_ours=lambda: False) as guard:
        pass
    assert _say(adb, STAYS) == "7"
    assert [change.restored for change in guard.changes] == [False]
    assert "another run has taken" in guard.doubts[0]
    assert len(list(journals.iterdir())) == 1
    assert "was put back to 0" in restore_left_over(adb, device)[0]


def test_device_that_was_taken_over_while_it_was_away(
    phone: VirtualPhone, adb: AdbTcpLink, device: Device
) -> None:
    """The question itself needs the device: it is asked again over the new connection."""
    asked: list[bool] = []

    def still_ours() -> bool:
        asked.append(adb.run("true", timeout_s=5).exit_code == 0)
        return False

    with changed(adb, device, ("awake",), still_ours=still_ours) as guard:
        phone.power_cut()
        phone.start()
    assert asked == [True]
    assert "another run has taken" in guard.doubts[0]
    assert _say(adb, STAYS) == "7"
