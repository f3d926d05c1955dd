"""Acknowledged levels: read from and written into a file of a repository."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

from results.decode import check_encoded, decode_versioned
from results.encode import encode
from results.errors import ConfigError, OutputNotWritten, RecordDamaged, SchemaUnknown
from results.history.levels_file import LEVELS_SCHEMA, AcknowledgedLevel, Levels
from results.history.summaries import is_time
from results.whole_file import write_whole

_MEND = "Take it back from the repository's history, or remove it and acknowledge anew: gate --acknowledge."


def read_levels(path: Path) -> dict[str, AcknowledgedLevel]:
    """The acknowledged levels by series. Raises ConfigError (no such file), SchemaUnknown, RecordDamaged."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as err:
        raise ConfigError(
            f"--levels {path}: there is no such file",
            next_step="Leave --levels out, or let gate --acknowledge write it.",
        ) from err
    except OSError as err:
        raise ConfigError(
            f"--levels {path} cannot be read: {err.strerror}", next_step="Give a file that can be read."
        ) from err
    try:
        held = decode_versioned(data, Levels, "levels", LEVELS_SCHEMA, str(path))
    except SchemaUnknown as err:
        err.next_step = "Use the version of this program that wrote it, or acknowledge anew in another file."
        raise
    except RecordDamaged as err:
        err.next_step = _MEND
        raise
    by_key = {level.key: level for level in held.levels}
    wrong = "two levels of one series" if len(by_key) < len(held.levels) else _impossible(held.levels)
    if wrong:
        raise RecordDamaged(f"{path}: {wrong}", next_step=_MEND, path=str(path))
    return by_key


def write_levels(path: Path, levels: Iterable[AcknowledgedLevel]) -> None:
    """Write the file whole or not at all, in the order of labels. Raises OutputNotWritten."""
    ordered = tuple(sorted(levels, key=lambda level: (level.label, level.key)))
    data = encode(Levels(schema=LEVELS_SCHEMA, levels=ordered))
    check_encoded(data, f"levels-{LEVELS_SCHEMA}.json", str(path))
    try:
        write_whole(path, data)
    except OSError as err:
        raise OutputNotWritten(
            f"{path} could not be written: {err.strerror or err}. What was there before is intact.",
            next_step="Give a file in a folder that exists and can be written, then acknowledge again.",
            path=str(path),
        ) from err


def _impossible(levels: tuple[AcknowledgedLevel, ...]) -> str | None:
    for level in levels:
        if not (math.isfinite(level.level_ns) and level.level_ns > 0):
            return f"a level of {level.level_ns:g} ns, of {level.label[:80]}"
        # Compared as text with the runs' own: another form of it would switch a gate off.
        if not is_time(level.since_started_at):
            at = level.since_started_at[:40]
            return f"since_started_at {at!r} is no time in UTC, of {level.label[:80]}"
    return None
