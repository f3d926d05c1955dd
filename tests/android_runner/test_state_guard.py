"""What is changed on a phone is put back on every way out; through a real daemon, by the phone's commands."""

from __future__ import annotations

import dataclasses
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.link import HostLink
from android_runner.probe import probe
from android_runner.state_guard import changed, restore_left_over, wanted
from android_runner.switches import STAY_ON
from android_runner.undo_journal import UndoJournal
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import pixel8
from results.device import Device, StateChange
from results.errors import ConfigError, DeviceLost, DeviceUnfit, RecordDamaged, RecordNotSaved

pytestmark = [pytest.mark.adbd, pytest.mark.usefixtures("journals")]
LinkTo = Callable[..., AdbTcpLink]
STAYS = "settings get global stay_on_while_plugged_in"


def _say(link: AdbTcpLink, command: str) -> str:
    return link.run(command, timeout_s=5).text.strip()


def _awake(link: AdbTcpLink) -> bool:
    return "mWakefulness=Awake" in _say(link, "dumpsys power")


def test_phone_is_kept_awake_and_given_back(adb: AdbTcpLink, device: Device, journals: Path) -> None:
    """The setting and the screen, changed and restored in the opposite order, with a journal meanwhile."""
    _say(adb, "settings put global stay_on_while_plugged_in 8; input keyevent KEYCODE_SLEEP")
    with changed(adb, device, ("awake",)) as guard:
        assert _say(adb, STAYS) == "15"  # what was on stays on
        assert _awake(adb)
        assert guard.changes == (
            StateChange(name=STAY_ON.name, before="8", during="15"),
            StateChange(name="screen", before="off", during="on"),
        )
        journal = json.loads(next(journals.iterdir()).read_text())
        assert [one["name"] for one in journal["changes"]] == [STAY_ON.name, "screen"]
        assert "VIRTUAL0000PIXEL4" not in json.dumps(journal) + str(list(journals.iterdir()))
    assert _say(adb, STAYS) == "8"
    assert not _awake(adb)
    assert [change.restored for change in guard.changes] == [True, True]
    assert guard.doubts == ()
    assert list(journals.iterdir()) == []


def test_undone_in_the_opposite_order(
    adb: AdbTcpLink, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A screen that is switched off while the phone is no longer kept awake may already be off, or locked."""
    _say(adb, "input keyevent KEYCODE_SLEEP")
    commands: list[str] = []
    run = adb.run
    with changed(adb, device, ("awake",)):
        monkeypatch.setattr(
            adb, "run", lambda command, **options: (commands.append(command), run(command, **options))[1]
        )
    written = [command for command in commands if " put " in command or "keyevent" in command]
    assert written == ["input keyevent KEYCODE_SLEEP", "settings put global stay_on_while_plugged_in 0"]


def test_what_is_so_already_is_left_alone(adb: AdbTcpLink, device: Device, journals: Path) -> None:
    """A phone of a lab that never sleeps: nothing to change, nothing to restore, no journal."""
    _say(adb, "settings put global stay_on_while_plugged_in 7")
    with changed(adb, device, ("awake",)) as guard:
        assert guard.changes == ()
        assert not journals.exists()
    assert _say(adb, STAYS) == "7"


def test_setting_that_was_unset_is_unset_again(link_to: LinkTo) -> None:
    """null is not a value: a phone that reads "null" back has another setting than before."""
    with VirtualPhone(pixel8()) as phone:
        link = link_to(phone)
        with changed(link, probe(link), ("awake",)) as guard:
            assert _say(link, STAYS) == "7"
        assert guard.changes[0].before is None
        assert guard.changes[0].restored
        assert not (phone.data / "system-state/settings/global/stay_on_while_plugged_in").exists()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_restored_after_an_error(adb: AdbTcpLink, device: Device, error: type[BaseException]) -> None:
    """Also after Ctrl-C, which is no Exception; the error goes on its way."""
    with pytest.raises(error), changed(adb, device, ("awake",)):
        raise error
    assert _say(adb, STAYS) == "0"


def test_restored_over_a_connection_that_was_lost(
    phone: VirtualPhone, adb: AdbTcpLink, device: Device
) -> None:
    """The run ends with DeviceLost, and the phone is there again: one more try, over a new connection."""
    guard = changed(adb, device, ("awake",))

    def restart() -> None:
        with guard:
            phone.power_cut()
            phone.start()
            adb.run("true", timeout_s=5)

    with pytest.raises(DeviceLost):
        restart()
    assert [change.restored for change in guard.changes] == [True]
    adb.reconnect(timeout_s=5)
    assert _say(adb, STAYS) == "0"


def test_device_that_is_gone_is_restored_at_the_next_start(
    phone: VirtualPhone, adb: AdbTcpLink, device: Device, journals: Path
) -> None:
    """The journal stays, the doubt says what is open, and the next run closes it; once."""
    guard = changed(adb, device, ("awake",))

    def pull_the_cable() -> None:
        with guard:
            phone.power_cut()
            adb.run("true", timeout_s=5)

    with pytest.raises(DeviceLost):
        pull_the_cable()
    assert [change.restored for change in guard.changes] == [False]
    assert "stay_on_while_plugged_in (before: 0)" in guard.doubts[0]
    assert "next run" in guard.doubts[0]
    phone.start()
    adb.reconnect(timeout_s=5)
    assert _say(adb, STAYS) == "7"
    told = restore_left_over(adb, device)
    assert len(told) == 1
    assert "was put back to 0" in told[0]
    assert _say(adb, STAYS) == "0"
    assert list(journals.iterdir()) == []
    assert restore_left_over(adb, device) == ()


_KILLED = """
import os, signal, sys
from pathlib import Path
from android_runner import undo_journal
from android_runner.adb import AdbTcpLink
from android_runner.probe import probe
from android_runner.state_guard import changed
undo_journal.cache_folder = lambda: Path(sys.argv[2])
link = AdbTcpLink("127.0.0.1", int(sys.argv[1]))
link.reconnect(timeout_s=5)
with changed(link, probe(link), ("awake",)):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_restored_after_a_kill(phone: VirtualPhone, adb: AdbTcpLink, device: Device, journals: Path) -> None:
    """Nothing runs after SIGKILL: what is in the journal has to be there before the phone is touched."""
    _say(adb, "input keyevent KEYCODE_SLEEP")
    died = subprocess.run([sys.executable, "-c", _KILLED, str(phone.port), str(journals.parent)], check=False)
    assert died.returncode == -signal.SIGKILL
    assert _say(adb, STAYS) == "7"
    assert _awake(adb)
    assert len(restore_left_over(adb, device)) == 2
    assert _say(adb, STAYS) == "0"
    assert not _awake(adb)


def test_killed_between_journal_and_change(adb: AdbTcpLink, device: Device, journals: Path) -> None:
    """The journal knows of a change that was never made: nothing to undo, and no error."""
    UndoJournal(adb, device).write([StateChange(name=STAY_ON.name, before="0", during="7")])
    assert "was put back to 0" in restore_left_over(adb, device)[0]
    assert _say(adb, STAYS) == "0"
    assert list(journals.iterdir()) == []


def test_after_a_restart_the_changes_are_made_again(phone: VirtualPhone, link_to: LinkTo) -> None:
    """The setting outlives a restart; the screen and the performance mode do not."""
    with VirtualPhone(pixel8()) as restarted:
        link = link_to(restarted)
        link.reconnect(timeout_s=5)
        _say(link, "input keyevent KEYCODE_SLEEP")
        with changed(link, probe(link), ("awake", "fixed_performance")) as guard:
            before = guard.changes
            restarted.power_cut()
            restarted.start()
            link.reconnect(timeout_s=5)
            _say(link, "input keyevent KEYCODE_SLEEP")
            guard.reapply()
            assert guard.changes == before
            assert _awake(link)
            mode = restarted.data / "system-state/until-restart/fixed-performance"
            assert mode.read_text() == "true\n"
        assert mode.read_text() == "false\n"
        assert [change.restored for change in guard.changes] == [True] * 3


def test_screen_that_was_on_stays_on_after_a_restart(
    phone: VirtualPhone, adb: AdbTcpLink, device: Device
) -> None:
    """A phone starts with its screen off: that is not how its owner left it."""
    with changed(adb, device, ("awake",)) as guard:
        phone.power_cut()
        phone.start()
        adb.reconnect(timeout_s=5)
        _say(adb, "input keyevent KEYCODE_SLEEP")
        guard.reapply()
        assert _awake(adb)
        assert [change.name for change in guard.changes] == [STAY_ON.name]
    assert _awake(adb)


def test_phone_without_fixed_performance_mode(adb: AdbTcpLink, device: Device) -> None:
    """Asked for and not to be had: an error that says what to do, and the phone as it was."""
    with (
        pytest.raises(DeviceUnfit, match="no fixed-performance mode") as caught,
        changed(adb, device, ("awake", "fixed_performance")),
    ):
        pytest.fail("nothing may run")
    assert "without --fixed-performance" in caught.value.next_step
    assert _say(adb, STAYS) == "0"


@pytest.mark.parametrize("missing", [("settings",), ("dumpsys",), ("input",)])
def test_phone_that_cannot_be_kept_awake(link_to: LinkTo, missing: tuple[str, ...]) -> None:
    """A board without that command is measured all the same; the rest is done, and the doubt is said."""
    with VirtualPhone(without=missing) as board:
        link = link_to(board)
        link.reconnect(timeout_s=5)
        state = board.data / "system-state/until-restart"
        state.mkdir(parents=True, exist_ok=True)
        (state / "wakefulness").write_text("Asleep\n")
        with changed(link, probe(link), ("awake",)) as guard:
            assert len(guard.changes) == 1
        assert len(guard.doubts) == 1
        assert "not kept awake" in guard.doubts[0]
        assert all(change.restored for change in guard.changes)


def test_setting_that_does_not_take(
    phone: VirtualPhone, adb: AdbTcpLink, device: Device, journals: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some vendors accept the command and keep the value: read back, said, and nothing left to undo."""
    monkeypatch.setattr("android_runner.switches._BETWEEN_TRIES_S", 0)
    command = phone.data.parent / "product/bin/settings"
    command.write_text('#!/system/bin/sh\n[ "$1" = get ] && echo 0\nexit 0\n')
    with changed(adb, device, ("awake",)) as guard:
        assert guard.changes == ()
        assert list(journals.iterdir()) == []
    assert "reads as before" in guard.doubts[0]


def test_value_of_a_hostile_device_is_no_command(
    adb: AdbTcpLink, device: Device, phone: VirtualPhone
) -> None:
    """What the phone says is put back as one word of the shell; what is no number is left alone."""
    setting = phone.data / "system-state/settings/global/stay_on_while_plugged_in"
    setting.write_text("$(touch /data/local/tmp/owned)\n")
    with changed(adb, device, ("awake",)) as guard:
        assert guard.changes == ()
    assert "not a number" in guard.doubts[0]
    UndoJournal(adb, device).write(
        [StateChange(name=STAY_ON.name, before="$(touch /data/local/tmp/owned)", during="7")]
    )
    _say(adb, "settings put global stay_on_while_plugged_in 7")
    restore_left_over(adb, device)
    assert not (phone.data / "local/tmp/owned").exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        '{"schema": 2, "changes": []}',
        '{"schema": 1, "changes": [{"name": "x", "before": null, "during": "1"}]}',
        "[" * 100_000,
    ],
)
def test_damaged_journal_is_an_error_that_names_it(adb: AdbTcpLink, device: Device, text: str) -> None:
    """Guessing what to undo could change what never was ours."""
    path = UndoJournal(adb, device).path
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(RecordDamaged, match="cannot be read") as caught:
        restore_left_over(adb, device)
    assert str(path) in caught.value.what


def test_journal_that_cannot_be_written_stops_the_change(
    adb: AdbTcpLink, device: Device, journals: Path
) -> None:
    """What could not be undone after a kill is not done."""
    journals.parent.write_text("a file where the folder should be")
    with pytest.raises(RecordNotSaved), changed(adb, device, ("awake",)):
        pytest.fail("nothing may run")
    assert _say(adb, STAYS) == "0"


def test_nothing_is_changed_on_the_host() -> None:
    """It has no such state; asking for its fixed-performance mode is a wrong call."""
    device = probe(HostLink())
    assert wanted(device, fixed_performance=False) == ()
    with changed(HostLink(), device, ()) as guard:
        assert guard.changes == ()
    assert restore_left_over(HostLink(), device) == ()
    with pytest.raises(ConfigError, match="fixed-performance"):
        wanted(device, fixed_performance=True)


def test_what_is_wanted_of_a_phone(device: Device) -> None:
    """The performance mode only where it was asked for: it is no default setting of a phone."""
    assert wanted(device, fixed_performance=False) == ("awake",)
    assert wanted(device, fixed_performance=True) == ("awake", "fixed_performance")


def test_device_without_a_serial_has_a_journal_of_its_address(adb: AdbTcpLink, device: Device) -> None:
    """Two of them must not share one."""
    nameless = dataclasses.replace(device, serial_sha256=None)
    assert UndoJournal(adb, nameless).path != UndoJournal(adb, device).path
    assert UndoJournal(adb, nameless).path != UndoJournal(HostLink(), nameless).path
