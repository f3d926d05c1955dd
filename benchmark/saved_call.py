"""The call of a run, kept in its folder, so that the run can be gone on with from anywhere.

The device stands in it under the name that messages give it, which is never a serial number.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shlex
from collections.abc import Iterator
from dataclasses import field
from pathlib import Path
from typing import Literal, get_args

from benchmark.config import Config
from benchmark.locate import DATA_VARIABLE
from results.errors import DataError, HarnessError, NotResumable
from results.record import Record
from results.store import RunStore

Job = Literal["run", "latency", "accuracy", "table", "ab"]
FILE = "call.json"
_FORM = 4
_PATHS = ("pairs", "vocab", "calibration", "output", "noise_floor", "reference_runs")
_LISTS = ("recipes", "rewrites", "models", "lengths", "formats", "other_runtimes", "skip")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SavedCall:
    """What was called, and where: `model` is the file of the command `latency`, `arms` are those of `ab`.

    `folder`: the current one, and `data`: what names the data folder in the environment, at that moment.
    """

    job: Job
    config: Config
    model: Path | None = None
    arms: tuple[str, ...] = ()
    folder: Path = field(default_factory=Path.cwd)
    data: str | None = field(default_factory=lambda: os.environ.get(DATA_VARIABLE))


def save(store: RunStore, call: SavedCall) -> None:
    """Write it into the run's folder. Raises RecordNotSaved."""
    text = json.dumps({"form": _FORM, **dataclasses.asdict(call)}, indent=1, default=str)
    store.add_raw(FILE, f"{text}\n".encode())


@contextlib.contextmanager
def in_its_place(call: SavedCall) -> Iterator[None]:
    """Within it, names of files mean what they meant to the call. Raises NotResumable: its folder is gone."""
    before, data = Path.cwd(), os.environ.get(DATA_VARIABLE)
    try:
        os.chdir(call.folder)
    except OSError as err:
        raise NotResumable(
            f"the folder in which the run was called, {call.folder}, is gone: {err.strerror}.",
            next_step="Make it again with what was in it (data, checkpoint), or run anew.",
        ) from err
    try:
        _set_data(call.data)
        yield
    except DataError as err:  # its advice is for a call, and a run that is gone on with has had its own
        err.next_step = "Put it back as it was when the run began, then resume; or run anew."
        raise
    finally:
        _set_data(data)
        os.chdir(before)


def _set_data(value: str | None) -> None:
    if value is None:
        os.environ.pop(DATA_VARIABLE, None)
    else:
        os.environ[DATA_VARIABLE] = value


def read(folder: Path, device: str | None = None, scheduler: str | None = None) -> SavedCall:
    """The call of a run that did not end.

    `device`, `scheduler`: where its device and the cluster that evaluates are now, if not where they were;
    "none" for this machine.

    Raises:
        RecordDamaged: that is no run folder.
        SchemaUnknown: another version recorded it.
        NotResumable: the run ended, or its call is missing or of another version.
    """
    refuse_ended(RunStore.open(folder).load(), folder)
    try:
        said = json.loads((folder / FILE).read_text(encoding="utf-8"))
        if said["form"] != _FORM or said["job"] not in get_args(Job):
            raise ValueError("of another version")
        fields = said["config"]
        for name in _PATHS:
            fields[name] = None if fields[name] is None else Path(fields[name])
        for name in _LISTS:
            fields[name] = None if fields[name] is None else tuple(fields[name])
        fields["device"] = device or fields["device"]
        if scheduler is not None:
            fields |= {"scheduler": None if scheduler == "none" else scheduler, "workers": None}
        return SavedCall(
            job=said["job"],
            config=Config(**fields),
            model=None if said["model"] is None else Path(said["model"]),
            arms=tuple(said["arms"]),
            folder=Path(said["folder"]),
            data=None if said["data"] is None else str(said["data"]),
        )
    except (OSError, ValueError, TypeError, KeyError, AttributeError, HarnessError) as err:
        raise NotResumable(
            f"{folder / FILE}, which says how the run was called, cannot be read: {err}.",
            next_step="Judge what was measured: "
            f"mobilebert-bench report {shlex.quote(str(folder))} --recompute",
        ) from err


def refuse_ended(record: Record, folder: Path) -> None:
    """Raises NotResumable for a run that did all that it was asked for."""
    if record.ended_at is not None:
        raise NotResumable(
            f"{folder} ended: there is nothing left to do in it.",
            next_step=f"Read its report: mobilebert-bench report {shlex.quote(str(folder))}",
        )
