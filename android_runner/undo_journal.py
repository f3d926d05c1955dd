"""What was changed on a device and is not restored yet, in a file of this host: it outlives this process.

Each run has a file of its own, which names its process: several devices can have one serial number, and what
a living run has changed is its own to undo.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from android_runner.cache import cache_folder
from android_runner.link import Link
from android_runner.process import alive, started
from android_runner.switches import BY_NAME
from results.device import Device, StateChange
from results.errors import RecordDamaged, RecordNotSaved

_SCHEMA = 1


class UndoJournal:
    """The changes of one run on one device, in the order in which they were made; by default this run's."""

    def __init__(self, link: Link, device: Device, *, path: Path | None = None) -> None:
        self.path = path or _folder() / f"{_key(link, device)}.{secrets.token_hex(8)}.json"

    @classmethod
    def left_over(cls, link: Link, device: Device) -> tuple[UndoJournal, ...]:
        """Those of runs that ended on this device, the newest first. Raises RecordDamaged."""
        paths = sorted(_folder().glob(f"{_key(link, device)}.*.json"), key=_written_ns, reverse=True)
        found = [cls(link, device, path=path) for path in paths]
        return tuple(journal for journal in found if not journal.is_of_another_living())

    def write(self, changes: Sequence[StateChange]) -> None:
        """Make these the ones that are to be undone; none: the file goes. Raises RecordNotSaved."""
        try:
            if not changes:
                self.path.unlink(missing_ok=True)
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self.path.with_suffix(".part")
            with part.open("w", encoding="utf-8") as file:
                json.dump(self._tree(changes), file)
                file.flush()
                os.fsync(file.fileno())  # the device remembers longer than a host that loses its power
            part.replace(self.path)
        except OSError as err:
            raise RecordNotSaved(
                f"{self.path} could not be written, so nothing is changed on the device: "
                f"{err.strerror or err}.",
                next_step=f"Free space there (df {self.path.parent}) or make that folder writable.",
                path=self.path,
            ) from err

    def read(self) -> tuple[StateChange, ...]:
        """What is to be undone; empty without a file. Raises RecordDamaged."""
        return self._load()[1]

    def is_of_another_living(self) -> bool:
        """Whether a process that still runs, not this one, has written it. Raises RecordDamaged."""
        pid, began = self._load()[0]
        return pid != os.getpid() and alive(pid, began)

    def is_taken_over(self) -> bool:
        """Whether another run has found and undone it: this one's changes are no longer its own to undo."""
        # Without the folder, somebody has emptied the cache, and nobody has undone anything.
        return self.path.parent.exists() and not self.path.exists()

    def _load(self) -> tuple[tuple[int, int | None], tuple[StateChange, ...]]:
        """The process that wrote it (number, start), and the changes."""
        try:
            tree = json.loads(self.path.read_text(encoding="utf-8"))
            if not isinstance(tree, dict) or tree["schema"] != _SCHEMA:
                raise ValueError("another schema")
            return _owner(tree["owner"]), _changes(tree["changes"])
        except FileNotFoundError:
            return (os.getpid(), None), ()
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as err:
            raise RecordDamaged(
                f"{self.path}, which says what an earlier run changed on the device, cannot be read.",
                next_step="Look at the device's settings (stay awake, fixed performance), then remove it.",
                path=self.path,
            ) from err

    @staticmethod
    def _tree(changes: Sequence[StateChange]) -> dict[str, object]:
        listed = [{"name": one.name, "before": one.before, "during": one.during} for one in changes]
        owner = {"pid": os.getpid(), "started": started(os.getpid())}
        return {"schema": _SCHEMA, "owner": owner, "changes": listed}


def _folder() -> Path:
    return cache_folder() / "undo"


def _key(link: Link, device: Device) -> str:
    """What the names of a device's journals begin with: its serial number, which is one per phone at best."""
    if device.kind == "phone" and device.serial_sha256 is not None:
        return device.serial_sha256
    return hashlib.sha256(f"{device.serial_sha256} {link.name}".encode()).hexdigest()


def _written_ns(path: Path) -> int:
    with contextlib.suppress(OSError):  # its run has ended in this moment, and removed it
        return path.stat().st_mtime_ns
    return 0


def _owner(tree: dict[str, object]) -> tuple[int, int | None]:
    pid, began = tree["pid"], tree["started"]
    if not isinstance(pid, int) or not isinstance(began, int | None):
        raise TypeError("not a process")
    return pid, began


def _changes(listed: object) -> tuple[StateChange, ...]:
    if not isinstance(listed, list):
        raise TypeError("no list of changes")
    found = []
    for one in listed:
        name, before, during = one["name"], one["before"], one["during"]
        if name not in BY_NAME or not isinstance(during, str) or not isinstance(before, str | None):
            raise ValueError("not a change")
        found.append(StateChange(name=name, before=before, during=during))
    return tuple(found)
