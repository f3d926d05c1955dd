"""The record while it grows: every change is on disk before the next step begins.

One process writes one run: it holds the run's folder (flock), which the system lets go when the process ends.
"""

from __future__ import annotations

import dataclasses
import datetime
import fcntl
import os
import shlex
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmark.device_log import device_log
from benchmark.saved_call import refuse_ended
from benchmark.workers.kept import EMPTY
from results.device import Interruption
from results.errors import (
    AbiUnsupported,
    BundleUnavailable,
    DeviceError,
    NotResumable,
    RecordNotSaved,
    RunError,
    WorkersLost,
    keeping,
)
from results.record import Doubt, Record
from results.store import RECORD, RunStore

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.listener import Listener


def now() -> str:
    """This moment in UTC, ISO 8601 with milliseconds and Z."""
    moment = datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# What a run that is gone on with has already, by the names of its steps.
_STEPS = (
    *(
        ("pairs", "pairs"),
        ("file of reference runs", "reference_runs"),
        ("device", "device"),
        ("model", "artifacts"),
        ("program", "program"),
        ("pair of arms", "comparing"),
    ),
    *(("device parity", "parities"), ("launches", "launches"), ("accuracy", "accuracies")),
    ("other runtimes", "runtime_accuracies"),
)
# Of what a device can do to a run: that which trying again does not change.
_PASSING = (DeviceError, RunError, WorkersLost, RecordNotSaved)
_FOR_EVER = (AbiUnsupported, BundleUnavailable)


class Journal:
    """One run folder and the record in it."""

    def __init__(
        self, store: RunStore, record: Record, listener: Listener, *, held: int | None = None
    ) -> None:
        self.store = store
        self.record = record
        self._listener = listener
        self._steps = [step for step, field in _STEPS if getattr(record, field)]
        self._stood_still_s: float | None = None
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
            store.load_samples(record)  # a damaged file is found before more is measured
            # By wall clock, which may have been set meanwhile: never below 0.
            worked = max(path.stat().st_mtime for path in (folder / RECORD, *folder.glob("*.kept")))
            stood_still_s = round(max(0.0, time.time() - worked), 3)
            journal = cls(store, record, listener, held=held)
            journal._stood_still_s = stood_still_s
            return journal
        except BaseException:
            os.close(held)
            raise

    def fix(self, step: str, **changes: Any) -> None:  # noqa: ANN401 - as `add`
        """Record what has to stay the same to the run's end; a resumed run has it already.

        Raises NotResumable where it is not what was recorded.
        """
        for name, value in changes.items():
            known = getattr(self.record, name)
            if known not in (None, ()) and not same(known, value):
                raise NotResumable(
                    f"{self.store.folder} began with another {_changed(known, value) or step} than is here "
                    "now.",
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
        except KeyboardInterrupt:
            self._listener.on_step(f"Stopped. Kept: {self.kept()}{self._go_on()}")
            raise
        except BaseException as err:
            if isinstance(err, _PASSING) and not isinstance(err, _FOR_EVER):
                err.next_step += self._go_on()
            with keeping(self.kept()):
                raise err
        finally:
            os.close(self._held)

    @property
    def resumed(self) -> bool:
        """Whether this run was stopped before."""
        return self._stood_still_s is not None or any(
            hit.error == "stopped" for hit in self.record.interruptions
        )

    def went_on(self, boot_id: str | None = None) -> None:
        """Note that this run stood still: called once what it began with was found to be the same.

        `boot_id`: of the device now.
        """
        if self._stood_still_s is not None:
            before = self.record.launches[-1].after.boot_id if self.record.launches else None
            hit = Interruption(
                at=now(),
                during="the run",
                order=None,
                error="stopped",
                what="the run was stopped, and resumed",
                waited_s=self._stood_still_s,
                rebooted=None if None in (before, boot_id) else before != boot_id,
            )
            self._stood_still_s = None
            self.add("interruptions", interruptions=(*self.record.interruptions, hit))

    def _go_on(self) -> str:
        """The command that goes on, as the end of an advice."""
        return f" Then: mobilebert-bench resume {shlex.quote(str(self.store.folder))}"

    def kept(self) -> str:
        """One line: the record's path, the steps that are in it, and evaluations that did not end."""
        recipes = ", ".join(one.recipe for one in self.record.accuracies)
        words = {"accuracy": f"accuracy of {recipes}", "launches": f"{len(self.record.launches)} launches"}
        steps = [words.get(step, step) for step in self._steps if step != "notes"]
        steps += [f"chunks of {name}" for name in self._begun()]
        return f"{self.store.folder}/record.json: {', '.join(steps) if steps else 'settings only'}."

    def _begun(self) -> list[str]:
        """Recipes, with another runtime's name where it is one's, of which chunks are kept."""
        there = sorted(self.store.folder.glob("chunks-*.kept"))
        return [path.stem.removeprefix("chunks-") for path in there if path.stat().st_size > EMPTY]


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


def same(known: object, found: object) -> bool:
    """Whether two values of a field are of the same thing, as far as a run that is gone on with minds."""
    return bool(_identity(known) == _identity(found))


def _changed(known: object, found: object) -> str | None:
    """What of the pairs is not the same, as a user calls it; None of anything else."""
    return next(
        (
            word
            for field, word in _OF_PAIRS.items()
            if hasattr(known, field) and getattr(known, field) != getattr(found, field, None)
        ),
        None,
    )


def _identity(value: Any) -> Any:  # noqa: ANN401 - any field of Record
    """What of a field must be the same for a run to be gone on with: a file's hash, a device's serial."""
    if isinstance(value, tuple):
        return tuple(_identity(one) for one in value)
    for names in _IDENTITIES:
        if all(hasattr(value, name) for name in names):
            return tuple(getattr(value, name) for name in names)
    return value


_OF_PAIRS = {
    "vocabulary_sha256": "vocabulary (--vocab)",
    "form": "form of its pairs (--pair-form)",
    "rows_total": "file of pairs (--pairs)",
}
# Artifact, Device, Program, Pairs (wherever they were found).
_IDENTITIES = (
    ("recipe", "model", "model_sha256", "labels"),
    ("serial_sha256", "fingerprint", "kind", "abi"),
    ("program_sha256", "runtime_sha256"),
    ("sha256", "form", "answers", "left_out", "rows_total", "rows_used", "vocabulary_sha256"),
)
