"""Who holds a lease: a process of a host, told from any other, and whether it still lives."""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from android_runner import process

_TOKEN = secrets.token_hex(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Who holds a lease: a process of a host, in one boot of it.

    `started`: clock ticks since that boot, 0 where the host does not say.
    """

    token: str
    host: str
    host_boot: str
    pid: int
    started: int


def this_process() -> Owner:
    """Who we are. Copied machines share their id, containers the name as well."""
    pid = os.getpid()
    # A process number means nothing across any of these three.
    host = (_read("/etc/machine-id"), socket.gethostname(), _pid_namespace())
    return Owner(
        token=_TOKEN,
        host=short_hash("\n".join(host)),
        host_boot=short_hash(_read("/proc/sys/kernel/random/boot_id") or "unknown"),
        pid=pid,
        started=process.started(pid) or 0,
    )


def _pid_namespace() -> str:
    with suppress(OSError):
        return str(Path("/proc/self/ns/pid").readlink())
    return ""


def is_alive(owner: Owner) -> bool | None:
    """Whether that process of this host lives; None where its number may be another's by now."""
    if not process.alive(owner.pid, owner.started or None):
        return False
    return True if owner.started and process.started(owner.pid) is not None else None


def _read(path: str) -> str:
    with suppress(OSError):
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    return ""


def short_hash(text: str) -> str:
    """Ids as they may stand in a file that others read: 16 hexadecimal digits of their SHA-256."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:16]
