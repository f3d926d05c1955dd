"""Repeated launches: a slot counts by its last attempt, and choosing among attempts decides nothing."""

from __future__ import annotations

import dataclasses

import pytest

from results.by_length import length_latencies
from results.latency import summarize_latency
from results.ratio import summarize_ratio
from results.sequences import sequence_latencies
from tests.results.make_device import at_launch, change_launch, repeat, told
from tests.results.make_run import COOL, Run, interrupted, make_run
from tests.results.make_table import make_table
from tests.results.test_verdict import row

HOT = dataclasses.replace(COOL, thermal_status=2, battery_percent=20, skin_c=43.0)
BERT = "bert-base-to-mobilebert"


def again(run: Run, median_ms: float = 61.5, times: int = 1) -> Run:
    for index in range(times):
        run = repeat(run, index, median_ms)
    return run


def test_a_slot_counts_by_its_last_attempt() -> None:
    """Ten launches asked for and one repeated are ten launches, and the same number as without the repeat."""
    run = again(make_run())
    summary = summarize_latency(run.record, run.samples, "float32")
    assert summary is not None
    assert (summary.launches_total, summary.launches_valid, summary.launches_repeated) == (10, 10, 1)
    assert row(run).value == row(make_run()).value
    assert row(run).status == "reproduced"
    assert "1 invalid launch was repeated" in row(run).reasons


def test_a_repeat_that_changes_nothing_is_said_once_and_caps_nothing() -> None:
    """Whoever repeats for a good reason loses no verdict by it, and hides nothing."""
    judged = row(again(make_run(), times=3))
    assert (judged.status, judged.confidence > 0.95) == ("reproduced", True)
    assert "3 invalid launches were repeated" in judged.reasons
    assert not any("repeated" in short for short in judged.decided_by)


@pytest.mark.parametrize(
    ("median_ms", "attempt_ms", "alone"), [(61.0, 90.0, "reproduced"), (68.0, 30.0, "not_")]
)
def test_choosing_among_attempts_decides_nothing(median_ms: float, attempt_ms: float, alone: str) -> None:
    """Repeating until it is valid selects: where the repeated launches would say otherwise, nobody knows."""
    run = make_run(median_ms=median_ms)
    assert row(run).status.startswith(alone)
    judged = row(again(run, attempt_ms))
    assert (judged.status, judged.confidence, judged.launches_to_decide) == ("inconclusive", 0.0, None)
    assert judged.decided_by[0].startswith(alone)
    assert "only without the launches that were repeated (with all 11 the interval is" in judged.decided_by[0]
    assert judged.reasons[-1] == judged.decided_by[0]


def test_a_reading_is_chosen_no_more_than_the_claim_is() -> None:
    """61.5 ms is under 62 without a margin, and with one launch of 66 ms nobody knows whether it is."""
    run = make_run(median_ms=61.5, spread=0.003)
    assert row(run).readings[0].status == "reproduced"
    judged = row(again(run, 66.0))
    assert (judged.status, judged.readings[0].status) == ("reproduced", "inconclusive")


def test_what_a_repeated_launch_met_is_no_doubt() -> None:
    """It was throttling, so it was done again: the launch that counts was not."""
    run = repeat(make_run(), 2, 61.5, state=HOT)
    assert row(run).status == "reproduced"
    warm = change_launch(make_run(), 2, after=HOT)
    assert any("thermal status up to 2" in reason for reason in row(warm).reasons)
    assert row(warm).status == "inconclusive"


def test_a_slot_that_stays_invalid_caps_the_verdict() -> None:
    """Two attempts and both throttled: nothing was repaired."""
    run = change_launch(again(make_run()), 1, invalid=("thermal status 1 before the launch",))
    judged = row(run)
    assert judged.status == "inconclusive"
    assert "1 of 10 launches invalid, also when repeated" in judged.decided_by


def test_repeats_do_not_make_up_for_launches_that_were_not_made() -> None:
    """Seven launches and three repeats are seven of ten."""
    run = interrupted(again(make_run(launches=7), times=3), 10)
    assert "7 of 10 launches were made: the run did not end" in row(run).decided_by


def test_sequences_and_signatures_are_those_of_the_last_attempts() -> None:
    """One row's slowest inference must not come from a launch that was thrown out."""
    run = again(make_run(), 90.0)
    plain = make_run()
    assert sequence_latencies(run.record, run.samples, "float32") == sequence_latencies(
        plain.record, plain.samples, "float32"
    )
    by_length = [
        length_latencies(one.record, one.samples, "float32")
        for one in (each.settings(length_policy="shortest", lengths=(128,)) for each in (run, plain))
    ]
    assert by_length[0] == by_length[1] is not None


def test_a_round_is_that_of_both_last_attempts() -> None:
    """A repeat stays in its round, beside the other models' launches."""
    run = again(make_table(), 64.0)
    ratio = summarize_ratio(run.record, run.samples, "float32", ("bert_base", "mobilebert"))
    plain = summarize_ratio(make_table().record, make_table().samples, "float32", ("bert_base", "mobilebert"))
    assert (ratio.ratios, ratio.rounds, ratio.repeated) == (plain.ratios, 10, 1)
    assert ratio.with_repeated is not None
    assert ratio.with_repeated.n == 10
    assert row(run, BERT).status == "reproduced"
    assert "mobilebert: 1 invalid launch was repeated" in row(run, BERT).reasons
    assert row(run, "bert-base-to-mobilebert-size").status == "reproduced"


def test_a_ratio_is_not_chosen_among_attempts_either() -> None:
    """A MobileBERT launch of 150 ms that was repeated: BERT is 5.5 times as slow only without it."""
    judged = row(again(make_table(), 150.0), BERT)
    assert (judged.status, judged.confidence) == ("inconclusive", 0.0)
    assert judged.decided_by[0].startswith("reproduced only without the launches that were repeated")


def test_a_restart_in_the_middle_is_said_and_decides_nothing() -> None:
    """Launches before and after a restart are the same phone's."""
    judged = row(at_launch(told(make_run()), 6, boot_id="99999999-2222-3333-4444-555555555555"))
    assert "the device restarted in the middle of the run" in judged.reasons
    assert judged.status == "reproduced"
