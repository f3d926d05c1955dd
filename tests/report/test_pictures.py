"""The figures of a run hold what the record and its samples hold, and nothing that does not count unsaid."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from results.claims import load_claims
from results.record import Record
from results.report.figures import ByTokens, Ecdf, Figure, Forest, Timeline
from results.report.flips import MOST_SHOWN, flips_tables
from results.report.view import build_view
from results.verdict import judge
from tests.report.lively import THROTTLED, WARMUP, lively
from tests.results.make_device import change_launch, summarized
from tests.results.make_run import Run, make_run, parity


def figures(run: Run) -> tuple[Figure, ...]:
    claims, samples, predictions = load_claims(), run.samples, run.predictions
    verdict = judge(run.record, samples, predictions, claims)
    return build_view(run.record, samples, predictions, verdict, claims, pictures=True).figures


@pytest.fixture(scope="module")
def run() -> Run:
    return lively(launches=8, inferences=60)


@pytest.fixture(scope="module")
def drawn(run: Run) -> tuple[Figure, ...]:
    return figures(run)


def test_shares_are_of_the_valid_launches_only(run: Run, drawn: tuple[Figure, ...]) -> None:
    """A throttled attempt, or warm-up, in the curve would show another phone than the numbers do."""
    ecdf = drawn[0]
    assert isinstance(ecdf, Ecdf)
    assert [(curve.label, len(curve.values)) for curve in ecdf.curves] == [
        ("float32", 480),
        ("dynamic_int8", 480),
    ]
    valid = [one for one in run.record.launches if one.recipe == "float32" and not one.invalid]
    pooled = np.concatenate([run.samples[one.samples_file].timed_ns for one in valid])
    assert np.allclose(ecdf.curves[0].values, pooled / 1e6)
    assert [(mark.value, mark.label) for mark in ecdf.marks] == [(62.0, "paper: 62 ms, proxy")]


def test_an_invalid_launch_that_was_not_repeated_is_in_no_share(run: Run) -> None:
    """It is the last attempt of its slot, and still does not count."""
    ecdf = figures(change_launch(run, 0, invalid=("too hot",)))[0]
    assert isinstance(ecdf, Ecdf)
    assert len(ecdf.curves[0].values) == 420


def test_the_order_shows_every_attempt(run: Run, drawn: tuple[Figure, ...]) -> None:
    """What was invalid is drawn, marked, with its levels; it is never dropped in silence."""
    timeline = next(one for one in drawn if isinstance(one, Timeline))
    assert len(timeline.launches) == 9
    thrown = [one for one in timeline.launches if not one.valid]
    assert len(thrown) == 1
    assert [one.label for one in timeline.launches].index(thrown[0].label) == THROTTLED
    assert len(thrown[0].levels) == 2
    assert thrown[0].warmup == WARMUP
    assert len(thrown[0].values) == WARMUP + 60
    assert thrown[0].levels[0].start == thrown[0].start_s[WARMUP]
    assert thrown[0].levels[1].value > 1.05 * thrown[0].levels[0].value
    assert all(len(one.levels) == 1 for one in timeline.launches if one.valid)
    first, second = timeline.launches[:2]
    assert first.cpu_c == (38.0, 47.0)
    assert first.top_clock == pytest.approx(0.97)
    assert thrown[0].top_clock == pytest.approx(0.82)
    assert second.start_s[0] > first.start_s[-1]


def test_the_forest_ends_with_the_whole(drawn: tuple[Figure, ...]) -> None:
    """Its last row is the estimate of the tables, so that picture and number cannot differ."""
    forest = next(one for one in drawn if isinstance(one, Forest))
    assert [row.kind for row in forest.rows] == ["valid"] * 6 + ["invalid"] + ["valid"] * 2 + ["overall"]
    valid = np.array([row.value for row in forest.rows if row.kind == "valid"])
    whole = forest.rows[-1]
    assert whole.value == pytest.approx(np.exp(np.log(valid).mean()))
    assert whole.low is not None
    assert whole.high is not None
    assert whole.low < whole.value < whole.high


def test_a_mark_far_off_is_said_instead_of_drawn(drawn: tuple[Figure, ...]) -> None:
    """62 ms beside launches around 36.5 ms would press them into one dot."""
    forests = [one for one in drawn if isinstance(one, Forest)]
    assert [len(one.marks) for one in forests] == [1, 0]
    assert "Far outside of the picture: paper: 62 ms, proxy." in forests[1].caption


def test_without_a_tokens_file_there_is_no_picture_of_tokens(drawn: tuple[Figure, ...]) -> None:
    """Lengths that are not known are not guessed from the signature."""
    assert not any(isinstance(one, ByTokens) for one in drawn)


def test_a_series_whose_parity_failed_has_no_picture(run: Run) -> None:
    """What was timed is not the model, so a picture of it would be one of something else."""
    changed = run.change(parities=(parity("float32", status="failed"), parity("dynamic_int8")))
    held = figures(changed)
    assert [one.id for one in held] == ["ecdf", "timeline-dynamic_int8", "forest-dynamic_int8"]


def test_a_program_without_samples_has_its_medians_only() -> None:
    """There is no order and no share to draw, and none is made up."""
    assert [one.id for one in figures(summarized(make_run()))] == ["forest-float32"]


def test_a_run_without_a_device_has_no_picture() -> None:
    """Accuracy alone has its tables."""
    assert figures(make_run(device=None)) == ()


def test_moments_that_are_none_break_nothing(run: Run) -> None:
    """Older records name moments in words of their own; the order within a launch is what counts."""
    odd = run.each_launch(started_at="yesterday")
    assert len(figures(odd)) == 5


def test_flips_are_counted_listed_and_cut() -> None:
    """The list answers "which pairs, and were they close calls?"; how many there are is said."""
    run = make_run(recipes=("float32", "dynamic_int8"), flips=(40, 60))
    (table,) = flips_tables(run.record, run.predictions)
    assert table.id == "flips-dynamic_int8"
    assert len(table.rows) == MOST_SHOWN
    assert {row[1] for row in table.rows} == {"lost"}
    assert table.lines[0].startswith(
        "100 pairs of 9815 (1.02 %) predicted otherwise than by float32: 60 lost, 0 changed, 40 won"
    )
    assert table.lines[1] == "The first 50 are shown; flips-dynamic_int8.csv has all of them."
    mine, theirs = run.predictions["dynamic_int8"], run.predictions["float32"]
    for row in table.rows:
        at = int(np.flatnonzero(mine.row == int(str(row[0])))[0])
        names = [mine.labels[one] for one in (mine.label[at], theirs.predicted[at], mine.predicted[at])]
        assert list(row[2:5]) == names
        assert names[0] == names[1] != names[2]


def test_both_wrong_in_different_ways_is_a_change() -> None:
    """It is no loss and no win, and still another answer."""
    run = make_run(recipes=("float32", "dynamic_int8"), flips=(0, 0))
    mine = run.predictions["dynamic_int8"]
    at = int(np.flatnonzero(~mine.right)[0])
    predicted = mine.predicted.copy()
    predicted[at] = 3 - mine.label[at] - mine.predicted[at]
    changed = dataclasses.replace(mine, predicted=predicted)
    (table,) = flips_tables(run.record, {**run.predictions, "dynamic_int8": changed})
    assert [row[1] for row in table.rows] == ["changed"]
    assert "0 lost, 1 changed, 0 won" in table.lines[0]


def test_no_flips_without_float32(run: Run) -> None:
    """Against what would they be flips?"""
    record: Record = dataclasses.replace(
        run.record, accuracies=tuple(one for one in run.record.accuracies if one.recipe != "float32")
    )
    assert list(flips_tables(record, run.predictions)) == []
