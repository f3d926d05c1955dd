"""adbd's two shell protocols, whatever carries them: exit codes, streams, and what still runs there.

Protocol 2 (Android 7) is packets over a plain pipe; protocol 1 is a terminal without an exit code.
"""

from __future__ import annotations

import re
import secrets
import struct
from dataclasses import dataclass

SERVICE_V2, SERVICE_V1 = "shell,v2,raw", "shell"
FEATURE_V2 = "shell_v2"  # how a device's banner and an adb server name protocol 2

_OUT, _ERR, _EXIT = 1, 2, 3
_PACKET = struct.Struct("<BI")
# stdin is nobody's: a program that reads it ends. The shell's own line of /proc goes ahead of the output, so
# that a command can be ended, with its children, after its connection is gone.
_PRELUDE = "exec </dev/null; read -r mbb_self </proc/self/stat; echo $mbb_self\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A command that has not ended: its process group, and when that began (clock ticks since boot)."""

    group: int
    start: str

    def end_command(self) -> str:
        """The command that ends it, with its children.

        Another process may have the number by now (the device restarted): then its start time differs.
        """
        return (
            f"(read -r stat </proc/{self.group}/stat && "
            f"case $stat in *' {self.start} '*) ;; *) exit 0;; esac; kill -KILL -{self.group}) 2>/dev/null"
        )


class ShellCall:
    """One command on its way: `request` is what adbd is sent; its answer is fed in as it comes.

    `running` is set while the command is known to run. Raises ConnectionResetError from `result` when the
    answer ended before the command did: no exit code is ever made up.
    """

    def __init__(self, command: str, *, v2: bool) -> None:
        self._v2 = v2
        self._marker = f"mbb-{secrets.token_hex(8)}:"
        self._waiting = bytearray()
        self._streams = {_OUT: bytearray(), _ERR: bytearray()}
        self._exit_code: int | None = None
        self.running: Running | None = None
        # Protocol 1: in a subshell, because the command may exit or exec.
        self.command = _PRELUDE + (command if v2 else f'(\n{command}\n); echo "{self._marker}$?"')

    @property
    def request(self) -> str:
        """The service with its argument, as adb's OPEN message holds it."""
        return f"{SERVICE_V2 if self._v2 else SERVICE_V1}:{self.command}"

    @property
    def ended(self) -> bool:
        """Whether the exit code has come; protocol 1 has none before the connection ends."""
        return self._exit_code is not None

    def feed(self, data: bytes) -> None:
        if not self._v2:
            self._streams[_OUT] += data
            self._note_running()
            return
        self._waiting += data
        start = 0
        while start + _PACKET.size <= len(self._waiting):
            kind, length = _PACKET.unpack_from(self._waiting, start)
            end = start + _PACKET.size + length
            if len(self._waiting) < end:
                break
            content = self._waiting[start + _PACKET.size : end]
            if kind in self._streams:
                self._streams[kind] += content
            elif kind == _EXIT and content:
                self._exit_code = content[0]
            start = end
        del self._waiting[:start]
        self._note_running()

    def result(self) -> tuple[int, bytes, bytes]:
        """Exit code, stdout (protocol 1: with stderr in it), stderr. Raises ConnectionResetError."""
        output = bytes(self._streams[_OUT])
        if not self._v2:
            output, found, code = output.rpartition(self._marker.encode())
            if found and re.fullmatch(rb"\d{1,3}\s*", code):
                self._exit_code = int(code)
        if self._exit_code is None:
            raise ConnectionResetError("no exit code came")
        self.running = None
        return self._exit_code, output.partition(b"\n")[2], bytes(self._streams[_ERR])

    def _note_running(self) -> None:
        """From the prelude's line: pid, which adbd makes a group, and start time (proc(5), field 22)."""
        output = self._streams[_OUT]
        if self.running is None and b"\n" in output[:4096]:
            line = output[: output.index(b"\n")].decode("ascii", errors="replace")
            fields = line.rpartition(")")[2].split()
            pid = line.partition(" ")[0]
            if len(fields) > 19 and re.fullmatch(r"\d{1,10}", pid) and re.fullmatch(r"\d{1,20}", fields[19]):
                self.running = Running(group=int(pid), start=fields[19])
