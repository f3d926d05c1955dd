"""A recipe among many runs of another model: counted on the same pairs only, and never on others."""

from __future__ import annotations

import dataclasses

import pytest

from results.accuracy import summarize_accuracy
from results.evaluated import Pairs, ReferenceRuns
from results.reference_runs import AmongRuns, among_runs
from results.report.model import Table
from results.report.reference_runs import reference_runs_table
from tests.results.make_run import EXAMPLE, MNLI, make_run

SLICE = dataclasses.replace(MNLI, rows_used=500)
RUNS = ReferenceRuns(name="runs.tsv", sha256="f" * 64, accuracies=(0.83, 0.8396, 0.84, 0.845, 0.85))


def both_of(pairs: Pairs, accuracy: float = 0.84) -> tuple[AmongRuns | None, Table]:
    run = make_run(accuracy=accuracy, pairs=pairs).change(reference_runs=RUNS)
    summary = summarize_accuracy(run.record, run.predictions, "float32")
    assert summary is not None
    table = reference_runs_table(run.record, [summary])
    assert table is not None
    return among_runs(run.record, summary), table


def test_runs_below_the_recipe_are_counted_on_the_whole_set() -> None:
    """0.84 of a file is 8245 of 9815 to its digits, which is 0.840041: below it are two runs."""
    place, table = both_of(MNLI)
    assert place is not None
    assert (place.below, place.fewest, place.most) == (2, 2, 2)
    assert place.least == place.greatest == place.deviations
    assert place.deviations == pytest.approx((8245 / 9815 - 0.84092) / 0.0074317, rel=1e-3)
    assert table.rows[0][1:3] == ("84.00 %, exact", "2 of 5")
    assert table.rows[0][3] == "-0.1 sd"
    assert "neither with the paper's MobileBERT" in table.comparable


@pytest.mark.parametrize("written", [0.8436067, 0.84361, 0.8436])
def test_the_same_accuracy_is_not_below(written: float) -> None:
    """The file's digits are rounded: 0.8436 is 8280 of 9815, not less; 8279 of them are."""
    run = make_run(accuracy=8280 / 9815)
    run = run.change(reference_runs=dataclasses.replace(RUNS, accuracies=(written, 8279 / 9815)))
    summary = summarize_accuracy(run.record, run.predictions, "float32")
    assert summary is not None
    place = among_runs(run.record, summary)
    assert place is not None
    assert place.below == 1


def test_a_slice_says_how_many_runs_its_interval_reaches() -> None:
    """500 pairs know the set's accuracy to 3 points, in which all of these runs lie."""
    place, table = both_of(SLICE)
    assert place is not None
    assert (place.below, place.fewest, place.most) == (2, 0, 5)
    assert table.rows[0][2] == "2 [0, 5] of 5"
    assert any("a slice of it" in line for line in table.lines)


def test_a_slice_says_how_far_from_the_mean_its_interval_reaches() -> None:
    """-0.1 sd of an accuracy that is known to 4 sd is no news."""
    place, table = both_of(SLICE)
    assert place is not None
    low, high = 0.806145, 0.868841  # 420 of 500 of 9815, Wilson
    assert (place.least, place.greatest) == pytest.approx(
        ((low - 0.84092) / 0.0074317, (high - 0.84092) / 0.0074317), rel=1e-2
    )
    assert table.rows[0][3] == f"-0.1 sd [{place.least:+.1f}, {place.greatest:+.1f}]"


def test_other_pairs_are_not_compared_and_it_says_why() -> None:
    """The runs' spread on MNLI is no measure for anything else."""
    place, table = both_of(EXAMPLE)
    assert place is None
    assert table.rows == ()
    assert table.lines[-1].startswith("Not compared: the runs are about the whole MNLI matched dev set")
    assert table.comparable == ""


def test_equal_runs_have_no_deviations() -> None:
    """Division by a spread of zero."""
    run = make_run(accuracy=0.84).change(reference_runs=dataclasses.replace(RUNS, accuracies=(0.8, 0.8)))
    summary = summarize_accuracy(run.record, run.predictions, "float32")
    assert summary is not None
    place = among_runs(run.record, summary)
    assert place is not None
    assert (place.below, place.deviations) == (2, None)


def test_without_runs_there_is_no_table() -> None:
    """Nobody asked."""
    run = make_run(accuracy=0.84)
    assert reference_runs_table(run.record, []) is None
