"""The report of many runs: each series, what changed in it and where, and what was left out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from results.compare.words import in_percent
from results.history.gate import NEWEST, WINDOW, Level
from results.history.key import labels
from results.history.levels_file import AcknowledgedLevel
from results.history.series import RunSeries
from results.history.summaries import Gathered
from results.plain import plainly, short
from results.report.figures import HistoryPoint, Step, Trend
from results.report.history_left_out import left_out_table
from results.report.history_words import finding_of, judged_outcome, run_of, seen_from, verdict_of
from results.report.model import MS_PER_NS, Cell, Check, Quantity, Table, View, milliseconds
from results.report.words import counted
from results.stats import SHOWN_LEVEL, Estimate, Interval

MOST_ROWS = 50  # of series that are listed, and of changes
MOST_FIGURES = 20
_FIRST = ("slower", "suspect", "faster", "collecting", "steady")


def build_history(
    folders: Sequence[str],
    gathered: Gathered,
    series: Sequence[RunSeries],
    threshold: float,
    levels: Sequence[AcknowledgedLevel] = (),
    levels_file: str | None = None,
    accepted: Sequence[AcknowledgedLevel] | None = None,
    accept_with: str = "mobilebert-bench gate --levels FILE --acknowledge WHY",
) -> View:
    """The report of the series in these folders. `levels`: of `levels_file`.

    `accepted`: written now; None where nobody asked for it. `accept_with`: the call that would.
    """
    ordered = sorted(series, key=lambda one: _FIRST.index(one.finding.kind))
    names, shared = labels([one.key for one in ordered], [one.device for one in ordered])
    verdict = verdict_of(ordered, names, threshold)
    if gathered.unsummarized:
        verdict += f" {counted(len(gathered.unsummarized), 'run')} without summary.json not looked at."
    if accepted:
        verdict = f"{counted(len(accepted), 'level')} acknowledged in {levels_file}. {verdict}"
    elif accepted is not None:
        verdict = f"Nothing acknowledged, for no series has a new level. {verdict}"
    where = f"History of {counted(gathered.runs, 'run')} in {', '.join(folders)}: {len(series)} series."
    tables = (
        _series_table(ordered, names, threshold),
        _changes_table(ordered, names, threshold),
        left_out_table(gathered, ordered, names),
    )
    return plainly(
        View(
            where=f"{where} Each of them: {shared}." if shared else where,
            verdict=verdict,
            tables=tuple(table for table in tables if table is not None),
            notes=tuple(_notes(ordered, levels, accept_with)),
            files=() if levels_file is None else (levels_file,),
            title="Latency history",
            outcome=judged_outcome(ordered),
            checks=tuple(
                Check(
                    group="history.latency", name=name, outcome=judged_outcome([one]), message=finding_of(one)
                )
                for one, name in zip(ordered, names, strict=True)
            ),
            figures=tuple(
                _trend(one, name, threshold)
                for one, name in zip(ordered[:MOST_FIGURES], names, strict=False)
                if one.readings
            ),
        )
    )


def _series_table(ordered: Sequence[RunSeries], names: Sequence[str], threshold: float) -> Table | None:
    if not ordered:
        return None
    rows: list[tuple[Cell, ...]] = []
    for one, name in list(zip(ordered, names, strict=True))[:MOST_ROWS]:
        level = one.finding.levels[-1].value_ns if one.finding.levels else None
        noise = one.finding.noise
        rows.append(
            (
                name,
                str(len(one.readings)) + f" ({len(one.left_out)} left out)" * bool(one.left_out),
                _newest(one),
                "-" if level is None else _ms(level),
                "-" if noise is None else in_percent(noise),
                finding_of(one),
            )
        )
    lines = [
        "Level: the median of the runs since the last change. Noise: the standard deviation of one run. A "
        f"change below {in_percent(threshold)} does not matter."
    ]
    for one, name in list(zip(ordered, names, strict=True))[:MOST_ROWS]:
        if (least := seen_from(one, threshold)) is not None:
            lines.append(
                f"{name}: at this noise a change shows in 3 runs only from about {in_percent(least)} on."
            )
    if len(ordered) > MOST_ROWS:
        lines.append(f"{len(ordered) - MOST_ROWS} more series are not listed; what changed comes first.")
    if any(len(one.readings) > WINDOW for one in ordered):
        lines.append(f"Judged by the newest {WINDOW} runs of each series.")
    return Table(
        id="series",
        title="Series, p50 of a typical launch of each run [95 % interval over launches]",
        columns=("series", "runs", "newest p50", "level", "noise", "finding"),
        rows=tuple(rows),
        lines=tuple(lines),
        comparable="runs of the same row; what differs between rows is not one series",
    )


def _newest(one: RunSeries) -> Cell:
    if not one.readings:
        return "-"
    reading = one.readings[-1]
    interval = None
    if reading.low_ns is not None and reading.high_ns is not None:
        interval = Interval(low=reading.low_ns, high=reading.high_ns, level=SHOWN_LEVEL)
    return milliseconds(Estimate(value=reading.p50_ns, interval=interval, n=reading.launches_valid))


def _ms(value_ns: float) -> Quantity:
    return milliseconds(Estimate(value=value_ns, interval=None, n=1))


def _changes_table(ordered: Sequence[RunSeries], names: Sequence[str], threshold: float) -> Table | None:
    """Where a level begins, what else became another, and what was acknowledged."""
    rows: list[tuple[Cell, ...]] = []
    for one, name in zip(ordered, names, strict=True):
        rows += [(name, *row) for _, row in sorted(_changes(one, threshold), key=lambda found: -found[0])]
    if not rows:
        return None
    lines = [f"{len(rows) - MOST_ROWS} more changes are not listed."] if len(rows) > MOST_ROWS else []
    if any(_steps(one, threshold) for one in ordered):
        lines.append("Where a level begins is an estimate: look at the runs beside it, too.")
    return Table(
        id="changes",
        title="Changes, newest first",
        columns=("series", "run", "commit", "started", "what"),
        rows=tuple(rows[:MOST_ROWS]),
        lines=tuple(lines),
    )


def _changes(one: RunSeries, threshold: float) -> list[tuple[int, tuple[Cell, ...]]]:
    found: list[tuple[int, str]] = []
    for before, level in _steps(one, threshold):
        share = level.value_ns / before.value_ns - 1
        age = "" if level.start >= len(one.readings) - NEWEST else ", further back than the gate looks"
        word = "slower" if share > 0 else "faster"
        text = f"{abs(share) * 100:.1f} % {word}: {_ms(before.value_ns)} to {_ms(level.value_ns)}{age}"
        found.append((level.start, text))
    found += [(broken.at, f"another {', another '.join(broken.what)}") for broken in one.breaks]
    if one.acknowledged is not None and one.since < len(one.readings):
        accepted = one.acknowledged
        found.append((one.since, f"acknowledged at {_ms(accepted.level_ns)}: {short(accepted.reason, 200)}"))
    return [(at, (*run_of(one.readings[at]), text)) for at, text in found]


def _steps(one: RunSeries, threshold: float) -> list[tuple[Level, Level]]:
    """Neighbouring levels that lie further apart than what does not matter."""
    return [
        (before, level)
        for before, level in itertools.pairwise(one.finding.levels)
        if not 1 - threshold < level.value_ns / before.value_ns < 1 + threshold
    ]


def _notes(ordered: Sequence[RunSeries], levels: Sequence[AcknowledgedLevel], accept_with: str) -> list[str]:
    notes = []
    if any(one.finding.kind == "suspect" for one in ordered):
        notes.append(
            "A suspect is one run only. Measure it against the code before it on the same device: "
            "mobilebert-bench ab BEFORE AFTER."
        )
    if any(one.changed for one in ordered):
        notes.append(f"A new level that is meant to stay is accepted with: {accept_with}")
    keys = {one.key.digest for one in ordered}
    unused = sum(level.key not in keys for level in levels)
    if unused:
        notes.append(
            f"{counted(unused, 'acknowledged level')} of series that have no run here; a level counts only "
            "with the --across that it was acknowledged with."
        )
    return notes


def _trend(one: RunSeries, name: str, threshold: float) -> Trend:
    """The newest runs of one series, with its levels."""
    first = max(0, len(one.readings) - WINDOW)
    kinds = {level.start: "change" for _, level in _steps(one, threshold)}
    if one.finding.kind == "suspect" and one.finding.at is not None:
        kinds[one.finding.at] = "suspect"
    return Trend(
        id="series",
        title=f"{name}: p50 over {counted(len(one.readings) - first, 'run')}",
        caption="Each dot is one run, with its 95 % interval over launches; lines are levels.",
        unit="ms",
        points=tuple(
            HistoryPoint(
                label=short(reading.commit or reading.run_id, 12),
                value=(reading.p50_ns or 0.0) * MS_PER_NS,
                low=None if reading.low_ns is None else reading.low_ns * MS_PER_NS,
                high=None if reading.high_ns is None else reading.high_ns * MS_PER_NS,
                kind=kinds.get(at, "usual"),
            )
            for at, reading in enumerate(one.readings)
            if at >= first
        ),
        levels=tuple(
            Step(start=level.start - first, end=level.end - 1 - first, value=level.value_ns * MS_PER_NS)
            for level in one.finding.levels
        ),
    )
