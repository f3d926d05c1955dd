"""SafeUsbTransport: adb-shell's USB transport with deadlines that hold, and one error class per cause.

adb-shell lets libusb's errors through raw, names the phone's serial number in its own, never sends the empty
packet that ends a transfer of whole packets (adbd then waits for ever), and finds no phone that was plugged
in again where no udev runs. Needs the libusb-1.0 library, which no Python package brings.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from android_runner.transport import DeadlinePassedError, Transport
from android_runner.usb_ports import USB_DEVICES, node_of
from results.errors import ConfigError, DeviceBusy, DeviceNotReady, HarnessError, NoDevice, UsbDenied

log = logging.getLogger(__name__)
# It logs serial numbers at INFO.
logging.getLogger("adb_shell.transport.usb_transport").setLevel(logging.WARNING)

# libusb cannot be interrupted: Ctrl-C and a deadline that moves are noticed between two of these.
_SLICE_S = 0.5
# How long a phone that has more to say to an earlier connection is listened to in silence.
_SILENCE_S = 0.05
_MOST_LAST_WORDS = 8
# A phone that was just plugged in shows its interface only after a moment.
_LOOK_AGAIN_S = 0.2
_LARGEST_READ_BYTES = 1 << 20


class SafeUsbTransport(Transport):
    """The ADB interface at one USB port: "1-4", as /sys and `adb devices -l` name it."""

    def __init__(self, port: str, *, usb_devices: Path = USB_DEVICES) -> None:
        super().__init__()
        self._port = port
        self._usb_devices = usb_devices
        self._context: Any = None
        self._usb: Any = None
        self._packet_bytes = 512
        self._unread = bytearray()
        self._was_there = False
        self.name = f"usb:{port}"

    def connect(self, transport_timeout_s: float | None = None) -> None:
        """Raises NoDevice, DeviceBusy, UsbDenied, DeviceNotReady, and ConfigError where libusb is missing."""
        self._begin_greeting()
        self._unread.clear()
        try:
            import usb1
            from adb_shell.transport import usb_transport
        except (ImportError, OSError) as err:
            raise ConfigError(
                "USB needs the libusb library and the Python package libusb1, and one of them is missing.",
                next_step="As root: apt-get install libusb-1.0-0 (on macOS: brew install libusb). Or use a "
                "running adb server (adb start-server).",
            ) from err
        try:
            # A context of our own each time: an older one may not see what was plugged in since.
            self._context = usb1.USBContext().open()
            device, setting = self._find(
                usb_transport.interface_matcher(
                    usb_transport.CLASS, usb_transport.SUBCLASS, usb_transport.PROTOCOL
                )
            )
            self._packet_bytes = max(endpoint.getMaxPacketSize() for endpoint in setting.iterEndpoints())
            self._usb = usb_transport.UsbTransport(device, setting)
            self._usb.connect()
        except usb1.USBError as err:
            raise self._refused(err) from err
        self._was_there = True
        self._drain()

    def close(self) -> None:
        if self._usb is not None:
            with contextlib.suppress(Exception):
                # What is not heard now meets whoever opens the cable next: an adb server then gives it up.
                for _ in range(_MOST_LAST_WORDS):
                    self._usb.bulk_read(_LARGEST_READ_BYTES, _SILENCE_S)
            with contextlib.suppress(Exception):  # a cable that is gone cannot be let go in order
                self._usb.close()
            self._usb = None
        if self._context is not None:
            with contextlib.suppress(Exception):
                self._context.close()
            self._context = None

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None = None) -> bytes:
        """At least 1 byte. Raises DeadlinePassedError, ForeignGreetingError, or ConnectionResetError."""
        while not self._unread:
            # In whole packets, because one that is longer than what was asked for is lost.
            size = min(-(-numbytes // self._packet_bytes) * self._packet_bytes, _LARGEST_READ_BYTES)
            self._unread += self._transfer(self._usb_read, size)
        data = bytes(self._unread[:numbytes])
        del self._unread[:numbytes]
        self._keep_greeting(data)
        return data

    def bulk_write(self, data: bytes, transport_timeout_s: float | None = None) -> int:
        """Everything is sent. Raises DeadlinePassedError, ConnectionResetError."""
        view = memoryview(data)
        sent = 0
        while sent < len(view):
            sent += self._transfer(self._usb_write, bytes(view[sent:]))
        if sent and sent % self._packet_bytes == 0:
            # adbd reads on until a packet that is not full.
            self._transfer(self._usb_write, b"")
        return sent

    def no_answer(self, reason: str) -> HarnessError:
        return DeviceNotReady(
            f"the phone at {self.name} {reason}.",
            next_step="Unplug it and plug it in again; if that is no help, switch USB debugging off and on.",
        )

    def _find(self, setting_of: Callable[[Any], Any]) -> tuple[Any, Any]:
        """The USB device at our port and its ADB interface; one that was there before is waited for."""
        while True:
            for device in self._context.getDeviceIterator(skip_on_error=True):
                if _port_of(device) == self._port and (setting := setting_of(device)) is not None:
                    return device, setting
            if not self._was_there or self._left() <= _LOOK_AGAIN_S:
                raise NoDevice(
                    f"nothing with USB debugging is plugged into the USB port {self._port}.",
                    next_step="Plug it in there, switch USB debugging on, and see: mobilebert-bench devices",
                )
            time.sleep(_LOOK_AGAIN_S)
            self._context.close()
            self._context.open()

    def _usb_read(self, size: int, left_s: float) -> Any:  # noqa: ANN401 (adb_shell has no types)
        return self._usb.bulk_read(size, left_s)

    def _usb_write(self, data: bytes, left_s: float) -> Any:  # noqa: ANN401
        return self._usb.bulk_write(data, left_s)

    def _transfer(self, move: Callable[[Any, float], Any], what: bytes | int) -> Any:  # noqa: ANN401
        """What one transfer moved (bytes, or how many), in slices until the deadline."""
        from adb_shell.exceptions import UsbReadFailedError, UsbWriteFailedError

        while True:
            if self._usb is None:
                raise ConnectionResetError("the connection is closed")
            left_s = self._left()
            if left_s <= 0:
                raise DeadlinePassedError("the phone moves no data")
            try:
                return move(what, max(0.001, min(left_s, _SLICE_S)))  # for libusb 0 would be for ever
            except (UsbReadFailedError, UsbWriteFailedError) as err:
                # Not its own text, which holds the serial number.
                cause = err.args[1]  # of the two only UsbReadFailedError has a name for it
                if type(cause).__name__ != "USBErrorTimeout":
                    raise ConnectionResetError(f"USB: {cause or 'closed'}") from cause
                moved = getattr(cause, "received", None) or getattr(cause, "transferred", 0)
                if moved:
                    return moved

    def _drain(self) -> None:
        """Drop what the phone still says to an earlier connection, which this one would take for its own."""
        from adb_shell.exceptions import UsbReadFailedError

        while self._left() > 0:
            try:
                self._usb.bulk_read(_LARGEST_READ_BYTES, _SILENCE_S)
            except UsbReadFailedError as err:
                if type(err.usb_error).__name__ == "USBErrorTimeout":
                    return
                raise ConnectionResetError(f"USB: {err.usb_error}") from err.usb_error

    def _refused(self, err: Exception) -> HarnessError:
        """The error for what libusb said when the interface was opened or claimed."""
        kind = type(err).__name__
        log.debug("%s: %s", self.name, err)
        if kind == "USBErrorBusy":
            return DeviceBusy(
                f"another program on this machine holds the phone at {self.name}, most likely an adb server "
                "that is not asked here.",
                next_step="adb kill-server ends it; or choose that server: --device server:HOST:PORT/"
                + self.name,
            )
        if kind == "USBErrorAccess":
            node = node_of(self._port, self._usb_devices)
            return UsbDenied(
                f"this user may not open the phone at {self.name} ({node or 'its file in /dev/bus/usb'}).",
                next_step="Install udev rules for phones (Debian, Ubuntu: apt-get install "
                "android-sdk-platform-tools-common), join the group plugdev, log in again and replug it.",
            )
        if kind in ("USBErrorNoDevice", "USBErrorNotFound", "USBErrorIO"):
            return NoDevice(
                f"the phone at {self.name} went away while it was being opened.",
                next_step="Check the cable, then run again.",
            )
        return DeviceNotReady(
            f"the phone at {self.name} cannot be opened: {err}.",
            next_step="Unplug it and plug it in again, then run again.",
        )


def _port_of(device: Any) -> str:  # noqa: ANN401 (usb1 has no types)
    """The port's name in /sys: bus, then the ports of the hubs on the way."""
    return f"{device.getBusNumber()}-{'.'.join(str(port) for port in device.getPortNumberList())}"
