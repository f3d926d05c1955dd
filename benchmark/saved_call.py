"""The call of a run, kept in its folder, so that the run can be gone on with from anywhere.

The device stands in it under the name that messages give it, which is never a serial number.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Literal, get_args

from benchmark.config import Config
from results.errors import HarnessError, NotResumable
from results.record import Record
from results.store import RunStore

Job = Literal["run", "latency", "accuracy", "table"]
FILE = "call.json"
_FORM = 1
_PATHS = ("pairs", "vocab", "calibration", "output")
_LISTS = ("recipes", "rewrites", "models", "lengths")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SavedCall:
    """What was called: `model` is the file of the command `latency`."""

    job: Job
    config: Config
    model: Path | None = None


def save(store: RunStore, call: SavedCall) -> None:
    """Write it into the run's folder, with every path absolute. Raises RecordNotSaved."""
    fields = dataclasses.asdict(call.config)
    for name in _PATHS:
        if fields[name] is not None:
            fields[name] = str(fields[name].absolute())
    for name in ("checkpoint", "binary"):
        # A name of the hub, a version, or a path.
        if fields[name] is not None and Path(fields[name]).exists():
            fields[name] = str(Path(fields[name]).absolute())
    model = None if call.model is None else str(call.model.absolute())
    text = json.dumps({"form": _FORM, "job": call.job, "model": model, "config": fields}, indent=1)
    store.add_raw(FILE, f"{text}\n".encode())


def read(folder: Path, device: str | None = None) -> SavedCall:
    """The call of a run that did not end; `device`: where its device is now, if not where it was.

    Raises RecordDamaged where that is no run folder, NotResumable where the run ended, or where its call is
    missing or of another version.
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
        model = None if said["model"] is None else Path(said["model"])
        return SavedCall(job=said["job"], config=Config(**fields), model=model)
    except (OSError, ValueError, TypeError, KeyError, AttributeError, HarnessError) as err:
        raise NotResumable(
            f"{folder / FILE}, which says how the run was called, cannot be read: {err}.",
            next_step=f"Judge what was measured: mobilebert-bench report {folder} --recompute",
        ) from err


def refuse_ended(record: Record, folder: Path) -> None:
    """Raises NotResumable for a run that did all that it was asked for."""
    if record.ended_at is not None:
        raise NotResumable(
            f"{folder} ended: there is nothing left to do in it.",
            next_step=f"Read its report: mobilebert-bench report {folder}",
        )
