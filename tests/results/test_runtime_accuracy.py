"""Other runtimes beside the one that counts: what is called the same, what differs, and who is told."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from results.consistency import check_record
from results.errors import RecordDamaged
from results.report.model import Check, Table
from results.runtime_accuracy import RuntimeSummary, summarize_runtimes
from results.stats import holm
from results.store import RunStore
from tests.results.make_run import MNLI, Run, make_run
from tests.results.make_runtimes import by_runtime
from tests.results.test_report import BOTH, view_of
from tests.results.test_verdict import verdict_of


def accuracy_run(**changes: object) -> Run:
    return make_run(device=None, **changes)  # type: ignore[arg-type]


def only(run: Run) -> RuntimeSummary:
    (summary,) = summarize_runtimes(run.record, run.predictions)
    return summary


def table_of(run: Run) -> Table:
    return next(table for table in view_of(run).tables if table.id == "runtimes")


def checks_of(run: Run) -> list[Check]:
    return [check for check in view_of(run).checks if check.group == "accuracy.runtime"]


def test_equal_predictions_pass_and_say_on_how_many_pairs() -> None:
    """The common case: another build of the same kernels; "the same" without a number would be a belief."""
    run = by_runtime(accuracy_run(), off=1e-6)
    one = only(run)
    assert (one.likeness, one.flips, one.doubts) == ("same", 0, ())
    assert (one.accuracy.value, one.agreement.n) == (one.reference.value, 9815)
    (check,) = checks_of(run)
    assert (check.outcome, check.name) == (
        "passed",
        "float32 by tensorflow: the same as by ai-edge-litert",
    )
    assert "9815 of 9815 pairs" in check.message
    (row,) = table_of(run).rows
    assert str(row[1]) == "tensorflow 2.21.0"
    assert str(row[2]).startswith("84.00 % [83.27, 84.72]")
    assert "80.0 pairs/s" not in str(row)
    assert "40.0 pairs/s by 2 processes" in table_of(run).lines[0]
    assert "The verdict is by ai-edge-litert alone." in table_of(run).lines[-1]


def test_a_flip_at_a_tie_is_rounding_and_one_elsewhere_is_not() -> None:
    """One pair far from a tie shows what an accuracy of 9,815 pairs hides: another function is computed."""
    tie = only(by_runtime(accuracy_run(), lost=1, tied=True))
    assert (tie.flips, tie.unexplained, tie.likeness) == (1, 0, "same")
    assert tie.rounding.reach == pytest.approx(1e-4)
    text = table_of(by_runtime(accuracy_run(), lost=1, tied=True)).lines[0]
    assert "1 pair predicted otherwise, within rounding (two largest logits at most 0.0001 apart);" in text
    many = table_of(by_runtime(accuracy_run(), lost=2, tied=True)).lines[0]
    assert "2 pairs predicted otherwise, all of them within rounding" in many
    run = by_runtime(accuracy_run(), lost=1)
    assert (only(run).unexplained, only(run).likeness) == (1, "differs")
    assert "1 pair predicted otherwise, not within rounding" in table_of(run).lines[0]
    (check,) = checks_of(run)
    assert check.outcome == "failed"
    assert "it predicts otherwise on 1 pair that rounding does not explain" in check.message
    assert any("float32 by tensorflow is NOT the same: it predicts" in line for line in table_of(run).lines)


@pytest.mark.parametrize(("lost", "differs"), [(5, False), (6, True), (40, True)])
def test_an_accuracy_differs_by_mcnemars_test(lost: int, differs: bool) -> None:
    """Ties that all fall to one side are no rounding: six of six is p = 0.031, five of five 0.0625."""
    one = only(by_runtime(accuracy_run(), lost=lost, tied=True))
    assert one.unexplained == 0
    assert one.adjusted_p == pytest.approx(2 * 0.5**lost)
    assert (one.likeness == "differs") is differs
    assert ("its accuracy differs by more than chance" in one.doubts) is differs


def test_holm_corrects_for_the_rows_of_the_table() -> None:
    """Of twenty sound runtimes one would be called different otherwise."""
    run = by_runtime(accuracy_run(), lost=6, tied=True)
    run = by_runtime(run, runtime="tflite-runtime")
    first, second = summarize_runtimes(run.record, run.predictions)
    assert first.paired.mcnemar_p == pytest.approx(0.03125)
    assert (first.adjusted_p, first.likeness) == (pytest.approx(0.0625), "same")
    assert (second.adjusted_p, second.likeness) == (1, "same")
    assert "p = 0.031, by Holm p = 0.062" in table_of(run).lines[0]
    assert "by Holm for 2 comparisons" in table_of(run).lines[-1]
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])  # Holm 1979: times 3, 2, 1, ordered


def test_logits_beyond_rounding_are_unclear_where_no_prediction_changes() -> None:
    """A small slice may miss the flips of a broken kernel; its logits do not."""
    run = by_runtime(accuracy_run(), off=0.3)
    one = only(run)
    assert (one.flips, one.likeness) == (0, "unclear")
    assert one.doubts == ("the largest difference of its logits is 0.3, and rounding explains 0.0001",)
    assert [check.outcome for check in checks_of(run)] == ["undecided"]
    lines = table_of(run).lines
    assert any(line.startswith("float32 by tensorflow may not be the same: the largest") for line in lines)
    assert not any("NOT" in line for line in lines)
    assert "it may not be the same where its logits alone" in lines[-1]


def test_int8_may_round_as_far_as_it_lies_from_float32() -> None:
    """docs/parity.md: other kernels are a second sample of the noise between int8 and float32."""
    run = accuracy_run(recipes=BOTH, flips=(20, 30))
    recipe = next(name for name in BOTH if name != "float32")
    close, far = (by_runtime(run, recipe=recipe, off=off) for off in (0.05, 0.2))
    theirs, exact = (run.predictions[name].logits.astype(np.float64) for name in (recipe, "float32"))
    tolerance = 1.5 * np.sqrt(((theirs - exact) ** 2).mean(axis=0)).max()
    assert only(close).rounding.tolerance == pytest.approx(tolerance)
    assert 0.05 < tolerance < 0.2
    assert (only(close).likeness, only(far).likeness) == ("same", "unclear")
    far_flip = only(by_runtime(run, recipe=recipe, lost=1))
    assert far_flip.unexplained == 1  # a gap of 1, and four tolerances are 0.4


def test_a_slice_is_compared_on_its_own_rows() -> None:
    """The reference's accuracy on the whole set is no reference for a slice of it."""
    run = by_runtime(accuracy_run(), every=20)
    one = only(run)
    whole = run.predictions["float32"]
    assert one.of.rows == one.reference.n == 491
    assert one.reference.value == pytest.approx(whole.right[::20].mean())
    assert any("a seeded slice, 491 of 9815 pairs" in line for line in table_of(run).lines)


def test_the_verdict_is_the_same_whatever_other_runtimes_do() -> None:
    """What is judged is the runtime that counts; a broken other one is for the checks."""
    run = make_run()
    alone, beside = verdict_of(run), verdict_of(by_runtime(run, lost=400))
    assert (beside.overall, beside.claims, beside.floors) == (alone.overall, alone.claims, alone.floors)


def test_a_runtime_without_a_row_is_no_success() -> None:
    """It was asked for; a CI that only counts failures would take its silence for agreement."""
    run = by_runtime(accuracy_run()).settings(other_runtimes=("tensorflow", "torch"))
    assert [(check.name.split(":")[0], check.outcome) for check in checks_of(run)] == [
        ("float32 by tensorflow", "passed"),
        ("torch", "undecided"),
    ]


def test_rows_that_were_kept_are_in_no_rate() -> None:
    """Seconds are of this try alone, and so must be the rows that they are divided into."""
    assert only(by_runtime(accuracy_run(), seconds=10.0)).rate_per_s == pytest.approx(981.5)
    assert only(by_runtime(accuracy_run(), seconds=10.0, kept_rows=9000)).rate_per_s == pytest.approx(81.5)
    assert only(by_runtime(accuracy_run(), seconds=0.0, kept_rows=9815)).rate_per_s is None


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"correct": 8243}, "does not hold the predictions that the record counted"),
        ({"reference_correct": 8243}, "does not hold the predictions that the record counted"),
        ({"agreeing": 9814}, "does not hold the predictions that the record counted"),
    ],
)
def test_counts_that_the_predictions_do_not_bear_out_are_damage(change: dict[str, int], what: str) -> None:
    """A report is made of the raw rows; a record that says otherwise was edited."""
    run = by_runtime(accuracy_run(), **change)  # type: ignore[arg-type]
    with pytest.raises(RecordDamaged, match=what):
        summarize_runtimes(run.record, run.predictions)


def test_rows_that_were_not_evaluated_by_the_counting_runtime_are_damage() -> None:
    """Agreement with nothing is no agreement."""
    run = by_runtime(accuracy_run())
    predictions = dict(run.predictions)
    predictions["float32"] = predictions["float32"].take(np.arange(1, 9815))
    with pytest.raises(RecordDamaged, match="not over rows that the counting runtime evaluated"):
        summarize_runtimes(run.record, predictions)
    del predictions["float32"]
    with pytest.raises(RecordDamaged, match="predictions are missing"):
        summarize_runtimes(run.record, predictions)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"agreeing": 9900}, "counts more than its 9815 rows"),
        ({"correct": 8000}, "further from the counting runtime's than the rows that differ"),
        ({"rms_difference": 1.0}, "differ more on average than at most"),
    ],
)
def test_counts_that_contradict_each_other_are_refused(change: dict[str, int], what: str) -> None:
    """Found before anything is written or judged."""
    run = by_runtime(accuracy_run(), **change)  # type: ignore[arg-type]
    with pytest.raises(RecordDamaged, match=what):
        check_record(run.record, "record.json")


def test_one_recipe_by_one_runtime_stands_there_once() -> None:
    """Twice would count twice, in Holm's correction too."""
    run = by_runtime(by_runtime(accuracy_run()))
    with pytest.raises(RecordDamaged, match="one recipe by one runtime twice"):
        check_record(run.record, "record.json")


def test_the_store_gives_them_back_by_their_file(run_store: RunStore) -> None:
    """A recipe's own predictions and another runtime's of it must not take each other's place."""
    run = by_runtime(accuracy_run(pairs=dataclasses.replace(MNLI, rows_used=300)), lost=3)
    run.save(run_store)
    held = run_store.load_predictions(run_store.load())
    assert set(held) == {"float32", "predictions-float32-tensorflow.csv"}
    assert held["float32"].right.sum() == held["predictions-float32-tensorflow.csv"].right.sum() + 3
    name = run_store.folder / "predictions-float32-tensorflow.csv"
    name.write_bytes(name.read_bytes().replace(b"neutral", b"entailment", 1))
    with pytest.raises(RecordDamaged, match="SHA-256 differs"):
        run_store.load_predictions(run_store.load())


@pytest.fixture
def run_store(tmp_path: object) -> RunStore:
    return RunStore.create(tmp_path)  # type: ignore[arg-type]
