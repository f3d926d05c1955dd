"""Many recorded runs: read, made series, judged, and accepted where someone says so."""

from __future__ import annotations

import shlex
from pathlib import Path

from results.compare.comparison import DEFAULT_THRESHOLD
from results.errors import ConfigError
from results.history.choice import chosen
from results.history.files import gather
from results.history.key import check_across
from results.history.levels import read_levels, write_levels
from results.history.series import acknowledge, series_of_runs
from results.report.history import build_history
from results.report.model import View


def judge_history(
    folders: tuple[Path, ...],
    across: tuple[str, ...],
    levels: Path | None,
    threshold: float | None,
    because: str | None = None,
    only: tuple[str, ...] = (),
) -> View:
    """The series in these folders; `because`: why new levels are accepted into `levels`, of those in `only`.

    Raises ConfigError, SchemaUnknown, RecordDamaged, OutputNotWritten.
    """
    across = check_across(across)
    share = DEFAULT_THRESHOLD if threshold is None else threshold
    if because is not None and (levels is None or not because.strip()):
        raise ConfigError(
            "--acknowledge needs a reason, and --levels FILE to write it to",
            next_step="Such as: mobilebert-bench gate --levels levels.json --acknowledge 'wider heads'",
        )
    if only and because is None:
        raise ConfigError(
            "--series says which series are accepted, and no --acknowledge says why",
            next_step="Give --acknowledge WHY as well; without both, all series are judged.",
        )
    first_time = because is not None and levels is not None and not levels.exists()
    held = {} if levels is None or first_time else read_levels(levels)
    gathered = gather(folders)
    series = series_of_runs(gathered.readings, across, held, share)
    accepted = None if because is None else acknowledge(chosen(series, only), because.strip())
    if accepted and levels is not None:
        held |= accepted
        write_levels(levels, held.values())
        series = series_of_runs(gathered.readings, across, held, share)
    return build_history(
        tuple(str(folder) for folder in folders),
        gathered,
        series,
        share,
        levels=tuple(held.values()),
        levels_file=None if levels is None or not held else str(levels),
        accepted=None if accepted is None else tuple(accepted.values()),
        accept_with=_accept_with(folders, across, levels, sum(one.changed for one in series)),
    )


def _accept_with(
    folders: tuple[Path, ...], across: tuple[str, ...], levels: Path | None, changed: int
) -> str:
    """The call that accepts what was found: of the same folders, with what may differ as it was here.

    `changed`: series with a new level; of several the call has to say which.
    """
    words = ["mobilebert-bench", "gate", *map(str, folders)]
    if across:
        words += ["--across", ",".join(across)]
    words += ["--levels", "FILE" if levels is None else str(levels), "--acknowledge", "WHY"]
    words += ["--series", "NAME"] if changed > 1 else []
    return shlex.join(words)
