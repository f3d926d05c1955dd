"""The record while it grows: every change is on disk before the next step begins.

One process writes one run: it holds the run's folder (flock), which the system lets go when the process ends.
"""

from __future__ import annotations

import dataclasses
import datetime
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmark.device_log import device_log
from benchmark.saved_call import refuse_ended
from results.errors import NotResumable, keeping
from results.record import Doubt, Record
from results.store import RunStore

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.listener import Listener


def now() -> str:
    """This moment in UTC, ISO 8601 with milliseconds and Z."""
    moment = datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Journal:
    """One run folder and the record in it."""

    def __init__(
        self, store: RunStore, record: Record, listener: Listener, *, held: int | None = None
    ) -> None:
        self.store = store
        self.record = record
        self._listener = listener
        self._steps: list[str] = []
        self._held = _hold(store.folder) if held is None else held
        store.save(record)

    @classmethod
    def reopen(cls, folder: Path, listener: Listener) -> Journal:
        """The journal of a run that did not end. Raises NotResumable, RecordDamaged, SchemaUnknown."""
        store = RunStore.open(folder)
        held = _hold(folder)  # before it is read: who holds it may still be writing
        try:
            record = store.load()
            refuse_ended(record, folder)
            return cls(store, record, listener, held=held)
        except BaseException:
            os.close(held)
            raise

    def fix(self, step: str, **changes: Any) -> None:  # noqa: ANN401 - as `add`
        """Record what has to stay the same to the run's end; a resumed run has it already.

        Raises NotResumable where it is not what was recorded.
        """
        for name, value in changes.items():
            known = getattr(self.record, name)
            if known not in (None, ()) and _identity(known) != _identity(value):
                raise NotResumable(
                    f"{self.store.folder} began with another {step} than is here now.",
                    next_step="Make it as it was (the same files, versions and device), or run anew.",
                    field=name,
                )
        missing = {name: value for name, value in changes.items() if getattr(self.record, name) in (None, ())}
        self.add(step, **missing)

    def add(self, step: str, **changes: Any) -> None:  # noqa: ANN401 - fields of Record, checked by replace
        """Change fields of the record and save it; `step` says in two words what is now kept."""
        self.record = dataclasses.replace(self.record, **changes)
        self.store.save(self.record)
        if step not in self._steps:
            self._steps.append(step)

    def doubt(self, code: str, text: str) -> None:
        """Add something that a reader must know; once per code and text."""
        doubt = Doubt(code=code, text=text)
        if doubt not in self.record.doubts:
            self._listener.on_doubt(text)
            self.add("notes", doubts=(*self.record.doubts, doubt))

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Errors that pass here say what this run folder holds; calls to the device are logged in it.

        The folder is let go at the end.
        """
        try:
            with device_log(self.store.folder / "device.log"):
                yield
        except BaseException as err:
            with keeping(self.kept()):
                raise err
        finally:
            os.close(self._held)

    def kept(self) -> str:
        """One line: the record's path and the steps that are in it."""
        steps = [step for step in self._steps if step != "notes"]
        return f"{self.store.folder}/record.json: {', '.join(steps) if steps else 'settings only'}."


def _hold(folder: Path) -> int:
    """The folder, locked for this process. Raises NotResumable while another one has it."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as err:
        os.close(handle)
        raise NotResumable(
            f"another process is working on {folder}.",
            next_step="Wait until it has ended, or end it, then try again.",
        ) from err
    return handle


def _identity(value: Any) -> Any:  # noqa: ANN401 - any field of Record
    """What of a field must be the same for a run to be gone on with: a file's hash, a device's serial."""
    if isinstance(value, tuple):
        return tuple(_identity(one) for one in value)
    for names in _IDENTITIES:
        if all(hasattr(value, name) for name in names):
            return tuple(getattr(value, name) for name in names)
    return value


# Artifact, Device, Program.
_IDENTITIES = (
    ("recipe", "model", "model_sha256"),
    ("serial_sha256", "fingerprint", "kind", "abi"),
    ("program_sha256", "runtime_sha256"),
)
