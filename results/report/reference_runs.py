"""The table of the recipes' accuracies among many runs of another model."""

from __future__ import annotations

from results.accuracy import AccuracySummary
from results.record import Record
from results.reference_runs import AmongRuns, among_runs, spread_of, why_not_comparable
from results.report.model import Cell, Table, quantity
from results.report.words import percent
from results.shares import METHODS


def reference_runs_table(record: Record, accuracies: list[AccuracySummary]) -> Table | None:
    """How many of the runs each recipe lies above, or why that cannot be said."""
    spread = spread_of(record)
    if spread is None or not accuracies:
        return None
    assert record.reference_runs is not None
    found = [(one, place) for one in accuracies if (place := among_runs(record, one)) is not None]
    lines = [
        f"The {spread.runs} runs: mean {percent(spread.mean, 2)}, standard deviation {spread.sd * 100:.2f} "
        f"points, least {percent(spread.least, 2)}, greatest {percent(spread.greatest, 2)}."
    ]
    if why := why_not_comparable(record):
        lines.append(f"Not compared: {why}.")
    sliced = any(one.of_set.interval is not None for one, _ in found)
    if sliced:
        lines.append(
            "The runs evaluated the whole set, this run a slice of it: in brackets are the runs below, and "
            "the deviations from the mean, of the ends of the slice's interval."
        )
    return Table(
        title=f"Accuracy among {spread.runs} runs of another model, {record.reference_runs.name}",
        id="accuracy-reference",
        columns=(
            ("recipe", f"of this set [{METHODS[record.settings.interval]} 95 %]", "runs below", "from mean")
            if found
            else ()
        ),
        rows=tuple(_row(one, place, spread.runs) for one, place in found),
        lines=tuple(lines),
        comparable="what runs of the other model that differ by their seeds alone reach on the same set; "
        "neither with the paper's MobileBERT, nor with its claim"
        if found
        else "",
    )


def _row(one: AccuracySummary, place: AmongRuns, runs: int) -> tuple[Cell, ...]:
    exact = one.of_set.interval is None
    span = "" if exact else f" [{place.fewest}, {place.most}]"
    return (
        one.recipe,
        f"{percent(one.of_set.value or 0, 2)}, exact" if exact else quantity(one.of_set, "%", 2, 100),
        f"{place.below}{span} of {runs}",
        _from_mean(place, exact=exact),
    )


def _from_mean(place: AmongRuns, *, exact: bool) -> str:
    if place.deviations is None:
        return "-"
    shown = f"{place.deviations:+.1f} sd"
    return shown if exact else f"{shown} [{place.least:+.1f}, {place.greatest:+.1f}]"
