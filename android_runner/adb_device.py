"""AdbDevice: adb-shell's device with what it leaves undone.

Exit codes and separate streams (shell_protocol.py), a service that is refused, and a device's reason for a
push that fails in the middle of a file.
"""

from __future__ import annotations

import struct
import zlib
from typing import Protocol

from adb_shell import adb_device as stock
from adb_shell import constants
from adb_shell.adb_message import AdbMessage
from adb_shell.exceptions import (
    InvalidChecksumError,
    InvalidCommandError,
    InvalidResponseError,
    PushFailedError,
)
from adb_shell.hidden_helpers import _AdbTransactionInfo

from android_runner.shell_protocol import SERVICE_V1, SERVICE_V2, Running, ShellCall

# adb-shell's own limits are per packet; Transport's deadline stands in for them.
NO_LIMIT_S = 1e9
PROTOCOL_ERRORS = (InvalidCommandError, InvalidChecksumError, InvalidResponseError, struct.error)


class RefusedError(Exception):
    """adbd closed a stream instead of opening it."""


# After any of these the connection is out of step or gone.
BROKEN = (OSError, RefusedError, *PROTOCOL_ERRORS)


class _Sync(Protocol):
    """The fields of adb-shell's _FileSyncTransactionInfo that are used below."""

    send_buffer: bytearray
    send_idx: int
    recv_buffer: bytearray


class _Message(AdbMessage):  # type: ignore[misc]
    """A large message, whose checksum is not what takes the time: adb-shell's own adds byte by byte."""

    def __init__(self, command: bytes, local_id: int, remote_id: int, data: bytes) -> None:
        super().__init__(command, local_id, remote_id, data)
        self._checksum = _sum_of_bytes(data)

    @property
    def checksum(self) -> int:
        return self._checksum


class AdbDevice(stock.AdbDevice):  # type: ignore[misc]  # adb_shell has no types
    """One connection. `call`: the last command that was sent over it."""

    call: ShellCall | None = None
    _unanswered = False  # a message of the file service was sent, and its OKAY is not here yet

    def execute(self, command: str, *, v2: bool) -> tuple[int, bytes, bytes]:
        """Exit code, stdout and stderr; by protocol 1 both streams in stdout.

        Raises DeadlinePassedError, or one of BROKEN.
        """
        self.call = ShellCall(command, v2=v2)
        service = (SERVICE_V2 if v2 else SERVICE_V1).encode()
        for data in self._streaming_command(
            service, self.call.command.encode(), NO_LIMIT_S, NO_LIMIT_S, None
        ):
            self.call.feed(data)
        return self.call.result()

    @property
    def running(self) -> Running | None:
        """The last command, where it is known not to have ended."""
        return None if self.call is None else self.call.running

    def _open(
        self,
        destination: bytes,
        transport_timeout_s: float | None,
        read_timeout_s: float,
        timeout_s: float | None,
    ) -> _AdbTransactionInfo:
        with self._local_id_lock:
            self._local_id += 1
            info = _AdbTransactionInfo(self._local_id, None, None, read_timeout_s, None)
        self._io_manager.send(AdbMessage(constants.OPEN, info.local_id, 0, destination + b"\0"), info)
        command, info.remote_id, _, _ = self._io_manager.read([constants.OKAY, constants.CLSE], info)
        if command == constants.CLSE:
            raise RefusedError(f"{destination.split(b':')[0].decode('ascii', 'replace')}: refused")
        return info

    def _filesync_flush(self, adb_info: _AdbTransactionInfo, filesync_info: _Sync) -> None:
        data = bytes(filesync_info.send_buffer[: filesync_info.send_idx])
        message = _Message(constants.WRTE, adb_info.local_id, adb_info.remote_id, data)
        # Only now: what follows is made ready while the device takes in what went before.
        self._filesync_settle(adb_info, filesync_info)
        self._io_manager.send(message, adb_info)
        self._unanswered = True
        filesync_info.send_idx = 0

    def _filesync_settle(self, adb_info: _AdbTransactionInfo, filesync_info: _Sync) -> None:
        """Wait until the device has taken what was sent last."""
        # A full disk is told here, in the middle of a file; adb-shell waits for OKAY and drops the rest.
        while self._unanswered:
            command, told = self._read_until([constants.OKAY, constants.WRTE, constants.CLSE], adb_info)
            filesync_info.recv_buffer += told
            _check_failure(filesync_info.recv_buffer)
            if command == constants.CLSE:
                raise RefusedError("sync: closed")
            self._unanswered = command != constants.OKAY

    def _filesync_read(
        self, expected_ids: list[bytes], adb_info: _AdbTransactionInfo, filesync_info: _Sync
    ) -> tuple[bytes, tuple[int, ...], bytes]:
        if filesync_info.send_idx:
            self._filesync_flush(adb_info, filesync_info)
        self._filesync_settle(adb_info, filesync_info)
        found: tuple[bytes, tuple[int, ...], bytes] = super()._filesync_read(
            expected_ids, adb_info, filesync_info
        )
        return found


def _sum_of_bytes(data: bytes) -> int:
    """The sum modulo 2**32, eight times as fast as sum().

    Adler-32's lower half is 1 + the sum modulo 65521, and 256 bytes have a sum below that.
    """
    view = memoryview(data)
    total = sum((zlib.adler32(view[at : at + 256]) & 0xFFFF) - 1 for at in range(0, len(view), 256))
    return total & 0xFFFFFFFF


def _check_failure(received: bytearray) -> None:
    """Raises PushFailedError when a whole FAIL message has come."""
    if received[:4] == b"FAIL" and len(received) >= 8:
        end = 8 + int.from_bytes(received[4:8], "little")
        if len(received) >= end:
            raise PushFailedError(received[8:end])
