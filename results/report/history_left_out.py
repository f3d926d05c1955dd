"""What lies in the folders and is judged by no gate: each run is counted, and it is said why."""

from __future__ import annotations

from collections.abc import Sequence

from results.history.series import RunSeries
from results.history.summaries import Gathered
from results.plain import LONGEST_TEXT, short
from results.report.model import Cell, Table

NAMED = 3  # folders of one kind
MOST_RUNS = 20  # with doubts, each named with them


def left_out_table(gathered: Gathered, series: Sequence[RunSeries], names: Sequence[str]) -> Table | None:
    """Runs that are no points, by why; and points with doubts, newest first of each series."""
    kinds = (
        (gathered.unsummarized, "no summary.json: mobilebert-bench report RUN --recompute writes it"),
        (gathered.copies, "copies of runs that are here, too: counted once"),
        (gathered.comparisons, "of the command ab: two arms, no point of a history"),
        (gathered.without_latency, "no latency: nothing was timed on a device"),
    )
    rows: list[tuple[Cell, ...]] = [
        (str(len(folders)), why, _listed(folders)) for folders, why in kinds if folders
    ]
    doubtful = [
        (one, reading, name)
        for one, name in zip(series, names, strict=True)
        for reading in reversed(one.left_out)
    ]
    rows += [
        ("1", f"{name}: {'; '.join(short(doubt, LONGEST_TEXT) for doubt in reading.doubts)}", reading.folder)
        for _, reading, name in doubtful[:MOST_RUNS]
    ]
    if not rows:
        return None
    lines = ["They are in no level and in no finding."]
    if len(doubtful) > MOST_RUNS:
        lines.append(f"{len(doubtful) - MOST_RUNS} more runs with doubts are not listed.")
    return Table(
        id="left_out",
        title="Left out",
        columns=("runs", "why", "where"),
        rows=tuple(rows),
        lines=tuple(lines),
    )


def _listed(folders: Sequence[str]) -> str:
    more = f" and {len(folders) - NAMED} more" if len(folders) > NAMED else ""
    return ", ".join(folders[:NAMED]) + more
