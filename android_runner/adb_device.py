"""AdbDevice: adb-shell's device with what it leaves undone.

Exit codes and separate streams (shell protocol 2), a service that is refused, and a device's reason for a
push that fails in the middle of a file.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator
from typing import Protocol, cast

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

from android_runner.transport import DeadlinePassedError

# adb-shell's own limits are per packet; SafeTcpTransport's deadline stands in for them.
NO_LIMIT_S = 1e9
PROTOCOL_ERRORS = (InvalidCommandError, InvalidChecksumError, InvalidResponseError, struct.error)

_OUT, _ERR, _EXIT = 1, 2, 3
_PACKET = struct.Struct("<BI")
# stdin is nobody's: a program that reads it ends. The shell's own line of /proc goes ahead of the output, so
# that a command can be ended, with its children, after its connection is gone.
_PRELUDE = "exec </dev/null; read -r mbb_self </proc/self/stat; echo $mbb_self\n"


class RefusedError(Exception):
    """adbd closed a stream instead of opening it."""


# After any of these the connection is out of step or gone.
BROKEN = (DeadlinePassedError, OSError, RefusedError, *PROTOCOL_ERRORS)


class _Sync(Protocol):
    """The fields of adb-shell's _FileSyncTransactionInfo that are used below."""

    send_buffer: bytearray
    send_idx: int
    recv_buffer: bytearray


class AdbDevice(stock.AdbDevice):  # type: ignore[misc]  # adb_shell has no types
    """One connection. `running`: process group and start time of a command that has not ended, if any."""

    running: tuple[int, str] | None = None

    def shell_v2(self, command: str) -> tuple[int, bytes, bytes]:
        """Exit code, stdout and stderr, over a plain pipe. Raises one of BROKEN."""
        streams = {_OUT: bytearray(), _ERR: bytearray()}
        exit_code: int | None = None
        waiting = bytearray()
        for data in self._service(b"shell,v2,raw", _PRELUDE + command):
            waiting += data
            while len(waiting) >= _PACKET.size:
                kind, length = _PACKET.unpack_from(waiting)
                end = _PACKET.size + length
                if len(waiting) < end:
                    break
                if kind in streams:
                    streams[kind] += waiting[_PACKET.size : end]
                elif kind == _EXIT:
                    exit_code = waiting[_PACKET.size]
                del waiting[:end]
            self._note_running(streams[_OUT])
        if exit_code is None:
            raise ConnectionResetError("no exit code came")
        self.running = None
        return exit_code, _without_prelude(streams[_OUT]), bytes(streams[_ERR])

    def shell_v1(self, command: str) -> tuple[int, bytes, bytes]:
        """For Android before 7: a terminal, both streams in stdout, the exit code as a last line of ours."""
        marker = f"mbb-{secrets.token_hex(8)}:"
        output = bytearray()
        # In a subshell, because the command may exit or exec.
        for data in self._service(b"shell", f'{_PRELUDE}(\n{command}\n); echo "{marker}$?"'):
            output += data
            self._note_running(output)
        text, found, code = bytes(output).rpartition(marker.encode())
        if not found or not code.strip().isdigit():
            raise ConnectionResetError("no exit code came")
        self.running = None
        return int(code), _without_prelude(text), b""

    def _service(self, service: bytes, command: str) -> Iterator[bytes]:
        self.running = None
        return cast(
            "Iterator[bytes]",
            self._streaming_command(service, command.encode(), NO_LIMIT_S, NO_LIMIT_S, None),
        )

    def _note_running(self, output: bytearray) -> None:
        """From the prelude's line: pid, which adbd makes a group, and start time (proc(5), field 22)."""
        if self.running is None and b"\n" in output:
            line = output[: output.index(b"\n")].decode("ascii", errors="replace")
            fields = line.rpartition(")")[2].split()
            if len(fields) > 19 and line.split()[0].isdigit():
                self.running = (int(line.split()[0]), fields[19])

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
        data = filesync_info.send_buffer[: filesync_info.send_idx]
        message = AdbMessage(constants.WRTE, adb_info.local_id, adb_info.remote_id, data)
        self._io_manager.send(message, adb_info)
        command = b""
        # A full disk is told here, in the middle of a file; adb-shell waits for OKAY and drops the rest.
        while command != constants.OKAY:
            command, told = self._read_until([constants.OKAY, constants.WRTE, constants.CLSE], adb_info)
            filesync_info.recv_buffer += told
            _check_failure(filesync_info.recv_buffer)
            if command == constants.CLSE:
                raise RefusedError("sync: closed")
        filesync_info.send_idx = 0


def _check_failure(received: bytearray) -> None:
    """Raises PushFailedError when a whole FAIL message has come."""
    if received[:4] == b"FAIL" and len(received) >= 8:
        end = 8 + int.from_bytes(received[4:8], "little")
        if len(received) >= end:
            raise PushFailedError(received[8:end])


def _without_prelude(output: bytes | bytearray) -> bytes:
    return bytes(output).partition(b"\n")[2]
