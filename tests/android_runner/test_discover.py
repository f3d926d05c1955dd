"""What is seen, what is chosen, and that the host is measured only when nothing else is meant."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from android_runner.candidates import Candidate, Served, printable
from android_runner.discover import choose, list_devices
from android_runner.link import HostLink
from android_runner.selector import Tcp
from android_runner.server_list import Listed, digest
from android_runner.usb_ports import UsbPort
from results.errors import (
    ConfigError,
    DeviceNotReady,
    DeviceUnreachable,
    NoDevice,
    SeveralDevices,
    UsbDenied,
)
from tests.android_runner.around import Around, refusal

SERIAL = "SERIAL0001"


def _plug_in(
    around: Around,
    port: str = "1-4",
    *,
    protocol: str = "01",
    product: str | None = "Pixel 4",
    serial: str = SERIAL,
) -> None:
    """A phone as Linux shows it in /sys/bus/usb/devices; its second interface is the ADB one."""
    device = around["usb_devices"] / port
    device.mkdir()
    for name, text in (("product", product), ("serial", serial), ("busnum", "1"), ("devnum", "5")):
        if text is not None:
            (device / name).write_text(f"{text}\n", encoding="utf-8")
    for number, values in ((0, ("06", "01", "01")), (1, ("ff", "42", protocol))):
        interface = around["usb_devices"] / f"{port}:1.{number}"
        interface.mkdir()
        names = ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol")
        for name, value in zip(names, values, strict=True):
            (interface / name).write_text(f"{value}\n", encoding="utf-8")


def _serve(monkeypatch: pytest.MonkeyPatch, *rows: Listed) -> None:
    """A server's list with phones that cannot be had here: on cables."""
    for module in ("candidates", "discover", "server"):
        monkeypatch.setattr(f"android_runner.{module}.ask_server", lambda address, **_: rows)


def test_host_is_chosen_when_nothing_is_attached(around: Around) -> None:
    """`make bench` on a machine without a phone."""
    assert isinstance(choose(None, **around), HostLink)
    (host,) = list_devices(**around)
    assert (host.kind, host.select) == ("host", "--device host")


def test_usb_phone_is_never_passed_over_for_the_host(around: Around) -> None:
    """Somebody plugged in a phone and wants its figures: the host's would be taken for them."""
    _plug_in(around)
    error = refusal(None, around)
    assert isinstance(error, NoDevice)  # libusb sees no such phone here
    assert "usb:1-4" in error.what or "port 1-4" in error.what
    assert "--device host" in error.next_step
    assert isinstance(choose("host", **around), HostLink)


def test_usb_devices_without_adb_do_not_count(around: Around) -> None:
    """Fastboot is the same interface with another protocol number."""
    _plug_in(around, protocol="03")
    assert [candidate.kind for candidate in list_devices(**around)] == ["host"]


def test_usb_phone_without_a_name(around: Around) -> None:
    """Some devices have no product text; the serial must not stand in for it."""
    _plug_in(around, product=None)
    phone, _ = list_devices(**around)
    assert (phone.model, phone.select) == (None, "--device usb:1-4")
    assert SERIAL not in repr(phone)


def test_port_of_another_user_is_shown_as_such(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a udev rule every phone on Linux looks like this at first."""
    _plug_in(around)
    monkeypatch.setattr("android_runner.usb_ports._denied", lambda device, nodes: True)
    phone, _ = list_devices(**around)
    assert phone.state == "no permissions"


def test_phone_in_both_lists_is_one(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server holds the phone that /sys shows too: two rows would ask for a choice that is none."""
    _plug_in(around)
    _serve(monkeypatch, Listed(serial=SERIAL, state="unauthorized", usb_port="1-4"))
    phone, _ = list_devices(**around)
    assert (phone.state, phone.model, phone.select) == ("unauthorized", "Pixel 4", "--device usb:1-4")


def test_server_that_holds_the_phone_is_used(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cable cannot be opened beside the server; libusb would only say busy."""
    _plug_in(around)
    _serve(monkeypatch, Listed(serial=SERIAL, state="offline", usb_port="1-4"))
    for selector in (
        "usb",
        "usb:1-4",
        f"usb:{SERIAL}",
        SERIAL,
        "server:/usb:1-4",
        f"server:/id-{digest(SERIAL)}",
    ):
        error = refusal(selector, around)
        assert type(error) is DeviceNotReady
        assert "server:127.0.0.1" in error.what
        assert SERIAL not in error.render()


def test_remote_servers_ports_are_not_ours(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """The laboratory's usb:1-4 and ours are two phones, and usb means ours."""
    _plug_in(around)
    around["environment"] = {"ADB_SERVER_SOCKET": "tcp:lab:5037"}
    _serve(monkeypatch, Listed(serial="OTHER", state="offline", usb_port="1-4"))
    theirs, ours, _ = list_devices(**around)
    assert theirs.select == "--device server:lab:5037/usb:1-4"
    assert ours.select == "--device usb:1-4"
    assert isinstance(refusal("usb:1-4", around), NoDevice)  # directly, where libusb finds nothing


def test_phone_that_its_server_may_not_open_is_tried_directly(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The direct way's error names the file and the group."""
    _plug_in(around)
    _serve(monkeypatch, Listed(serial=SERIAL, state="no permissions", usb_port="1-4"))
    assert isinstance(refusal("usb", around), NoDevice)
    assert isinstance(refusal("server:/usb:1-4", around), UsbDenied)


def test_several_phones_on_usb_are_shown(around: Around) -> None:
    """usb alone names neither."""
    _plug_in(around)
    _plug_in(around, "1-4.2", product="Pixel 8", serial="SERIAL0002")
    error = refusal("usb", around)
    assert type(error) is SeveralDevices
    for words in ("Pixel 4", "--device usb:1-4\n", "Pixel 8", "--device usb:1-4.2"):
        assert words in error.what
    assert "SERIAL" not in error.render()


def test_phones_of_one_serial_are_named_by_their_ports(around: Around) -> None:
    """Some makers give every phone the same serial number."""
    _plug_in(around)
    _plug_in(around, "1-5")
    for selector in (f"usb:{SERIAL}", SERIAL):
        assert type(refusal(selector, around)) is SeveralDevices


@pytest.mark.parametrize(
    "selector",
    ["usb", "usb:1-9", "usb:NOT0THERE", "NOT0THERE", "emulator-5554", "it's $(x)\n", "id-01234567"],
)
def test_what_is_not_attached_is_no_device(selector: str, around: Around) -> None:
    """The table says what is; a serial number is not repeated."""
    error = refusal(selector, around)
    assert type(error) is NoDevice
    assert "mobilebert-bench devices" in error.next_step
    assert "NOT0THERE" not in error.render()


def test_server_that_is_not_there_is_unreachable(around: Around, closed_port: int) -> None:
    """Whoever names a server wants its phone, not one of their own."""
    for selector in ("server:/usb:1-4", f"server:127.0.0.1:{closed_port}/usb:1-4"):
        error = refusal(selector, around)
        assert type(error) is DeviceUnreachable
        assert f"127.0.0.1:{closed_port}" in error.what


def test_absent_device_never_falls_back(around: Around, closed_port: int) -> None:
    """Whoever names a device wants that device's figures."""
    assert type(refusal(f"tcp:127.0.0.1:{closed_port}", around)) is DeviceUnreachable


def test_unix_socket_of_a_server_is_said_to_be_none_of_ours(around: Around) -> None:
    """ADB_SERVER_SOCKET can name one; the error must not look like a missing server."""
    around["environment"] = {"ADB_SERVER_SOCKET": "localfilesystem:/tmp/adb"}
    assert type(refusal("server:/x", around)) is ConfigError
    assert isinstance(choose(None, **around), HostLink)


def test_environments_serial_is_honoured(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts of adb users set it; a device that is given goes before it."""
    _plug_in(around)
    _plug_in(around, "1-5", serial="SERIAL0002")
    around["environment"] |= {"ANDROID_SERIAL": SERIAL}
    error = refusal(None, around)
    assert isinstance(error, NoDevice)
    assert "1-4" in error.what
    assert isinstance(choose("host", **around), HostLink)
    around["environment"] |= {"ANDROID_SERIAL": "NOT0THERE"}
    error = refusal(None, around)
    assert "ANDROID_SERIAL" in error.what
    assert "NOT0THERE" not in error.render()


def test_environment_takes_an_address_too(around: Around, closed_port: int) -> None:
    """It is what adb calls a phone that it connected to."""
    around["environment"] |= {"ANDROID_SERIAL": f"127.0.0.1:{closed_port}"}
    assert type(refusal(None, around)) is DeviceUnreachable


def test_rows_of_ended_virtual_phones_are_dropped(around: Around) -> None:
    """A killed one leaves its file; and a damaged file is none of the table's business."""
    ended = subprocess.Popen(["true"])
    ended.wait()
    folder = around["virtual_phones"]
    for name, text in {
        "1.json": json.dumps({"pid": ended.pid, "selector": "tcp:127.0.0.1:1"}),
        "2.json": "{",
        "3.json": "[]",
        "4.json": json.dumps({"pid": os.getpid(), "selector": "tcp:"}),
        "5.json": json.dumps({"pid": 10**30, "selector": "tcp:127.0.0.1:1"}),
        "6.json": json.dumps({"pid": -1, "selector": "tcp:127.0.0.1:1"}),
        "7.json": json.dumps({"pid": os.getpid(), "selector": "host"}),
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    assert [row.kind for row in list_devices(**around)] == ["host"]


@pytest.mark.parametrize("word", ["a\x1b[2Jb", "a\nb", "a\u202eb", "a\x85b"])
def test_a_devices_words_do_not_steer_the_terminal(word: str) -> None:
    """A model name is whatever its maker wrote into a property or a USB descriptor."""
    shown = printable(word)
    assert shown is not None
    assert shown.isprintable()
    assert re.fullmatch(r"a.+b", shown)


def test_rows_show_no_serial() -> None:
    """They are logged and pasted."""
    listed = Listed(serial=SERIAL, state="ready", usb_port="1-4")
    for way in (
        Served(address=("127.0.0.1", 5037), listed=listed),
        UsbPort(port="1-4", model=None, denied=False, serial=SERIAL),
        Tcp(host="phone", port=5555),
    ):
        assert SERIAL not in repr(Candidate(state="ready", kind="phone", select="x", way=way)) + repr(way)


def test_looking_for_a_server_that_is_not_there_is_quick(around: Around) -> None:
    """Most machines have none: its client is imported only where something listens."""
    code = (
        "import os, sys; from pathlib import Path; sys.modules['adbutils'] = None\n"
        "from android_runner.discover import list_devices\n"
        "none = Path('/none')\n"
        "rows = list_devices(environment=os.environ, usb_devices=none, virtual_phones=none)\n"
        "assert [row.kind for row in rows] == ['host'], rows"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, **around["environment"]},
    )
