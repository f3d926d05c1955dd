"""Complete virtual machines: one that reboots, and one whose phone hangs on a USB cable."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from android_runner.adb import AdbTcpLink
from android_runner.virtual.machine import VirtualMachine
from android_runner.virtual.machine_image import missing_packages
from results.errors import DeviceLost, HarnessError
from tests.android_runner.computer import computer_root, printed_by, start_on_computer
from tests.android_runner.program import tiny
from tests.android_runner.tiny_model import python_logits, some_sequences

pytestmark = [pytest.mark.adbd, pytest.mark.slow]

SERIAL = "VIRTUAL0000PIXEL4"


@pytest.fixture(scope="module")
def needs() -> None:
    if missing := missing_packages():
        pytest.skip(f"virtual machines need {', '.join(missing)}")


@pytest.fixture(scope="module")
def machine(needs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VirtualMachine]:
    """A phone on its cable, and a computer with this project on it."""
    root = computer_root(tmp_path_factory.mktemp("computer"))
    with VirtualMachine(cable=True, computer=root) as switched_on:
        yield switched_on


@pytest.fixture(scope="module")
def rows(machine: VirtualMachine) -> dict[str, dict[str, Any]]:
    """What usb_rows.py saw there."""
    done = start_on_computer(machine, "usb_rows.py", timeout_s=240)
    seen: dict[str, dict[str, Any]] = printed_by(done)
    assert not [row for row in seen.values() if "fault" in row], done.error_text
    assert SERIAL not in done.error_text  # the log, at its most talkative
    assert SERIAL not in done.text
    return seen


@pytest.mark.parametrize(
    ("row", "error", "says"),
    [
        ("nothing_plugged_in", "NoDevice", "Plug it in"),
        ("wrong_serial", "NoDevice", "of that serial number"),
        ("no_libusb", "ConfigError", "apt-get install libusb-1.0-0"),
        ("no_permission", "UsbDenied", "udev"),
        ("server_holds_it", "DeviceBusy", "adb kill-server"),
        ("cable_pulled", "DeviceLost", "Check the cable"),
    ],
)
def test_every_failure_of_usb_says_what_to_do(
    rows: dict[str, dict[str, Any]], row: str, error: str, says: str
) -> None:
    """libusb and adb-shell have raw errors of their own for these, some of them with the serial number."""
    assert rows[row]["error"] == error
    assert says in rows[row]["text"]


def test_one_phone_under_all_its_names(rows: dict[str, dict[str, Any]]) -> None:
    """The table says how to select it, and never by its serial number."""
    assert rows["three_names"]["names"] == {"usb:1-1": "shell"}
    assert rows["three_names"]["rows"] == ["--device usb:1-1", "--device host"]
    assert rows["no_permission"]["states"][0] == "no permissions"


def test_commands_over_usb(rows: dict[str, dict[str, Any]]) -> None:
    """Exit codes, the two outputs apart, and a deadline that holds and leaves nothing running."""
    seen = rows["commands"]
    assert (seen["codes"], seen["out"], seen["err"]) == ([7, 0], "out\n", "err\n")
    assert (seen["slow"], seen["left_running"]) == ("RunTimedOut", "0")
    assert seen["seconds"] < 10


def test_files_over_usb(rows: dict[str, dict[str, Any]]) -> None:
    """USB moves whole packets: lengths around their borders are where bytes get lost."""
    assert rows["files"]["wrong"] == []
    assert rows["files"]["missing"] == "OutputUnreadable"


def test_a_pulled_cable_is_noticed_and_the_phone_found_again(rows: dict[str, dict[str, Any]]) -> None:
    """At once, not at the command's deadline; and the run goes on when the cable is back."""
    seen = rows["cable_pulled"]
    assert seen["seconds"] < 5
    assert (seen["away"], seen["back"]) == ("NoDevice", "back\n")


def test_an_adb_server_and_the_cable(rows: dict[str, dict[str, Any]]) -> None:
    """Only one program can hold a phone's cable: the server that has it is used, or has to be ended."""
    seen = rows["server_holds_it"]
    assert seen["used"] == ["server:127.0.0.1:5037/usb:1-1", 7]
    assert seen["rows"] == ["--device usb:1-1", "--device host"]
    assert seen["states"][0] == "held by another program"
    assert seen["freed"] == ["usb:1-1", "free\n"]


def test_a_launch_over_usb(machine: VirtualMachine, rows: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    """Bundle, model and sequences over the cable, one launch, its samples read: with no server and no TCP."""
    sequences = some_sequences()
    sequences.write(tmp_path / "rows.seq")
    with contextlib.closing(AdbTcpLink(machine.host, machine.port)) as link:
        for local in (tiny(), tmp_path / "rows.seq"):
            link.push(local, f"/tmp/{local.name}", mode=0o644, timeout_s=60)
    done = start_on_computer(machine, "usb_launch.py", f"/tmp/{tiny().name}", "/tmp/rows.seq", timeout_s=120)
    seen = printed_by(done)
    assert (seen["over"], seen["abi"], len(seen["latencies_ns"])) == ("usb:1-1", "aarch64", 7)
    here = dict(zip(sequences.row_ids.tolist(), python_logits(tiny(), sequences).tolist(), strict=True))
    for row, logits in seen["logits"].items():
        assert logits == pytest.approx(here[int(row)], abs=1e-5)


def test_a_reboot_and_a_power_cut(needs: None, link_to: Callable[..., AdbTcpLink], payload: Path) -> None:
    """The link is lost and finds the phone again, with what was on its disk; nothing is left at the end."""
    before = _machines()
    boot = "cat /proc/sys/kernel/random/boot_id"
    with VirtualMachine() as machine:
        link = link_to(machine)
        boots = {link.run(boot, timeout_s=20).text}
        link.push(payload, "/data/local/tmp/payload", mode=0o644, timeout_s=20)
        link.run("sync", timeout_s=20)
        machine.reboot()
        with pytest.raises(DeviceLost):
            link.run("true", timeout_s=20)
        machine.wait_until_up()
        link.reconnect(timeout_s=20)
        boots.add(link.run(boot, timeout_s=20).text)
        machine.power_cut()
        with pytest.raises(HarnessError):
            link.run("true", timeout_s=20)
        machine.start()
        link.reconnect(timeout_s=20)
        boots.add(link.run(boot, timeout_s=20).text)
        there = link.run("sha256sum /data/local/tmp/payload", timeout_s=20).text
    assert len(boots) == 3
    assert there.split()[0] == hashlib.sha256(payload.read_bytes()).hexdigest()
    assert _machines() == before


def _machines() -> set[str]:
    """The processes of virtual machines that this test run has started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {pid for pid in children if "qemu" in Path(f"/proc/{pid}/comm").read_text()}
