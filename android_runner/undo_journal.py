"""What was changed on a device and is not restored yet, in a file of this host: it outlives this process.

Of one device at a time: whoever measures holds the device's lease, so that a journal which is found while
holding it is a dead run's.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence

from android_runner.cache import cache_folder
from android_runner.link import Link
from android_runner.switches import BY_NAME
from results.device import Device, StateChange
from results.errors import RecordDamaged, RecordNotSaved

_SCHEMA = 1


class UndoJournal:
    """The changes of one run on one device, in the order in which they were made."""

    def __init__(self, link: Link, device: Device) -> None:
        name = device.serial_sha256 or hashlib.sha256(link.name.encode()).hexdigest()
        self.path = cache_folder() / "undo" / f"{name}.json"
        self._token = secrets.token_hex(8)

    def write(self, changes: Sequence[StateChange]) -> None:
        """Make these the ones that are to be undone; none: the file goes. Raises RecordNotSaved."""
        try:
            if not changes:
                self.path.unlink(missing_ok=True)
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            part = self.path.with_suffix(f".{self._token}")
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
        """What an earlier run left; empty without a file. Raises RecordDamaged."""
        try:
            return self._changes(self._load())
        except FileNotFoundError:
            return ()
        except (OSError, ValueError, TypeError, KeyError, RecursionError) as err:
            raise RecordDamaged(
                f"{self.path}, which says what an earlier run changed on the device, cannot be read.",
                next_step="Look at the device's settings (stay awake, fixed performance), then remove it.",
                path=self.path,
            ) from err

    def is_taken_over(self) -> bool:
        """Whether the file on the disk is another run's, which began when this one's lease was over."""
        try:
            return self._load()["token"] != self._token
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return False

    def _load(self) -> dict[str, object]:
        tree = json.loads(self.path.read_text(encoding="utf-8"))
        if not isinstance(tree, dict) or tree["schema"] != _SCHEMA:
            raise ValueError("another schema")
        return tree

    def _tree(self, changes: Sequence[StateChange]) -> dict[str, object]:
        listed = [{"name": one.name, "before": one.before, "during": one.during} for one in changes]
        return {"schema": _SCHEMA, "token": self._token, "changes": listed}

    @staticmethod
    def _changes(tree: dict[str, object]) -> tuple[StateChange, ...]:
        listed = tree["changes"]
        if not isinstance(listed, list):
            raise TypeError("no list of changes")
        found = []
        for one in listed:
            name, before, during = one["name"], one["before"], one["during"]
            if name not in BY_NAME or not isinstance(during, str) or not isinstance(before, str | None):
                raise ValueError("not a change")
            found.append(StateChange(name=name, before=before, during=during))
        return tuple(found)
