"""SafeTcpTransport: adb-shell's TCP transport without its two defects, and with deadlines that hold.

adb-shell 0.4.4 sends on a non-blocking socket once and ignores how much went, so that any file over some
64 KB is cut on every link but loopback; and it reads on from a connection that is closed, at full load, until
its timeout. Its timeouts are per packet; ours are points in time, set by the link before each call.

Source: https://github.com/JeffLIrion/adb_shell/issues/205 and /209.
"""

from __future__ import annotations

import contextlib
import logging
import select
import socket
import struct
import time

from adb_shell.transport.base_transport import BaseTransport

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
    """What answers does not speak ADB, or wants TLS: its first bytes are in `SafeTcpTransport.greeting`."""


class SafeTcpTransport(BaseTransport):  # type: ignore[misc]  # adb_shell has no types
    """One TCP connection. Every wait ends at `deadline` (of time.monotonic()), not when adb-shell says."""

    def __init__(self, host: str, port: int) -> None:
        self._address = (host, port)
        self._socket: socket.socket | None = None
        self._greeted = False
        self.deadline = 0.0
        self.greeting = bytearray()

    @property
    def connected(self) -> bool:
        return self._socket is not None

    def connect(self, transport_timeout_s: float | None = None) -> None:
        """Raises OSError when nothing listens there."""
        self._greeted = False
        self.greeting.clear()
        try:
            made = socket.create_connection(self._address, timeout=max(0.001, self._left()))
        except UnicodeError as err:  # a name that no resolver could even be asked for
            raise socket.gaierror(socket.EAI_NONAME, "not a host name") from err
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
        if not self._greeted:
            self.greeting += data
            if not any(greeting.startswith(self.greeting[:4]) for greeting in _GREETINGS):
                raise ForeignGreetingError(bytes(self.greeting[:80]))
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

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise ConnectionResetError("the connection is closed")
        return self._socket

    def _left(self) -> float:
        return max(0.0, self.deadline - time.monotonic())
