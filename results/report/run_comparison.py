"""The report of two recorded runs: which is slower, and everything else that differs between them."""

from __future__ import annotations

from results.compare.recorded import Recorded
from results.compare.runs import (
    AccuracyChange,
    RunComparison,
    SeriesChange,
    launches_that_count,
)
from results.launches import median_ns
from results.plain import plainly, short
from results.record import Record
from results.report.comparison_tables import (
    OUTCOMES,
    both_sides,
    change_checks,
    changes_table,
    curve,
    threshold_line,
)
from results.report.figures import Figure, Forest, ForestRow
from results.report.model import MS_PER_NS, Check, Table, View, quantity
from results.report.setting import device_name
from results.report.view import where
from results.report.words import counted, p_value, same_runs

# The shares are simulated: ten launches a run, which spread by 0.5 % beside what a run has in common.
_DRIFT = (
    "The runs were measured one after the other: what drifted between them, the device's heat as well as its "
    "software, is in the ratio, and how far two equal runs differ is not in the interval. Where equal runs "
    "spread by 1 %, such an interval holds that nothing changed one time in four, and one pair in twelve is "
    "called slower or faster; where they spread by 2 %, one in seven, and more than one pair in three. `ab` "
    "measures both in turns, and is the sharper tool."
)
_OF_TWO = "The interval is about these two runs: how far two equal runs differ is not in it (see the notes)."
_UNNAMED = "The device does not name itself, so it is not known that both runs were on the same one."


def run_comparison_view(a: Recorded, b: Recorded, comparison: RunComparison) -> View:
    """The report of `compare`, A first. Raises RecordDamaged where raw data and record disagree."""
    tables = [
        *(_changes(a.record, one, comparison) for one in comparison.series),
        _sides(a, b),
        _accuracies(comparison.accuracies),
        _differing(comparison),
    ]
    checks: list[Check] = []
    figures: list[Figure] = []
    for one in comparison.series:
        checks += change_checks(one.changes, _group(one), of_runs=True)
        figures += _figures(a, b, one)
    device = b.record.device
    unnamed = device is not None and device.serial_sha256 is None
    return plainly(
        View(
            title="Run against run",
            where=where(b.record),
            verdict=comparison.sentence,
            outcome=OUTCOMES[comparison.status],
            tables=tuple(table for table in tables if table is not None),
            notes=(_DRIFT, *([_UNNAMED] if unnamed else [])),
            files=(),
            checks=tuple(checks),
            figures=tuple(figures),
        )
    )


def _group(one: SeriesChange) -> str:
    return f"comparison.{one.sides[1].stem}"


def _changes(record: Record, one: SeriesChange, comparison: RunComparison) -> Table:
    first, second = one.sides
    lines = [_OF_TWO, threshold_line(comparison.threshold)]
    main = one.changes[0]
    lines.append(f"{counted(main.n_a, 'launch')} of A, {main.n_b} of B count; they are not paired (Welch).")
    if first != second:
        lines.append("The runs share no recipe, and each timed one: those are compared.")
    lines += [f"{remark[:1].upper()}{remark[1:]}." for remark in one.remarks]
    return changes_table(
        one.changes,
        id=f"comparison-{second.stem}",
        title=f"B against A, {one.label}",
        comparable=same_runs(record),
        lines=lines,
        over="the launches of these two runs",
    )


def _sides(a: Recorded, b: Recorded) -> Table:
    facts = ("run", "started", "ended", "commit", "device")
    columns = zip(facts, _facts(a), _facts(b), strict=True)
    return Table(id="sides", title="The runs", columns=("", "A", "B"), rows=tuple(columns))


def _facts(of: Recorded) -> tuple[str, ...]:
    record = of.record
    return (
        short(of.name),
        record.started_at,
        record.ended_at or "not ended",
        short(record.settings.commit or "-"),
        "-" if record.device is None else device_name(record.device),
    )


def _accuracies(accuracies: tuple[AccuracyChange, ...]) -> Table | None:
    if not accuracies:
        return None
    rows = []
    lines = ["Of correct answers on the same pairs; it decides nothing here."]
    for one in accuracies:
        if one.paired is None:
            lines.append(f"{one.label}: not compared: {one.reason}.")
            continue
        difference = quantity(one.paired.difference, "points", 2, 100)
        gained, lost = one.paired.only_a, one.paired.only_b  # `paired` is told B first
        rows.append((one.label, difference, str(gained), str(lost), p_value(one.paired.mcnemar_p)))
    return Table(
        id="accuracy",
        title="Accuracy on the host, B less A [95 % interval]",
        columns=("series", "B less A", "won", "lost", "McNemar"),
        rows=tuple(rows),
        lines=tuple(lines),
    )


def _differing(comparison: RunComparison) -> Table:
    rows = tuple((one.name, one.a, one.b) for one in comparison.differing)
    return Table(
        id="differing",
        title="What else differs between the runs",
        columns=("", "A", "B"),
        rows=rows,
        lines=() if rows else ("Nothing that is recorded.",),
    )


def _figures(a: Recorded, b: Recorded, one: SeriesChange) -> list[Figure]:
    """The launches of both sides, and their inferences."""
    main = one.changes[0]
    if main.ratio.value is None:
        return []
    id = f"comparison-{one.sides[1].stem}"
    rows: list[ForestRow] = []
    curves = []
    for name, of, series, estimate in (("A", a, one.sides[0], main.a), ("B", b, one.sides[1], main.b)):
        launches = launches_that_count(of, series)
        curves.append(curve(name, launches, of.samples))
        rows += [
            ForestRow(label=f"{name}, launch {launch.index}", value=value * MS_PER_NS)
            for launch in launches
            if (value := median_ns(launch, of.samples)) is not None
        ]
        interval = estimate.interval
        rows.append(
            ForestRow(
                label=f"{name}, all",
                value=(estimate.value or 0.0) * MS_PER_NS,
                low=None if interval is None else interval.low * MS_PER_NS,
                high=None if interval is None else interval.high * MS_PER_NS,
                kind="overall",
            )
        )
    forest = Forest(
        id=id,
        title=f"Launches of both runs, {one.label}",
        caption="The p50 of each launch that counts, and of a typical one with its 95 % interval.",
        unit="ms",
        rows=tuple(rows),
    )
    return [forest, *both_sides(id, curves)]
