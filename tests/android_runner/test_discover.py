"""What is seen, what is chosen, and that the host is measured only when nothing else is meant."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from android_runner.candidates import Candidate, Served, printable
from android_runner.discover import choose, list_devices
from android_runner.keys import Key
from android_runner.link import HostLink
from android_runner.selector import Tcp
from android_runner.server_list import Listed, digest
from android_runner.usb_ports import UsbPort
from android_runner.virtual.phone import VirtualPhone
from android_runner.virtual.profile import emulator
from android_runner.virtual.server import AdbServer
from results.errors import (
    ConfigError,
    DeviceNotReady,
    DeviceUnauthorized,
    DeviceUnreachable,
    HarnessError,
    NoDevice,
    SeveralDevices,
    UsbDenied,
)

Around = dict[str, Any]
SERIAL = "SERIAL0001"


@pytest.fixture
def closed_port() -> int:
    """A port where no adb server listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@pytest.fixture
def around(closed_port: int, tmp_path: Path) -> Around:
    """Arguments of discovery for a machine with no server, no USB device and no virtual phone."""
    (tmp_path / "usb").mkdir()
    (tmp_path / "virtual").mkdir()
    return {
        "environment": {"ANDROID_ADB_SERVER_PORT": str(closed_port)},
        "usb_devices": tmp_path / "usb",
        "virtual_phones": tmp_path / "virtual",
    }


@pytest.fixture
def beside(around: Around, server: AdbServer) -> Around:
    """The same beside a running server."""
    return {**around, "environment": {"ANDROID_ADB_SERVER_PORT": str(server.port)}}


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


def _register(around: Around, phone: VirtualPhone, *, pid: int | None = None) -> None:
    """As `virtual-phone start` does it."""
    entry = {"pid": os.getpid() if pid is None else pid, "selector": phone.selector}
    (around["virtual_phones"] / f"{phone.port}.json").write_text(json.dumps(entry), encoding="utf-8")


def _serve(monkeypatch: pytest.MonkeyPatch, *rows: Listed) -> None:
    """A server's list with phones that cannot be had here: on cables."""
    for module in ("candidates", "discover", "server"):
        monkeypatch.setattr(f"android_runner.{module}.ask_server", lambda address, **_: rows)


def _refusal(selector: str | None, around: Around, **options: Any) -> HarnessError:  # noqa: ANN401
    with pytest.raises(HarnessError) as caught:
        choose(selector, **around, **options)
    return caught.value


def _row(around: Around, kind: str) -> Candidate:
    (row,) = (row for row in list_devices(**around) if row.kind == kind)
    return row


def test_host_is_chosen_when_nothing_is_attached(around: Around) -> None:
    """`make bench` on a machine without a phone."""
    assert isinstance(choose(None, **around), HostLink)
    (host,) = list_devices(**around)
    assert (host.kind, host.select) == ("host", "--device host")


def test_usb_phone_is_never_passed_over_for_the_host(around: Around) -> None:
    """Somebody plugged in a phone and wants its figures: the host's would be taken for them."""
    _plug_in(around)
    error = _refusal(None, around)
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
        error = _refusal(selector, around)
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
    assert isinstance(_refusal("usb:1-4", around), NoDevice)  # directly, where libusb finds nothing


def test_phone_that_its_server_may_not_open_is_tried_directly(
    around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The direct way's error names the file and the group."""
    _plug_in(around)
    _serve(monkeypatch, Listed(serial=SERIAL, state="no permissions", usb_port="1-4"))
    assert isinstance(_refusal("usb", around), NoDevice)
    assert isinstance(_refusal("server:/usb:1-4", around), UsbDenied)


def test_several_phones_on_usb_are_shown(around: Around) -> None:
    """usb alone names neither."""
    _plug_in(around)
    _plug_in(around, "1-4.2", product="Pixel 8", serial="SERIAL0002")
    error = _refusal("usb", around)
    assert type(error) is SeveralDevices
    for words in ("Pixel 4", "--device usb:1-4\n", "Pixel 8", "--device usb:1-4.2"):
        assert words in error.what
    assert "SERIAL" not in error.render()


def test_phones_of_one_serial_are_named_by_their_ports(around: Around) -> None:
    """Some makers give every phone the same serial number."""
    _plug_in(around)
    _plug_in(around, "1-5")
    for selector in (f"usb:{SERIAL}", SERIAL):
        assert type(_refusal(selector, around)) is SeveralDevices


@pytest.mark.parametrize(
    "selector",
    ["usb", "usb:1-9", "usb:NOT0THERE", "NOT0THERE", "emulator-5554", "it's $(x)\n", "id-01234567"],
)
def test_what_is_not_attached_is_no_device(selector: str, around: Around) -> None:
    """The table says what is; a serial number is not repeated."""
    error = _refusal(selector, around)
    assert type(error) is NoDevice
    assert "mobilebert-bench devices" in error.next_step
    assert "NOT0THERE" not in error.render()


def test_server_that_is_not_there_is_unreachable(around: Around, closed_port: int) -> None:
    """Whoever names a server wants its phone, not one of their own."""
    for selector in ("server:/usb:1-4", f"server:127.0.0.1:{closed_port}/usb:1-4"):
        error = _refusal(selector, around)
        assert type(error) is DeviceUnreachable
        assert f"127.0.0.1:{closed_port}" in error.what


def test_absent_device_never_falls_back(around: Around, closed_port: int) -> None:
    """Whoever names a device wants that device's figures."""
    assert type(_refusal(f"tcp:127.0.0.1:{closed_port}", around)) is DeviceUnreachable


def test_unix_socket_of_a_server_is_said_to_be_none_of_ours(around: Around) -> None:
    """ADB_SERVER_SOCKET can name one; the error must not look like a missing server."""
    around["environment"] = {"ADB_SERVER_SOCKET": "localfilesystem:/tmp/adb"}
    assert type(_refusal("server:/x", around)) is ConfigError
    assert isinstance(choose(None, **around), HostLink)


def test_environments_serial_is_honoured(around: Around, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scripts of adb users set it; a device that is given goes before it."""
    _plug_in(around)
    _plug_in(around, "1-5", serial="SERIAL0002")
    around["environment"] |= {"ANDROID_SERIAL": SERIAL}
    error = _refusal(None, around)
    assert isinstance(error, NoDevice)
    assert "1-4" in error.what
    assert isinstance(choose("host", **around), HostLink)
    around["environment"] |= {"ANDROID_SERIAL": "NOT0THERE"}
    error = _refusal(None, around)
    assert "ANDROID_SERIAL" in error.what
    assert "NOT0THERE" not in error.render()


def test_environment_takes_an_address_too(around: Around, closed_port: int) -> None:
    """It is what adb calls a phone that it connected to."""
    around["environment"] |= {"ANDROID_SERIAL": f"127.0.0.1:{closed_port}"}
    assert type(_refusal(None, around)) is DeviceUnreachable


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


@pytest.mark.adbd
def test_server_without_devices_leaves_the_host(beside: Around) -> None:
    """A developer's machine has a server running at all times."""
    assert isinstance(choose(None, **beside), HostLink)


@pytest.mark.adbd
def test_each_device_is_asked_what_it_is(
    beside: Around, served: Callable[[VirtualPhone], Listed], phone: VirtualPhone
) -> None:
    """The whole table, of a phone in the server's list; what it prints selects that phone."""
    device = served(phone)
    row = _row(beside, "virtual_phone")
    assert (row.state, row.model, row.abi, row.api_level) == ("ready", "Pixel 4", "x86_64", 33)
    port = beside["environment"]["ANDROID_ADB_SERVER_PORT"]
    assert row.select == f"--device server:127.0.0.1:{port}/{device.name}"
    for selector in (
        row.select.removeprefix("--device "),
        device.name.replace("127", "tcp:127"),
        f"id-{digest(device.serial)}",
    ):
        link = choose(selector, **beside)
        assert link.run("getprop ro.product.model", timeout_s=5).text == "Pixel 4\n"
        link.close()
        with contextlib.closing(choose(link.name, **beside)) as again:
            assert again.name == link.name


@pytest.mark.adbd
def test_the_only_phone_is_used(
    beside: Around, served: Callable[[VirtualPhone], Listed], phone: VirtualPhone
) -> None:
    """No address to look up: it is plugged in, and the job runs on it."""
    served(phone)
    link = choose(None, **beside)
    assert link.run("echo in", timeout_s=5).text == "in\n"
    assert link.name.startswith("server:")


@pytest.mark.adbd
def test_virtual_phone_is_found_by_its_file(around: Around, phone: VirtualPhone) -> None:
    """`virtual-phone start` in another window, and `run` without a word about it in this one."""
    _register(around, phone)
    row = _row(around, "virtual_phone")
    assert (row.state, row.select) == ("ready", f"--device {phone.selector}")
    with contextlib.closing(choose(None, **around)) as link:
        assert link.name == phone.selector


@pytest.mark.adbd
def test_virtual_phone_in_both_lists_is_one(
    beside: Around, served: Callable[[VirtualPhone], Listed], phone: VirtualPhone
) -> None:
    """Somebody typed adb connect as well."""
    served(phone)
    _register(beside, phone)
    assert _row(beside, "virtual_phone").select == f"--device {phone.selector}"


@pytest.mark.adbd
def test_looking_makes_no_phone_ask_its_owner(
    around: Around, virtual_root: Path, own_key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A dialog that pops up in somebody's hand because a table was printed, and a key file made for it."""
    monkeypatch.setenv("ANDROID_USER_HOME", str(own_key.path.parent))
    with VirtualPhone(keys=[]) as phone, phone.dialog() as dialog:
        _register(around, phone)
        assert _row(around, "virtual_phone").state == "unauthorized"
        with pytest.raises(TimeoutError):
            dialog.wait_for_key(timeout_s=0.3)
        error = _refusal(None, around, auth_timeout_s=0.2)
        assert type(error) is DeviceUnauthorized
        assert dialog.wait_for_key(timeout_s=5)


@pytest.mark.adbd
def test_looking_makes_no_key(
    around: Around, virtual_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first thing that somebody types on a new machine is `devices`."""
    monkeypatch.setenv("ANDROID_USER_HOME", str(tmp_path / "home"))
    with VirtualPhone(keys=[]) as phone:
        _register(around, phone)
        assert _row(around, "virtual_phone").state == "unauthorized"
    assert not (tmp_path / "home").exists()


@pytest.mark.adbd
def test_a_hanging_phone_does_not_hold_up_the_table(
    around: Around, phone: VirtualPhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is shown as what it is, by the deadline."""
    monkeypatch.setattr("android_runner.discover._ASK_TIMEOUT_S", 0.3)
    _register(around, phone)
    phone.freeze()
    assert _row(around, "virtual_phone").state == "does not answer"


@pytest.mark.adbd
def test_offline_phone_of_a_server_is_an_error(
    beside: Around, server: AdbServer, served: Callable[[VirtualPhone], Listed], phone: VirtualPhone
) -> None:
    """It went away and adb still lists it."""
    served(phone)
    phone.power_cut()
    server.wait_for("offline")
    error = _refusal(None, beside)
    assert type(error) is DeviceNotReady
    assert "offline" in error.what
    assert "--device host" in error.next_step


@pytest.mark.adbd
def test_several_phones_are_listed(
    beside: Around, served: Callable[[VirtualPhone], Listed], phone: VirtualPhone, virtual_root: Path
) -> None:
    """Which one is a choice that only the user can make; an emulator beside a phone is no better."""
    with VirtualPhone(emulator()) as other:
        served(phone)
        _register(beside, other)
        error = _refusal(None, beside)
    assert type(error) is SeveralDevices
    assert f"/{phone.host}:{phone.port}\n" in error.what
    assert f"--device {other.selector}" in error.what


@pytest.mark.adbd
def test_named_phone_is_connected(around: Around, phone: VirtualPhone) -> None:
    """The direct way, which needs no server and no list."""
    link = choose(phone.selector, **around)
    assert link.name == phone.selector
    assert link.run("echo in", timeout_s=5).text == "in\n"
    link.close()
