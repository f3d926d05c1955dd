"""The tables of what got in a run's way: what is still changed on the device, and what was waited out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from results.device import Interruption, StateChange
from results.plain import LONGEST_TEXT, short
from results.record import Record
from results.report.model import Cell, Table
from results.report.words import counted

MOST_SHOWN = 12

_WORD = re.compile(r"[A-Za-z0-9._-]{1,40}")


def left_changed_table(record: Record) -> Table | None:
    """Settings of the device that were not seen to be as before, each with what puts it back."""
    left = [change for change in record.changes if not change.restored]
    if not left:
        return None
    return Table(
        title="NOT RESTORED on the device",
        id="left_changed",
        columns=("setting", "before", "now"),
        rows=tuple(
            (
                short(change.name),
                "unset" if change.before is None else short(change.before),
                short(change.during),
            )
            for change in left
        ),
        lines=(
            "To put it back, or let the next run from this machine do it:",
            *map(_undo, left),
        ),
    )


def _undo(change: StateChange) -> str:
    """The command of the device's shell that puts a setting back; in words where there is none."""
    match change.name.split():
        case ["settings", space, name] if change.before is None:
            return f"adb shell settings delete {space} {name}"
        # Two shells read it, this machine's and the device's: nothing that either of them could take apart.
        case ["settings", space, name] if _WORD.fullmatch(change.before or ""):
            return f"adb shell settings put {space} {name} {change.before}"
    if change.name == "fixed-performance mode":
        return "adb shell cmd power set-fixed-performance-mode-enabled false"
    if change.name == "screen" and change.before == "off":
        return "adb shell input keyevent KEYCODE_SLEEP"
    return f"{short(change.name)}: by hand, on the device"


def interruptions_table(record: Record) -> Table | None:
    """What hit the run from outside. A launch that it hit is in no number: it was done again.

    Pairs that were evaluated before a stop are kept, and count.
    """
    if not record.interruptions:
        return None
    shown = record.interruptions[:MOST_SHOWN]
    rows: list[tuple[Cell, ...]] = [
        (
            f"launch {hit.order}" if hit.order is not None else short(hit.during),
            short(hit.error),
            f"{hit.waited_s:.0f} s",
            {True: "rebooted", False: "not rebooted", None: "-"}[hit.rebooted],
            _then(record, hit),
        )
        for hit in shown
    ]
    lines = [f"{hit.at}: {short(hit.what, LONGEST_TEXT)}" for hit in shown]
    if more := len(record.interruptions) - len(shown):
        lines.append(f"{counted(more, 'interruption')} more: record.json has them all.")
    if any(hit.rebooted for hit in record.interruptions):
        lines.append("The device restarted in the middle of the run.")
    lines += _kept_pairs(record)
    return Table(
        title="Interruptions" + (": a launch that was hit is in no number" if record.device else ""),
        id="interruptions",
        columns=("hit", "by", "waited", "device", "then"),
        rows=tuple(rows),
        lines=tuple(lines),
    )


def _kept_pairs(record: Record) -> Iterator[str]:
    named = [(one.recipe, one.kept_rows, one.rows) for one in record.accuracies]
    named += [
        (f"{one.recipe} by {one.runtime}", one.kept_rows, one.rows) for one in record.runtime_accuracies
    ]
    for name, kept, rows in named:
        if kept:
            yield f"Accuracy of {name}: {kept} of {counted(rows, 'pair')} kept from before, which count."


def _then(record: Record, hit: Interruption) -> str:
    done = _done_again(record, hit)
    if hit.error == "stopped":
        return "went on" if done else "did not end"
    return "done again" if done else "not done again"


def _done_again(record: Record, hit: Interruption) -> bool:
    """A launch that was hit left nothing; one of its number is the one that was made in its place."""
    if hit.order is None:
        return record.ended_at is not None or any(launch.started_at >= hit.at for launch in record.launches)
    return any(launch.order >= hit.order for launch in record.launches)
