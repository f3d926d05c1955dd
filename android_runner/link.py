"""Link: the one way to a device. Every call has a deadline; a command's exit code is its own.

HostLink is this machine, through the same interface and without ADB.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from results.errors import (
    NoSpaceOnDevice,
    OutputUnreadable,
    PushFailed,
    RecordNotSaved,
    RunTimedOut,
    TargetNotWritable,
)

log = logging.getLogger(__name__)

HOST = "host"


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
        """Copy one file here, whole or not at all.

        Raises OutputUnreadable when it is not there or cannot be read, RecordNotSaved when `local` cannot be
        written.
        """
        ...

    def reconnect(self, *, timeout_s: float) -> None:
        """Drop the connection, if any is left, and make a new one. Raises the discovery errors."""
        ...

    def close(self) -> None:
        """Let the device go; never raises."""
        ...


class HostLink:
    """This machine as a device: the same calls, without ADB."""

    @property
    def name(self) -> str:
        return HOST

    def run(self, command: str, *, timeout_s: float) -> Completed:
        begin = time.monotonic()
        # A session of its own, so that the deadline ends the command with all that it started.
        with subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(timeout=timeout_s)
            except BaseException as err:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                if not isinstance(err, subprocess.TimeoutExpired):
                    raise
                log.debug("host: %s: no end after %.3f s", command, timeout_s)
                raise RunTimedOut(
                    f"a command on this machine did not end within {timeout_s:g} s; it was killed.",
                    next_step="Close what else is running here and try again.",
                    command=command,
                    timeout_s=timeout_s,
                ) from err
        code = process.returncode
        seconds = time.monotonic() - begin
        log.debug("host: %s: exit %d, %.3f s", command, code, seconds)
        return Completed(
            command=command,
            exit_code=code if code >= 0 else 128 - code,
            stdout=stdout,
            stderr=stderr,
            seconds=seconds,
        )

    def push(self, local: Path, remote: str, *, mode: int, timeout_s: float) -> None:
        target = Path(remote)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            # As adbd does: the old file goes first, so that a program that still runs is no obstacle.
            target.unlink(missing_ok=True)
            shutil.copyfile(local, target)
            target.chmod(mode)
        except OSError as err:
            raise push_error(self.name, remote, err.strerror or str(err), err.errno) from err

    def pull(self, remote: str, local: Path, *, timeout_s: float) -> None:
        try:
            content = Path(remote).read_bytes()
        except OSError as err:
            raise pull_error(self.name, remote, err.strerror or str(err)) from err
        write_here(local, content)

    def reconnect(self, *, timeout_s: float) -> None:
        """Nothing to do: this machine cannot be lost."""

    def close(self) -> None:
        """Nothing to let go."""


def push_error(device: str, remote: str, reason: str, number: int | None = None) -> PushFailed:
    """The class of a failed push, by errno's number or by the device's words for it."""
    words = {
        errno.ENOSPC: "No space left on device",
        errno.EDQUOT: "Disk quota exceeded",
        errno.EROFS: "Read-only file system",
        errno.EACCES: "Permission denied",
        errno.EPERM: "Operation not permitted",
    }
    for known, text in words.items():
        if number is None and text.lower() in reason.lower():
            number = known
    facts = {"device": device, "path": remote, "reason": reason}
    if number in (errno.ENOSPC, errno.EDQUOT):
        return NoSpaceOnDevice(
            f"{remote} did not fit on the disk of {device}: {reason}.",
            next_step="Free space there (adb shell df shows what is left), then run again.",
            **facts,
        )
    if number in (errno.EROFS, errno.EACCES, errno.EPERM):
        return TargetNotWritable(
            f"{remote} cannot be written on {device}: {reason}.",
            next_step="Make that folder writable, or remove what another user left there.",
            **facts,
        )
    return PushFailed(
        f"{remote} could not be written on {device}: {reason}.",
        next_step="Remove what is in the way under that name, then run again.",
        **facts,
    )


def pull_error(device: str, remote: str, reason: str) -> OutputUnreadable:
    """A file that did not come back."""
    return OutputUnreadable(
        f"{remote} could not be read from {device}: {reason}.",
        next_step="Run again; if it repeats, look at the device program's messages in the log.",
        device=device,
        path=remote,
        reason=reason,
    )


def write_here(local: Path, content: bytes | memoryview) -> None:
    """A pulled file on this machine, whole or not at all. Raises RecordNotSaved."""
    part = local.with_name(f"{local.name}.part")  # what a failure removes is our own, never `local`
    try:
        part.write_bytes(content)
        part.replace(local)
    except OSError as err:
        with contextlib.suppress(OSError):
            part.unlink()
        raise unwritable_here(local, err) from err


def unwritable_here(local: Path, err: OSError) -> RecordNotSaved:
    """A file that came from the device, and that this machine's own disk does not take."""
    return RecordNotSaved(
        f"{local} could not be written on this machine: {err.strerror or err}.",
        next_step=f"Free space there (df {local.parent}) or make that folder writable, then run again.",
        path=local,
    )
