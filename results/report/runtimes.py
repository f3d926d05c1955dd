"""The table of other runtimes beside the one that counts, and what a CI is told of it."""

from __future__ import annotations

from collections.abc import Sequence

from results.record import Record
from results.report.model import Cell, Check, Outcome, Table, quantity
from results.report.words import counted, p_value, within_rounding
from results.runtime_accuracy import LARGEST_P, Likeness, RuntimeSummary
from results.shares import METHODS

_VERBS: dict[Likeness, str] = {
    "same": "is the same",
    "differs": "is NOT the same",
    "unclear": "may not be the same",
}
_OUTCOMES: dict[Likeness, Outcome] = {"same": "passed", "differs": "failed", "unclear": "undecided"}


def runtimes_table(record: Record, summaries: Sequence[RuntimeSummary]) -> Table | None:
    """Accuracy and agreement by recipe and runtime; a sentence wherever one is not the same."""
    if not summaries or record.pairs is None:
        return None
    counting = record.settings.runtime
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    for one in summaries:
        rows.append(
            (
                one.of.recipe,
                f"{one.of.runtime} {one.of.runtime_version}",
                quantity(one.accuracy, "%", 2, 100),
                f"{(one.reference.value or 0) * 100:.2f} %",
                quantity(one.agreement, "%", 2, 100),
                str(one.of.rows),
            )
        )
        lines.append(_compared(one))
    lines += [f"{_label(one)} {_VERBS[one.likeness]}: {why}." for one in summaries for why in one.doubts]
    lines += _slices(record, summaries)
    lines.append(
        f"It differs where McNemar's p, by Holm for {counted(len(summaries), 'comparison')}, is under "
        f"{LARGEST_P:g}, or a pair predicted otherwise is further from a tie than rounding reaches; it may "
        "not be the same where its logits alone lie further off than rounding explains. "
        f"The verdict is by {counting} alone."
    )
    return Table(
        title=f"By runtime on this machine, {record.pairs.name} [{METHODS[record.settings.interval]} 95 %]",
        id="runtimes",
        columns=("recipe", "runtime", "accuracy", counting, "same prediction", "pairs"),
        rows=tuple(rows),
        lines=tuple(lines),
        comparable=f"{counting}'s predictions on the same pairs; torch runs the checkpoint's weights, all "
        "others the same file",
    )


def runtime_checks(record: Record, summaries: Sequence[RuntimeSummary]) -> tuple[Check, ...]:
    """Whether each other runtime predicts what the one that counts does."""
    counting = record.settings.runtime
    found = [
        Check(
            group="accuracy.runtime",
            name=f"{_label(one)}: the same as by {counting}",
            outcome=_OUTCOMES[one.likeness],
            message=f"{one.likeness}: same prediction on {one.of.agreeing} of {one.of.rows} pairs"
            + "".join(f"; {why}" for why in one.doubts),
            seconds=one.of.seconds,
        )
        for one in summaries
    ]
    done = {one.of.runtime for one in summaries}
    found += [
        Check(
            group="accuracy.runtime",
            name=f"{runtime}: the same as {counting}",
            outcome="undecided",
            message="no recipe was evaluated by it",
        )
        for runtime in record.settings.other_runtimes
        if runtime not in done
    ]
    return tuple(found)


def _label(one: RuntimeSummary) -> str:
    return f"{one.of.recipe} by {one.of.runtime}"


def _compared(one: RuntimeSummary) -> str:
    difference = quantity(one.paired.difference, "points", 2, 100)
    p = one.paired.mcnemar_p
    holm = f", by Holm {p_value(one.adjusted_p)}" if one.adjusted_p != p else ""
    rate = one.rate_per_s
    by = counted(max(1, one.of.workers), "process")
    pace = "" if rate is None else f"; {rate:.1f} pairs/s by {by}, start included"
    return (
        f"{_label(one)}: {difference} (exact 90 % interval), {counted(one.paired.only_b, 'pair')} lost, "
        f"{one.paired.only_a} won, McNemar {p_value(p)}{holm}; {_flips(one)}; logits differ by "
        f"{one.of.max_difference:.3g} at most, {one.of.rms_difference:.3g} root mean square{pace}."
    )


def _flips(one: RuntimeSummary) -> str:
    if one.flips == 0:
        return "the same prediction on every pair"
    within = within_rounding(one.flips, one.flips - one.unexplained)
    return (
        f"{counted(one.flips, 'pair')} predicted otherwise, {within} (two largest logits at most "
        f"{one.rounding.reach:.3g} apart)"
    )


def _slices(record: Record, summaries: Sequence[RuntimeSummary]) -> list[str]:
    assert record.pairs is not None
    used = record.pairs.rows_used
    few = [one for one in summaries if one.of.rows < used]
    return [
        f"{_label(one)}: a seeded slice, {one.of.rows} of {used} pairs, stratified by label, for it is slow."
        for one in few
    ]
