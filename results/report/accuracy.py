"""The tables of accuracy on the host: per recipe, against float32, and how it was evaluated."""

from __future__ import annotations

from collections.abc import Iterator

from results.accuracy import FLOOR_MARGIN, AccuracySummary
from results.evaluated import Accuracy, IntervalMethod, Pairs
from results.power import FEW_DISCORDANT
from results.record import Record
from results.report.model import Cell, Table, quantity
from results.report.words import counted, p_value, padded_to, percent
from results.shares import METHODS

# Of the difference between two classifiers on the same pairs.
TWO_TESTS = (
    "The interval of a difference is exact and unconditional; McNemar's test is conditional on the pairs "
    "that differ, and the more cautious: 0 may lie outside of the one where the other's p shows nothing."
)
MARGIN = f"{FLOOR_MARGIN * 100:g} point"
_WORKERS = {"here": "this process", "processes": "of this machine", "dask": "of a Dask cluster"}


def accuracy_table(record: Record, accuracies: list[AccuracySummary]) -> Table | None:
    """Accuracy per recipe, and each recipe against float32 on the same pairs."""
    if not accuracies or record.pairs is None:
        return None
    pairs = record.pairs
    lines = [line for one in accuracies for line in _against(one, pairs)]
    lines += [TWO_TESTS] if any(one.against is not None for one in accuracies) else []
    what = "MNLI-m dev accuracies" if pairs.kind == "mnli_matched_dev" else "runs on the same pairs only"
    if pairs.rows_used < pairs.rows_total:
        what += f", as a slice of {pairs.rows_used} of {pairs.rows_total} pairs"
    return Table(
        title=f"Accuracy on {_where(record)}, {pairs.name} [{METHODS[record.settings.interval]} 95 %]",
        id="accuracy",
        columns=("recipe", "of such pairs", "of this set", "correct"),
        rows=tuple(_row(one) for one in accuracies),
        lines=(*lines, *_of_pairs(pairs, record.settings.interval)),
        comparable=what,
    )


def evaluation_table(record: Record) -> Table | None:
    """How each recipe was evaluated: by how many workers, how fast, in how much memory."""
    if not record.accuracies:
        return None
    lines = [
        *_paddings(record),
        "pairs: evaluated per second; memory: the most that any worker had; kept: pairs that an evaluation "
        "which was stopped had left.",
    ]
    processors = sorted({name for one in record.accuracies for name in one.processors})
    if len(processors) > 1:
        lines.append(
            f"Evaluated on several processors ({', '.join(processors)}): logits may differ in their last "
            "digits from one to another, and with them a prediction that is nearly a tie."
        )
    return Table(
        title=f"How accuracy was evaluated on {_where(record)}",
        id="accuracy-evaluation",
        columns=("recipe", "workers", "pairs", "memory", "kept"),
        rows=tuple(_facts(one) for one in record.accuracies),
        lines=tuple(lines),
    )


def on_cluster(record: Record) -> bool:
    """Whether a Dask cluster evaluated the pairs, or some recipes."""
    return any(one.engine == "dask" for one in record.accuracies)


def confusion_tables(record: Record) -> list[Table]:
    """Rows of each true label by prediction, and the counts of predictions."""
    return [_confusion(accuracy) for accuracy in record.accuracies]


def _row(one: AccuracySummary) -> tuple[Cell, ...]:
    exact = one.of_set.interval is None and one.of_set.value is not None
    return (
        one.recipe,
        quantity(one.accuracy, "%", 2, 100),
        f"{percent(one.of_set.value or 0, 2)}, exact" if exact else quantity(one.of_set, "%", 2, 100),
        f"{one.correct} of {one.rows}",
    )


def _against(one: AccuracySummary, pairs: Pairs) -> Iterator[str]:
    """One recipe against float32: the difference, its floor, and what so many pairs can show."""
    against = one.against
    if against is None:
        return
    pair = against.paired
    yield (
        f"{one.recipe} against float32: {quantity(pair.difference, 'points', 2, 100)} (exact 90 % interval), "
        f"same prediction on {quantity(against.agreement, '%', 2, 100)}, "
        f"{counted(pair.only_b, 'pair')} lost, {pair.only_a} won, McNemar {p_value(pair.mcnemar_p)}; "
        f"floor of -{MARGIN} {one.floor} (not more than {MARGIN} lost: {p_value(against.floor_p)})."
    )
    few = pair.only_a + pair.only_b < FEW_DISCORDANT
    # A drop brings its own discordant pairs.
    discordant = max(against.discordant, against.smallest_drop or 0.0)
    planned = f"McNemar at 5 %, power 80 %, {percent(discordant, 2)} of pairs discordant"
    planned += " at most" if few and discordant == against.discordant else ""
    if against.smallest_drop is None:
        yield f"{one.recipe}: {counted(pair.n, 'pair')} would show no drop at all ({planned})."
    else:
        drop = against.smallest_drop * 100
        yield f"{one.recipe}: a drop of {drop:.2f} points or more would be seen here ({planned})."
    if one.floor == "undecided":
        yield f"{one.recipe}: {_advice(against.pairs_to_decide, pairs, few=few)}."


def _advice(needed: int | None, pairs: Pairs, *, few: bool) -> str:
    """What would decide a floor, power 80 % at what was seen.

    `few`: so few pairs differ that their share was taken at its upper limit, and the number is the most.
    """
    if needed is None:
        return f"the difference lies on the floor of -{MARGIN}, which no number of pairs would decide"
    most, whole = "at most " if few else "", pairs.rows_total
    about = f"{most}about {_round_up(needed)} pairs"
    if pairs.rows_used == whole:
        lacking = f"; this set has {whole}" if few else ", which this set does not have"
        return f"the floor would be decided by {about}{lacking}"
    if needed <= whole:
        return (
            f"evaluate {most}{min(_round_up(needed), whole)} of the set's {whole} pairs to decide the floor"
        )
    return f"evaluate all of the set's {whole} pairs, which may not decide the floor: it takes {about}"


def _round_up(count: int) -> int:
    """To two digits, for it is a plan."""
    step = int(10 ** max(0, len(str(count)) - 2))
    return -(-count // step) * step


def _of_pairs(pairs: Pairs, method: IntervalMethod) -> Iterator[str]:
    """Both things that an accuracy is of, and what was not evaluated as it stands."""
    how = "finite-population correction" if method == "wilson" else "hypergeometric limits"
    drawn = (
        f"this set: its {pairs.rows_total} pairs, of which {pairs.rows_used} were drawn ({how})"
        if pairs.rows_used < pairs.rows_total
        else f"this set: its {pairs.rows_total} pairs, all of them evaluated"
    )
    yield f"Of such pairs: of all that are like these, by which claims and floors are judged. Of {drawn}."
    if pairs.truncated_rows:
        yield f"{counted(pairs.truncated_rows, 'pair')} longer than the sequence length: truncated."
    for left in pairs.left_out:
        first = f" (first: {', '.join(left.first)})" if left.first else ""
        yield f"Left out of the file: {counted(left.rows, 'row')}, {left.fault}{first}."
    if pairs.answers:
        meant = [f"{label} is {answer}" for label, answer in pairs.answers.items() if label != answer]
        fewer = len(set(pairs.answers.values())) < len(pairs.answers)
        said = "The file knows fewer answers than the model has labels" if fewer else "The file's answers"
        yield f"{said}: {', '.join(meant)}."
    if pairs.unknown_tokens:
        share = percent(pairs.unknown_tokens / max(pairs.tokens, 1), 2)
        yield f"{counted(pairs.unknown_tokens, 'token')} of {pairs.tokens} ({share}) not in the vocabulary."


def _where(record: Record) -> str:
    return "a Dask cluster" if on_cluster(record) else "this machine"


def _facts(one: Accuracy) -> tuple[Cell, ...]:
    done = one.rows - one.kept_rows
    rate = f"{done / one.seconds:.1f}/s" if one.seconds > 0 and done > 0 else "-"
    memory = "-" if one.peak_rss_bytes is None else f"{one.peak_rss_bytes / 1e6:.0f} MB"
    workers = "this process" if one.engine == "here" else f"{one.workers} {_WORKERS[one.engine]}"
    return one.recipe, workers, rate, memory, f"{one.kept_rows} of {one.rows}"


def _paddings(record: Record) -> list[str]:
    """How pairs were padded, once where it is the same for all recipes."""
    by_recipe = {one.recipe: _padding(record, one) for one in record.accuracies}
    if len(set(by_recipe.values())) == 1:
        return [f"Pairs are padded to {next(iter(by_recipe.values()))}."]
    return [f"{recipe}: pairs are padded to {padding}." for recipe, padding in by_recipe.items()]


def _padding(record: Record, one: Accuracy) -> str:
    artifact = next((artifact for artifact in record.artifacts if artifact.recipe == one.recipe), None)
    lengths = [signature.length for signature in artifact.signatures] if artifact else []
    longest = record.settings.length
    padding = padded_to(one.length_policy, longest, lengths, "the pair")
    return padding if padding == f"length {longest}" else f"{padding} ({longest} for those of {longest})"


def _confusion(accuracy: Accuracy) -> Table:
    rows = [
        (label, *(str(count) for count in counts), str(sum(counts)))
        for label, counts in zip(accuracy.labels, accuracy.confusion, strict=True)
    ]
    predicted = [sum(column) for column in zip(*accuracy.confusion, strict=True)]
    rows.append(("all predicted", *(str(count) for count in predicted), str(accuracy.rows)))
    return Table(
        title=f"Predictions of {accuracy.recipe} (rows: true label)",
        id=f"confusion-{accuracy.recipe}",
        columns=("label", *accuracy.labels, "all"),
        rows=tuple(rows),
    )
