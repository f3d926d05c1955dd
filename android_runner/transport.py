"""The ways on which adb-shell's messages travel, with deadlines that hold: one over TCP; USB's is in usb.py.

adb-shell 0.4.4 sends on a non-blocking socket once and ignores how much went, so that any file over some
64 KB is cut on every link but loopback; and it reads on from a connection that is closed, at full load, until
its timeout. Its timeouts are per packet; ours are points in time, set by the link before each call.

Source: https://github.com/JeffLIrion/adb_shell/issues/205 and /209.
"""

from __future__ import annotations

import abc
import contextlib
import logging
import select
import socket
import struct
import time

from adb_shell.transport.base_transport import BaseTransport

from results.errors import DeviceUnreachable, ForeignProtocol, HarnessError

# adb-shell logs every byte that it moves at DEBUG, and with them the serial number in `getprop`'s answer.
logging.getLogger("adb_shell").setLevel(logging.INFO)

_HEADER = struct.Struct("<4s5I")  # command, two arguments, length, checksum, magic
_GREETINGS = (b"CNXN", b"AUTH")
# Seldom, because a device that measures should be left alone; and 45 s in all, because Wi-Fi may stall for
# several seconds and come back. A side that ends or resets the connection is noticed at once without these.
_KEEPALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 6), ("TCP_USER_TIMEOUT", 45_000))


class DeadlinePassedError(Exception):
    """The point in time set for this call is over; the connection is out of step."""


class ForeignGreetingError(Exception):
    """What answers does not speak ADB, or wants TLS: its first bytes are in `Transport.greeting`."""


class Transport(BaseTransport):  # type: ignore[misc]  # adb_shell has no types
    """What a link asks of a transport. Every wait ends at `deadline` (of time.monotonic()).

    `connect` raises the error that its user sees, such as DeviceUnreachable; afterwards reading and writing
    raise DeadlinePassedError, ForeignGreetingError or OSError.
    """

    name: str

    def __init__(self) -> None:
        self._greeted = False
        self.deadline = 0.0
        self.greeting = bytearray()

    @abc.abstractmethod
    def no_answer(self, reason: str) -> HarnessError:
        """The error for what can be opened and is no adbd that talks. `reason`: what it does instead."""

    def end_greeting(self) -> str:
        """The text of the device's CNXN message (its banner); from now on nothing is kept."""
        self._greeted = True
        banner, start = b"", 0
        while start + _HEADER.size <= len(self.greeting):
            command, _, _, length, _, _ = _HEADER.unpack_from(self.greeting, start)
            start += _HEADER.size + length
            if command == b"CNXN":
                banner = bytes(self.greeting[start - length : start])
        self.greeting.clear()
        return banner.rstrip(b"\0").decode("utf-8", errors="replace")

    def _begin_greeting(self) -> None:
        self._greeted = False
        self.greeting.clear()

    def _keep_greeting(self, data: bytes) -> None:
        """Raises ForeignGreetingError as soon as the first bytes cannot be adbd's."""
        if not self._greeted:
            self.greeting += data
            if not any(greeting.startswith(self.greeting[:4]) for greeting in _GREETINGS):
                raise ForeignGreetingError(bytes(self.greeting[:80]))

    def _left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())


class SafeTcpTransport(Transport):
    """One TCP connection."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__()
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self.name = f"tcp:[{host}]:{port}" if ":" in host else f"tcp:{host}:{port}"

    def connect(self, transport_timeout_s: float | None = None) -> None:
        """Raises DeviceUnreachable when nothing listens there."""
        self._begin_greeting()
        try:
            made = socket.create_connection(self._address, timeout=max(0.001, self._left()))
        # UnicodeError: a name that no resolver could even be asked for.
        except (OSError, UnicodeError) as err:
            raise self._unreachable(err) from err
        made.setblocking(False)
        # adb-shell sends each message in two parts; with Nagle's algorithm each would wait 40 ms.
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            if hasattr(socket, option):
                made.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        self._socket = made

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
            self._socket = None

    def bulk_read(self, numbytes: int, transport_timeout_s: float | None = None) -> bytes:
        """At least 1 byte. Raises DeadlinePassedError, ForeignGreetingError, or ConnectionResetError."""
        data = b""
        while not data:
            if not select.select([self._open()], [], [], self._left())[0]:
                raise DeadlinePassedError("no word from the device")
            try:
                data = self._open().recv(numbytes)
            except BlockingIOError:
                continue
            if not data:
                raise ConnectionResetError("the other side closed the connection")
        self._keep_greeting(data)
        return data

    def bulk_write(self, data: bytes, transport_timeout_s: float | None = None) -> int:
        """Everything is sent. Raises DeadlinePassedError, OSError."""
        view = memoryview(data)
        sent = 0
        while sent < len(view):
            if not select.select([], [self._open()], [], self._left())[1]:
                raise DeadlinePassedError(f"the device took {sent} of {len(view)} bytes")
            with contextlib.suppress(BlockingIOError):
                sent += self._open().send(view[sent:])
        return sent

    def no_answer(self, reason: str) -> HarnessError:
        return ForeignProtocol(
            f"{self.name} {reason}.",
            next_step="Check the port: adb tcpip 5555 on the phone's cable makes its adbd listen on 5555.",
        )

    def _unreachable(self, err: OSError | UnicodeError) -> DeviceUnreachable:
        host, port = self._address
        if isinstance(err, socket.gaierror | UnicodeError):
            reason = f"no address is known for {host}"
        elif isinstance(err, ConnectionRefusedError):
            reason = f"nothing listens on port {port}"
        else:
            reason = err.strerror or "no answer"
        return DeviceUnreachable(
            f"{self.name} cannot be reached: {reason}.",
            next_step="Check the address; on the phone's cable, adb tcpip 5555 opens that port.",
        )

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionResetError("the connection is closed")
        return self._socket
