"""The report of two arms on one device: which is slower, by how much, and how sure that is."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import count

from results.arms import Arm
from results.compare.arms import arms_of, sequence_ratios
from results.compare.comparison_file import Comparison
from results.compare.words import by_how_much
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
from results.report.conditions import conditions_table
from results.report.figures import Band, Curve, Ecdf, Figure, Forest, ForestRow, Mark
from results.report.happened import interruptions_table, left_changed_table
from results.report.launches import MOST_SHOWN, launches_table
from results.report.model import Cell, Outcome, Table, View, milliseconds
from results.report.setting import device_table, model_table, parity_table, settings_table
from results.report.view import UNENDED, where
from results.report.words import counted
from results.rounds import Rounds, pair_rounds
from results.samples import LaunchSamples
from results.stats import Estimate

# What each arm has of its own stands in the table of the arms.
_OF_ARMS = ("recipes", "threads", "cores", "delegate")
_WORTH_IT = 100  # pairs; more are an hour and longer, in which a device drifts


def comparison_view(record: Record, samples: Mapping[str, LaunchSamples], comparison: Comparison) -> View:
    """The report of a run of `ab`. `samples` by `Launch.samples_file`.

    Raises RecordDamaged where raw data and record disagree.
    """
    _, sides = arms_of(record)
    rounds = pair_rounds(record, *sides)
    outcome: Outcome = OUTCOMES[comparison.status]
    if comparison.same and comparison.status in ("slower", "faster"):
        outcome = "error"  # of the set-up: nothing was compared
    settings = settings_table(record)
    shared = tuple(row for row in settings.rows if row[0] not in _OF_ARMS)
    tables = (
        left_changed_table(record),
        _changes(comparison),
        _sides(comparison),
        _sequences(comparison),
        _pairs(rounds, samples),
        launches_table(record, samples, ()),
        parity_table(record),
        interruptions_table(record),
        conditions_table(record),
        device_table(record),
        model_table(record),
        dataclasses.replace(settings, rows=shared),
    )
    return plainly(
        View(
            title="Two equal arms (A/A)" if comparison.same else "A against B",
            where=where(record) + ("" if record.ended_at else " " + UNENDED),
            verdict=comparison.sentence,
            outcome=outcome,
            tables=tuple(table for table in tables if table is not None),
            notes=tuple(doubt.text for doubt in record.doubts),
            files=("record.json", "comparison.json", "report.txt", *_samples(record)),
            checks=change_checks(comparison.changes, "comparison", same=comparison.same),
            figures=_figures(rounds, samples, comparison),
        )
    )


def _changes(comparison: Comparison) -> Table:
    made = f"{comparison.pairs} of {counted(comparison.rounds, 'pair')} of launches count"
    lines = [threshold_line(comparison.threshold)]
    lines.append(f"{made}; A and B took turns, in each pair in an order by chance (seed in the settings).")
    lines += [f"{remark[:1].upper()}{remark[1:]}." for remark in comparison.remarks]
    if (needed := comparison.pairs_to_decide) is not None:
        lines.append(
            f"About {needed} pairs would decide p50 at this spread (80 % power)"
            + (f": --launches {needed}." if needed <= _WORTH_IT else "; on a quieter device fewer would.")
        )
    for one in comparison.with_every:
        if one.ratio.value is not None:
            decision = one.decision.replace("_", " ")
            lines.append(f"Over every launch that ran, {one.name}: {by_how_much(one.ratio)}, {decision}.")
    return changes_table(
        comparison.changes,
        id="comparison",
        title="B against A, typical launch",
        comparable="comparisons of these arms on this device; each latency with runs of its arm's settings "
        "there",
        lines=lines,
    )


def _sides(comparison: Comparison) -> Table:
    """What each arm is; a line says what is not the same."""
    a, b = (_arm(arm) for arm in comparison.arms)
    differing = [name for name in a if a[name] != b[name] and name != "called"]
    what = ", ".join(differing) if differing else "nothing: both arms are the same"
    return Table(
        id="sides",
        title="The arms",
        columns=("", "A", "B"),
        rows=tuple((name, a[name], b[name]) for name in a),
        lines=(f"They differ in {what}.",),
    )


def _arm(arm: Arm) -> dict[str, str]:
    program = arm.program
    return {
        "called": short(arm.said),
        "model": arm.model,
        "recipe": arm.recipe,
        "file (SHA-256)": arm.model_sha256[:16],
        "threads": str(arm.threads),
        "cores": arm.cores,
        "length policy": arm.length_policy,
        "delegate": arm.delegate,
        "program": program.program_sha256[:16],
        "runtime": f"{short(program.runtime)} {short(program.runtime_version)}",
        "runtime (SHA-256)": program.runtime_sha256[:16],
    }


def _sequences(comparison: Comparison) -> Table | None:
    shift = comparison.sequences
    if shift is None:
        return None
    quantiles = (shift.p10, shift.p50, shift.p90)
    return Table(
        id="sequences",
        title="B against A by sequence",
        columns=("sequences", "p10 of them", "p50", "p90"),
        rows=((str(shift.sequences), *(by_how_much(_alone(one)) for one in quantiles)),),
        lines=(
            "Of each sequence the median of its ratios over the pairs; p10 to p90 are over sequences. They "
            "have no interval: the sequences of a launch share its conditions, and the interval above is "
            "from launches.",
        ),
    )


def _pairs(rounds: Rounds, samples: Mapping[str, LaunchSamples]) -> Table | None:
    """Every round: who began, what both took, and whether it counts."""
    if not rounds.every:
        return None
    listed = [one for one in rounds.every if one not in rounds.whole or len(rounds.every) <= MOST_SHOWN]
    rows: list[tuple[Cell, ...]] = []
    for index in listed:
        last = [next((one for one in reversed(own) if one.index == index), None) for own in rounds.attempts]
        a, b = (None if one is None else median_ns(one, samples) for one in last)
        rows.append(
            (
                str(index),
                _first(rounds, index),
                _milliseconds(a),
                _milliseconds(b),
                by_how_much(_alone(b / a)) if a and b else "-",
                "yes" if index in rounds.whole else "no",
            )
        )
    lines = ["A pair counts where the last attempts of both launches are valid."]
    if len(listed) < len(rounds.every):
        lines.append(f"Of {len(rounds.every)} pairs only those are listed that do not count: {len(listed)}.")
    return Table(
        id="pairs",
        title="Pairs of launches, p50 of each",
        columns=("pair", "first", "A", "B", "B is", "counts"),
        rows=tuple(rows),
        lines=tuple(lines),
    )


def _first(rounds: Rounds, index: int) -> str:
    """Which arm began a round."""
    orders = [
        (one.order, name)
        for name, own in zip("AB", rounds.attempts, strict=True)
        for one in own
        if one.index == index
    ]
    return min(orders)[1]


def _milliseconds(ns: float | None) -> Cell:
    if ns is None:
        return "-"
    return milliseconds(_alone(ns))


def _figures(
    rounds: Rounds, samples: Mapping[str, LaunchSamples], comparison: Comparison
) -> tuple[Figure, ...]:
    made: list[Figure] = []
    main = comparison.changes[0]
    interval = main.ratio.interval
    if main.ratio.value is not None:
        rows = [
            ForestRow(label=f"pair {index}", value=_percent(ratio))
            for index, ratio in zip(rounds.whole, main.ratios, strict=True)
        ]
        rows.append(
            ForestRow(
                label="all",
                value=_percent(main.ratio.value),
                low=None if interval is None else _percent(interval.low),
                high=None if interval is None else _percent(interval.high),
                kind="overall",
            )
        )
        share, beyond = comparison.threshold.share * 100, comparison.threshold.beyond * 100
        no_change = Mark(value=0.0, label="no change")
        decided = "Decided is what lies wholly outside or wholly inside the band."
        floor: tuple[Mark, ...] = ()
        if beyond > share:
            decided = (
                "Equivalent is what lies wholly inside the band, slower or faster what lies wholly beyond "
                "the lines of the noise floor."
            )
            floor = (
                Mark(value=-beyond, label="faster beyond: noise floor"),
                Mark(value=beyond, label="slower beyond: noise floor"),
            )
        made.append(
            Forest(
                id="comparison",
                title="B against A, pair by pair",
                caption="How much slower (above 0) or faster B's p50 is in each pair, and over all pairs "
                f"with its 95 % interval. {decided}",
                unit="%",
                rows=tuple(rows),
                marks=(no_change, *floor),
                band=Band(low=-share, high=share, label="threshold"),
            )
        )
        sides = [curve(name, [pair[at] for pair in rounds.pairs], samples) for name, at in zip("AB", count())]
        made += both_sides("sides", sides)
    ratios = sequence_ratios(rounds.pairs, samples) if comparison.sequences is not None else {}
    if ratios:
        made.append(
            Ecdf(
                id="sequences",
                title="B against A, sequence by sequence",
                caption="The share of sequences on which B is at most so much slower (below 0: faster). A "
                "steep curve says that all sequences change alike.",
                unit="%",
                curves=(Curve(label="sequences", values=tuple(map(_percent, ratios.values()))),),
                marks=(Mark(value=0.0, label="no change"),),
            )
        )
    return tuple(made)


def _samples(record: Record) -> list[str]:
    raw = [launch.samples_file for launch in record.launches]
    return raw if len(raw) < 2 else [f"{raw[0]} ... {raw[-1]} ({len(raw)} files)"]


def _percent(ratio: float) -> float:
    return (ratio - 1) * 100


def _alone(ratio: float) -> Estimate:
    return Estimate(value=ratio, interval=None, n=1)
