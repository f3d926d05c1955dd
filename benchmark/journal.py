"""The record while it grows: every change is on disk before the next step begins."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchmark.device_log import device_log
from results.errors import keeping
from results.record import Doubt, Record

if TYPE_CHECKING:
    from benchmark.listener import Listener
    from results.store import RunStore


def now() -> str:
    """This moment in UTC, ISO 8601 with milliseconds and Z."""
    moment = datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Journal:
    """One run folder and the record in it."""

    def __init__(self, store: RunStore, record: Record, listener: Listener) -> None:
        self.store = store
        self.record = record
        self._listener = listener
        self._steps: list[str] = []
        store.save(record)

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
        """Errors that pass here say what this run folder holds; calls to the device are logged in it."""
        try:
            with device_log(self.store.folder / "device.log"):
                yield
        except BaseException as err:
            with keeping(self.kept()):
                raise err

    def kept(self) -> str:
        """One line: the record's path and the steps that are in it."""
        steps = [step for step in self._steps if step != "notes"]
        return f"{self.store.folder}/record.json: {', '.join(steps) if steps else 'settings only'}."
