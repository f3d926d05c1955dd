"""Files to the device, whole or not at all; what is there already is not sent again."""

from __future__ import annotations

import contextlib
import logging
import posixpath
import shlex
from pathlib import Path

from android_runner.device_text import parse_df
from android_runner.link import Link, push_error
from results.errors import DeviceNotReady, HarnessError, NoSpaceOnDevice, PushFailed

log = logging.getLogger(__name__)

_ASK_TIMEOUT_S = 60.0
_RECONNECT_TIMEOUT_S = 15.0
_NO_SUCH_COMMAND = 127  # as every POSIX shell says it
_MARGIN_BYTES = 1 << 20  # what the file system itself may need beside the file


def push_verified(link: Link, local: Path, remote: str, *, sha256: str, mode: int, timeout_s: float) -> bool:
    """True if it was sent, False if a file with that SHA-256 was there already; then only its mode is set.

    Raises DeviceNotReady where files cannot be hashed, NoSpaceOnDevice, TargetNotWritable, PushFailed, and
    the link's errors.
    """
    quoted, bits = shlex.quote(remote), f"{mode:o}"
    there = link.run(f"sha256sum {quoted} && chmod {bits} {quoted}", timeout_s=_ASK_TIMEOUT_S)
    if there.exit_code == _NO_SUCH_COMMAND:
        raise DeviceNotReady(
            f"{link.name} has no sha256sum command, without which no file that is sent can be checked.",
            next_step="Measure on a phone with Android 8.0 or later, which has it.",
            stderr=there.error_text,
        )
    if there.exit_code == 0 and _digest(there.text) == sha256:
        log.debug("%s: %s is there already", link.name, remote)
        return False
    _check_target(link, remote, local.stat().st_size)
    part = f"{remote}.part"
    try:
        link.push(local, part, mode=mode, timeout_s=timeout_s)
        _verify(link, part, remote, sha256=sha256, bits=bits)
    except PushFailed as err:
        failure = _named(link, part, remote, local.stat().st_size, err)
        raise failure from err
    return True


def _check_target(link: Link, remote: str, size_bytes: int) -> None:
    """Make the folder; see that it can be written and has the room, before a byte of the file is sent."""
    folder = posixpath.dirname(remote)
    quoted = shlex.quote(folder)
    asked = link.run(
        f"mkdir -p {quoted} && touch {quoted}/.probe && rm {quoted}/.probe && df -k {quoted}",
        timeout_s=_ASK_TIMEOUT_S,
    )
    if asked.exit_code != 0:
        words = (asked.error_text.strip() or asked.text.strip() or "no reason given").splitlines()[-1]
        raise push_error(link.name, folder, words.rpartition(": ")[2])
    free_bytes = parse_df(asked.text)
    if free_bytes is not None and free_bytes < size_bytes:
        raise _too_full(link, remote, size_bytes, free_bytes)


def _verify(link: Link, part: str, remote: str, *, sha256: str, bits: str) -> None:
    """Give the file its name if what arrived is what was sent."""
    arrived, name = shlex.quote(part), shlex.quote(remote)
    done = link.run(f"sha256sum {arrived}", timeout_s=_ASK_TIMEOUT_S)
    found = _digest(done.text)
    if done.exit_code != 0 or found != sha256:
        raise PushFailed(
            f"{remote} arrived on {link.name} with SHA-256 {found[:12] or 'unknown'}..., "
            f"not {sha256[:12]}...",
            next_step="Run again; if it repeats, try another cable or network.",
            path=remote,
        )
    named = link.run(f"chmod {bits} {arrived} && mv -f {arrived} {name}", timeout_s=_ASK_TIMEOUT_S)
    if named.exit_code != 0:
        raise push_error(link.name, remote, named.error_text.strip() or f"mv ended with {named.exit_code}")


def _digest(text: str) -> str:
    """What sha256sum printed ahead of the name; GNU's puts a backslash ahead of it for an escaped name."""
    return (text.split() or [""])[0].removeprefix("\\")


def _named(link: Link, part: str, remote: str, size_bytes: int, err: PushFailed) -> PushFailed:
    """The failure with its true reason, which some devices do not give, and the rest of the file removed."""
    free_bytes = None
    with contextlib.suppress(HarnessError):
        folder = shlex.quote(posixpath.dirname(remote))
        left = link.run(f"df -k {folder}; rm -f {shlex.quote(part)}", timeout_s=_ASK_TIMEOUT_S)
        free_bytes = parse_df(left.text)
    if type(err) is PushFailed and free_bytes is not None and free_bytes < _MARGIN_BYTES:
        return _too_full(link, remote, size_bytes, free_bytes)
    return err


def _too_full(link: Link, remote: str, size_bytes: int, free_bytes: int) -> NoSpaceOnDevice:
    return NoSpaceOnDevice(
        f"{remote} needs {size_bytes:,} bytes on {link.name}, and its disk has {free_bytes:,} left.",
        next_step="Free space there (adb shell df shows what is left), then run again.",
        path=remote,
        size_bytes=size_bytes,
        free_bytes=free_bytes,
    )
