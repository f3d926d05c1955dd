"""Processes of this machine: whether the one that wrote something down is the one that runs now."""

from __future__ import annotations

import os
from pathlib import Path

_STATE, _START = 0, 19  # of the fields that follow the name in proc(5)'s stat
_ENDED = ("Z", "X")


def started(pid: int) -> int | None:
    """When it began, in ticks since this machine's boot; None where it ended or the system does not tell."""
    fields = _fields(pid)
    return None if fields is None or fields[_STATE] in _ENDED else int(fields[_START])


def alive(pid: int, began: int | None) -> bool:
    """Whether the process with that number runs, and is the one that `began` then.

    `began` None, or a system without /proc: whether any process has the number.
    """
    fields = _fields(pid)
    if fields is None:
        return _exists(pid)
    return fields[_STATE] not in _ENDED and began in (None, int(fields[_START]))


def _fields(pid: int) -> list[str] | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return fields if len(fields) > _START else None


def _exists(pid: int) -> bool:
    if pid <= 0:  # a group of processes, or all of them
        return False
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (OSError, OverflowError):
        return False
    return True
