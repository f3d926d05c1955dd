"""What an adb server lists, line by line, and where it is looked for."""

from __future__ import annotations

import hashlib
import socket
import threading

import pytest

from android_runner.server_list import (
    Listed,
    ask_server,
    digest,
    is_local,
    parse_server_list,
    server_address,
)
from results.errors import DeviceNotReady

# Lines of `adb devices -l` as users have reported them.
LISTED = """R58M12ABCDE            device usb:1-4 product:beyond1ltexx model:SM_G973F device:beyond1 transport_id:3
0123456789ABCDEF       no permissions (user in plugdev group; are your udev rules wrong?); see [http://x] usb:1-2
HT85G1A00001           unauthorized usb:3-1 transport_id:9
192.168.1.20:5555      offline product:flame model:Pixel_4 device:flame transport_id:1
emulator-5554          device product:sdk_gphone64 model:sdk_gphone64_x86_64 device:emu64xa transport_id:2
serial with blanks     device usb:1-7 product:x model:Tab device:x transport_id:5
adb-HT85G1A00001-aBcDeF._adb-tls-connect._tcp device product:flame model:Pixel_4 device:flame transport_id:6
HT4CJ0203660           device product:old model:Nexus_5 device:hammerhead transport_id:7
garbage
"""  # noqa: E501 (lines of adb)
SERIALS = ("R58M12ABCDE", "0123456789ABCDEF", "HT85G1A00001", "serial with blanks", "HT4CJ0203660")


def test_each_line_is_understood() -> None:
    """Every state counts, a serial with blanks too, and a line of unknown form."""
    wireless = digest("adb-HT85G1A00001-aBcDeF._adb-tls-connect._tcp")
    rows = parse_server_list(LISTED)
    assert [(row.state, row.name, row.model, row.transport_id) for row in rows] == [
        ("ready", "usb:1-4", "SM G973F", 3),
        ("no permissions", "usb:1-2", None, None),
        ("unauthorized", "usb:3-1", None, 9),
        ("offline", "192.168.1.20:5555", "Pixel 4", 1),
        ("ready", "emulator-5554", "sdk gphone64 x86 64", 2),
        ("ready", "usb:1-7", "Tab", 5),
        ("ready", f"id-{wireless}", "Pixel 4", 6),
        ("ready", f"id-{digest('HT4CJ0203660')}", "Nexus 5", 7),
        ("unknown", f"id-{digest('garbage')}", None, None),
    ]
    assert [row.on_usb for row in rows] == [True, True, True, False, False, True, False, True, True]


def test_no_serial_is_shown() -> None:
    """It names a person's phone for ever."""
    rows = parse_server_list(LISTED)
    shown = repr(rows) + "".join(row.name for row in rows)
    assert not [serial for serial in SERIALS if serial in shown]


def test_a_device_answers_to_each_of_its_names() -> None:
    """Its port, what adb calls it, and what stands for that where it is not shown."""
    phone = parse_server_list(LISTED)[0]
    short = hashlib.sha256(b"R58M12ABCDE").hexdigest()[:8]
    assert all(phone.is_named(name) for name in ("usb:1-4", "R58M12ABCDE", f"id-{short}"))
    assert not any(phone.is_named(name) for name in ("1-4", "R58M12", "id-", f"id-{short[:7]}", ""))


@pytest.mark.parametrize(
    "fact", ["usb:$(id)", "usb:1-4;id", "transport_id:٣", "transport_id:" + "9" * 5000, "model:a\x1b[2J"]
)
def test_a_hostile_servers_facts_are_dropped(fact: str) -> None:
    """They would be printed as something to type, or sent back as a number."""
    (row,) = parse_server_list(f"X device {fact}")
    assert row == Listed(serial="X", state="ready")


@pytest.mark.parametrize(
    ("environment", "address"),
    [
        ({}, ("127.0.0.1", 5037)),
        ({"ANDROID_ADB_SERVER_PORT": "5038"}, ("127.0.0.1", 5038)),
        ({"ANDROID_ADB_SERVER_ADDRESS": "lab"}, ("lab", 5037)),
        ({"ANDROID_ADB_SERVER_PORT": "adb"}, None),
        ({"ADB_SERVER_SOCKET": "tcp:5039"}, ("127.0.0.1", 5039)),
        ({"ADB_SERVER_SOCKET": "tcp:[::1]:5039"}, ("::1", 5039)),
        ({"ADB_SERVER_SOCKET": "tcp:lab:5040", "ANDROID_ADB_SERVER_PORT": "1"}, ("lab", 5040)),
        ({"ADB_SERVER_SOCKET": "localfilesystem:/tmp/adb"}, None),
    ],
)
def test_server_is_looked_for_where_adb_looks(
    environment: dict[str, str], address: tuple[str, int] | None
) -> None:
    """A phone that adb would see must not be overlooked."""
    assert server_address(environment) == address


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("lab", False)],
)
def test_another_machines_ports_are_not_ours(host: str, local: bool) -> None:
    """A remote server's usb:1-4 must not be taken for the phone at our own port 1-4."""
    assert is_local((host, 5037)) == local


def test_something_else_on_the_servers_port_is_an_error() -> None:
    """It may be a hanging adb server with a phone on it: better to stop than to measure the host."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()

        def answer() -> None:
            listener.accept()[0].close()  # whether anything listens is looked at first
            connection, _ = listener.accept()
            with connection:
                connection.recv(100)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(DeviceNotReady, match="adb server's port"):
            ask_server(address, timeout_s=2)
        thread.join()


def test_a_server_that_never_answers_is_an_error_by_the_deadline() -> None:
    """A frozen server holds phones that nobody else can use."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(DeviceNotReady, match="does not list devices"),
    ):
        ask_server(listener.getsockname(), timeout_s=0.2)
