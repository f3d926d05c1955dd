"""Link: the one way to a device. Every call has a deadline; a command's exit code is its own.

HostLink is this machine, through the same interface and without ADB.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from results.errors import NoSpaceOnDevice, PushFailed, RunTimedOut, TargetNotWritable


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """One command that ended by itself: exit code (128 + n for signal n), its two streams, seconds."""

    command: str
    exit_code: int
    stdout: bytes
    stderr: bytes
    seconds: float

    @property
    def text(self) -> str:
        """stdout as text: CRLF folded, bytes that are not UTF-8 replaced."""
        return self.stdout.decode("utf-8", errors="replace").replace("\r\n", "\n")

    @property
    def error_text(self) -> str:
        """stderr as text, folded like `text`."""
        return self.stderr.decode("utf-8", errors="replace").replace("\r\n", "\n")


class Link(Protocol):
    """A way to run commands and move files on one device.

    Every method raises DeviceLost when the device goes away. After RunTimedOut or DeviceLost the
    connection is unusable; `reconnect` makes it anew (and ends what still ran on the old one).
    """

    @property
    def name(self) -> str:
        """How messages name this device: an address or "host", never a serial."""
        ...

    def run(self, command: str, *, timeout_s: float) -> Completed:
        """Run a POSIX shell command. Raises RunTimedOut past the deadline."""
        ...

    def push(self, local: Path, remote: str, *, mode: int, timeout_s: float) -> None:
        """Copy one file there, over what is there. Raises PushFailed; the remote file is then undefined."""
        ...

    def pull(self, remote: str, local: Path, *, timeout_s: float) -> None:
        """Copy one file here. Raises OutputUnreadable when it is not there or cannot be read."""
        ...

    def reconnect(self, *, timeout_s: float) -> None:
        """Drop the connection, if any is left, and make a new one. Raises the discovery errors."""
        ...

    def close(self) -> None:
        """Let the device go; never raises."""
        ...
