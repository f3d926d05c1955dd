"""The USB transport above libusb: sizes, slices, one error for each cause. Real cables: test_machines.py."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import usb1
from adb_shell.exceptions import UsbReadFailedError, UsbWriteFailedError

from android_runner.adb import AdbLink
from android_runner.transport import DeadlinePassedError, ForeignGreetingError
from android_runner.usb import SafeUsbTransport
from android_runner.usb_ports import node_of, usb_ports
from results.errors import ConfigError, DeviceBusy, DeviceNotReady, NoDevice, UsbDenied

SERIAL = "SERIAL0001"
GREETING = b"CNXN" + bytes(20)


class ScriptedUsb:
    """adb-shell's UsbTransport over libusb, replaced by a strict list of transfers, nothing left over."""

    def __init__(self, *transfers: tuple[str, Any, Any]) -> None:
        self._transfers = list(transfers)

    def bulk_read(self, size: int, timeout_s: float) -> bytes:
        return self._next("read", size)  # type: ignore[no-any-return]

    def bulk_write(self, data: bytes, timeout_s: float) -> int:
        return self._next("write", data)  # type: ignore[no-any-return]

    @property
    def used_up(self) -> bool:
        return not self._transfers

    def _next(self, way: str, what: object) -> Any:  # noqa: ANN401
        assert (way, what) == self._transfers[0][:2]
        answer = self._transfers.pop(0)[2]
        if isinstance(answer, Exception):
            raise answer
        return answer


def _timeout(**moved: object) -> UsbReadFailedError:
    """As adb-shell wraps libusb's, with the serial number in its text."""
    cause = usb1.USBErrorTimeout()
    for name, value in moved.items():
        setattr(cause, name, value)
    return UsbReadFailedError(f"Could not receive data from {SERIAL}", cause)


def _transport(*transfers: tuple[str, Any, Any], greeted: bool = True) -> SafeUsbTransport:
    transport = SafeUsbTransport("1-4")
    transport._usb = ScriptedUsb(*transfers)
    transport.deadline = time.monotonic() + 60
    if greeted:
        transport.end_greeting()
    return transport


@pytest.fixture
def no_libusb(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which the library is missing: importing usb1 fails as it does there."""
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        if name == "usb1":
            raise OSError("libusb-1.0.so.0: cannot open shared object file")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)


def test_reads_are_of_whole_packets() -> None:
    """A packet longer than what was asked for is an overflow, and lost; the rest waits for the next read."""
    transport = _transport(("read", 512, b"header" + bytes(18)), ("read", 1024, bytes(range(200)) * 3))
    assert transport.bulk_read(24) == b"header" + bytes(18)
    assert transport.bulk_read(600) == bytes(range(200)) * 3
    assert transport._usb.used_up


def test_what_came_with_a_read_is_given_by_the_next() -> None:
    """Two short messages in one transfer must not become one."""
    transport = _transport(("read", 512, b"a" * 24 + b"b" * 8))
    assert [transport.bulk_read(24), transport.bulk_read(8)] == [b"a" * 24, b"b" * 8]
    assert transport._usb.used_up


@pytest.mark.parametrize(("size", "empty_packet"), [(511, False), (512, True), (513, False), (4096, True)])
def test_transfers_of_whole_packets_end_with_an_empty_one(size: int, empty_packet: bool) -> None:
    """adbd reads on until a packet that is not full: a command of just that length would hang for ever."""
    data = bytes(size)
    end = [("write", b"", 0)] if empty_packet else []
    transport = _transport(("write", data, size), *end)
    assert transport.bulk_write(data) == size
    assert transport._usb.used_up


def test_slow_transfers_lose_nothing() -> None:
    """A slice that passes in the middle of a transfer moved some of it."""
    transport = _transport(
        ("read", 512, _timeout(received=b"")),
        ("read", 512, _timeout(received=b"half ")),
        ("write", b"half rest", _timeout(transferred=5)),
        ("write", b"rest", 4),
    )
    assert transport.bulk_read(24) == b"half "
    assert transport.bulk_write(b"half rest") == 9
    assert transport._usb.used_up


def test_deadline_is_a_point_in_time() -> None:
    """adb-shell's limit starts anew with each transfer."""
    transport = _transport(("read", 512, _timeout()))
    transport.deadline = time.monotonic() + 0.001
    time.sleep(0.002)
    with pytest.raises(DeadlinePassedError):
        transport.bulk_read(24)


@pytest.mark.parametrize("cause", [usb1.USBErrorNoDevice(), usb1.USBErrorIO(), usb1.USBErrorPipe(), None])
def test_pulled_cable_is_a_reset_without_the_serial(cause: Exception | None) -> None:
    """adb-shell's own text names the phone."""
    transport = _transport(
        ("read", 512, UsbReadFailedError(f"from {SERIAL}", cause)),
        ("write", b"x", UsbWriteFailedError(f"to {SERIAL}", cause)),
    )
    for move in (lambda: transport.bulk_read(24), lambda: transport.bulk_write(b"x")):
        with pytest.raises(ConnectionResetError) as caught:
            move()
        assert SERIAL not in f"{caught.value}{caught.value.__cause__}"


def test_something_else_than_adbd_is_told_by_its_first_bytes() -> None:
    """A modem with the same vendor class of interface."""
    assert _transport(("read", 512, GREETING), greeted=False).bulk_read(24) == GREETING
    with pytest.raises(ForeignGreetingError):
        _transport(("read", 512, b"\r\nOK\r\n"), greeted=False).bulk_read(24)


def test_what_an_earlier_connection_left_is_dropped() -> None:
    """Its last words would be taken for the answer to our greeting."""
    transport = _transport(("read", 1 << 20, b"old"), ("read", 1 << 20, _timeout(received=b"")))
    transport._drain()
    assert transport._usb.used_up


@pytest.mark.parametrize(
    ("cause", "kind", "advice"),
    [
        (usb1.USBErrorBusy(), DeviceBusy, "adb kill-server"),
        (usb1.USBErrorAccess(), UsbDenied, "plugdev"),
        (usb1.USBErrorNoDevice(), NoDevice, "cable"),
        (usb1.USBErrorNotSupported(), DeviceNotReady, "plug it in again"),
    ],
)
def test_each_refusal_of_libusb_has_its_own_error(cause: Exception, kind: type, advice: str) -> None:
    """adb-shell lets them through raw, and they are no OSError: a traceback."""
    error = SafeUsbTransport("1-4")._refused(cause)
    assert type(error) is kind
    assert "usb:1-4" in error.what
    assert advice in error.next_step


def test_nothing_plugged_in_is_no_device() -> None:
    """Asked of the real library, which sees no such port."""
    with pytest.raises(NoDevice, match="1-4"):
        AdbLink(SafeUsbTransport("1-4")).reconnect(timeout_s=1)


def test_missing_library_names_its_package(no_libusb: None) -> None:
    """libusb1 installs without it, and fails only as it is used."""
    with pytest.raises(ConfigError) as caught:
        AdbLink(SafeUsbTransport("1-4")).reconnect(timeout_s=1)
    assert "apt-get install libusb-1.0-0" in caught.value.next_step


def test_modules_are_imported_without_libusb_and_adbutils() -> None:
    """`--help` and TCP need neither; so that a machine without them can do all the rest."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(('usb1', 'adbutils', 'numpy')))\n"
        "import android_runner.usb, android_runner.discover, android_runner.server"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_ports_are_read_as_linux_shows_them(tmp_path: Path) -> None:
    """Two interfaces of one phone, a hub between, a number with leading zeros; and rights of the file."""
    devices, nodes = tmp_path / "sys", tmp_path / "dev"
    interface = devices / "1-4.2:1.1"
    interface.mkdir(parents=True)
    for name, value in zip(
        ("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"), ("ff", "42", "01"), strict=True
    ):
        (interface / name).write_text(f"{value}\n", encoding="ascii")
    (devices / "1-4.2").mkdir()
    for name, value in (("busnum", "1"), ("devnum", "12"), ("serial", SERIAL), ("product", "Pixel 4")):
        (devices / "1-4.2" / name).write_text(f"{value}\n", encoding="ascii")
    node = nodes / "001" / "012"
    assert node_of("1-4.2", devices, nodes) == node
    node.parent.mkdir(parents=True)
    node.touch()
    (port,) = usb_ports(devices, nodes)
    assert (port.port, port.model, port.serial, port.denied) == ("1-4.2", "Pixel 4", SERIAL, False)
    assert SERIAL not in repr(port)
    if os.geteuid() != 0:  # root may open everything
        node.chmod(0)
        assert usb_ports(devices, nodes)[0].denied
