"""The device's own predictions: what agreement, flips and a lost point mean for the verdict."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from results.device_accuracy import DeviceAccuracySummary, summarize_device_accuracy
from results.errors import RecordDamaged
from results.recompute import conclude, recompute
from results.report.text import WIDTH, as_text
from results.report.view import build_view
from results.store import RunStore
from tests.results.make_device import on_device
from tests.results.make_run import Run, make_run, parity
from tests.results.test_verdict import row, verdict_of


def summary_of(run: Run) -> DeviceAccuracySummary:
    summary = summarize_device_accuracy(run.record, run.predictions, run.record.settings.recipes[0])
    assert summary is not None
    return summary


def test_a_few_flips_within_rounding_change_nothing() -> None:
    """Two processors round differently: rows on the fence fall to either side, and the model is the same."""
    summary = summary_of(on_device(make_run(), rows=2000, lost=3))
    assert (summary.flips, summary.unexplained, summary.doubts) == (3, 0, ())
    assert (summary.agreement.value, summary.floor) == (1997 / 2000, "met")
    run = on_device(make_run(), rows=2000, lost=3)
    assert row(run).status == "reproduced"
    assert verdict_of(run).verdict.status == "reproduced"


def test_one_flip_that_rounding_does_not_explain_leaves_latency_undecided() -> None:
    """By the parity rule the prediction must be the same there: what was timed may be another function."""
    run = on_device(make_run(), rows=2000, lost=1, rounding=False)
    assert summary_of(run).unexplained == 1
    judged = row(run)
    assert judged.status == "inconclusive"
    assert "the device predicts otherwise on 1 pair that rounding does not explain" in judged.decided_by
    assert row(run, "mnli-m").status == "reproduced"
    assert verdict_of(run).verdict.status == "inconclusive"


def test_rounding_reaches_four_tolerances_where_the_rule_is_a_root_mean_square() -> None:
    """docs/parity.md: between kinds of processors a prediction may change within four tolerances."""
    run = on_device(make_run(), lost=1)
    tight = run.change(parities=(parity("float32", tolerance=0.004),))
    assert summary_of(tight).unexplained == 1
    wide = run.change(parities=(parity("float32", tolerance=0.004, statistic="rms"),))
    assert summary_of(wide).unexplained == 0


@pytest.mark.parametrize(("lost", "won", "decided"), [(50, 45, True), (270, 265, False)])
def test_agreement_wholly_below_99_percent_is_a_doubt(lost: int, won: int, decided: bool) -> None:
    """98.9 % of 9000 may still be 99; 94 % is another classifier, however close its logits are."""
    run = on_device(make_run(), rows=9000, lost=lost, won=won)
    assert (summary_of(run).doubts == ()) == decided
    judged = row(run)
    assert (judged.status == "reproduced") == decided
    if not decided:
        assert any("the device predicts what this machine does on 94.1 %" in why for why in judged.reasons)


def test_a_point_lost_on_the_device_is_not_reproduced() -> None:
    """A fast model with broken accuracy never passes, wherever it was broken."""
    run = on_device(make_run(), rows=2000, lost=60, won=0)
    assert summary_of(run).floor == "under"
    verdict = verdict_of(run)
    assert verdict.verdict.status == "not_reproduced"
    assert "accuracy on the device is more than 1 point under this machine's" in verdict.overall.reasons
    assert [(check.status, check.flips, check.rows) for check in verdict.on_device] == [("under", 60, 2000)]


def test_the_other_recipes_device_accuracy_is_shown_and_not_folded() -> None:
    """The verdict is about the first recipe."""
    run = on_device(make_run(recipes=("dynamic_int8", "float32")), recipe="float32", rows=2000, lost=60)
    assert verdict_of(run).verdict.status == "reproduced"
    assert row(run, recipe="float32").status == "inconclusive"


def test_the_report_has_rows_agreement_flips_and_the_paired_difference() -> None:
    """What a reader needs to judge for himself."""
    run = on_device(make_run(accuracy=0.84), rows=9815, lost=40, won=30)
    text = as_text(build_view(run.record, run.samples, run.predictions, verdict_of(run)))
    flat = " ".join(text.split())
    assert "Accuracy on the device, MNLI matched dev [Wilson 95 %]" in text
    assert "float32 83.90 % [83.16, 84.62] 84.00 % [83.27, 84.72] 99.29 % [99.10, 99.44] 9815" in flat
    assert "70 pairs predicted otherwise, all of them within rounding" in flat
    assert "float32: logits differ by 0.02 at most" in flat
    assert "-0.10 points [-0.25, 0.04] (exact 90 % interval), 40 pairs lost, 30 won, McNemar p = 0.28" in flat
    assert "device-predictions-float32.csv" in text
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []


def test_nothing_is_compared_that_was_not_kept() -> None:
    """Without this machine's predictions there are counts, and neither a paired test nor a cause of flips."""
    run = on_device(make_run()).change(accuracies=())
    summary = summary_of(run)
    assert (summary.paired, summary.unexplained, summary.floor) == (None, None, "unknown")
    assert summary.agreement.value == 498 / 500
    assert "2 pairs predicted otherwise." in as_text(
        build_view(run.record, run.samples, run.predictions, verdict_of(run))
    )


def test_it_is_judged_from_the_folder_alone(tmp_path: Path) -> None:
    """The device's predictions are raw data: kept, checked, and enough to say it again."""
    run, store = on_device(make_run()), RunStore.create(tmp_path)
    run.save(store)
    text = conclude(store).report
    assert "Accuracy on the device" in text
    assert recompute(store.folder) == (store.folder / "verdict.json").read_bytes()
    path = store.folder / "device-predictions-float32.csv"
    path.write_bytes(path.read_bytes().replace(b"neutral", b"entailment", 1))
    with pytest.raises(RecordDamaged, match="is not the file that was recorded"):
        recompute(store.folder)


@pytest.mark.parametrize(
    "changes", [{"correct": 499}, {"rows": 499}, {"agreeing": 499}, {"host_correct": 499}]
)
def test_other_counts_than_the_files_are_refused(changes: dict[str, int]) -> None:
    """A record that says 99.8 % over files that say 99.6 % is damaged."""
    run = on_device(make_run())
    done = dataclasses.replace(run.record.device_accuracies[0], **changes)
    with pytest.raises(RecordDamaged, match=r"device-predictions-float32\.csv"):
        verdict_of(run.change(device_accuracies=(done,)))
