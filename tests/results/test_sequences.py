"""The latency of every sequence: which launches count, and what is said of each row."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from results.errors import RecordDamaged
from results.report.text import as_text
from results.report.view import build_view
from results.samples import LaunchSamples
from results.sequences import SequenceLatencies, sequence_latencies, write_sequences
from tests.results.make_run import HOST, Run, make_run, parity
from tests.results.test_verdict import one_launch, verdict_of

MS = 1_000_000


def launch(*timed: tuple[int, float]) -> LaunchSamples:
    """One launch of (row, ms), after a warm-up inference of row 0 that took a second."""
    row = np.array([0, *(row for row, _ in timed)], dtype=np.int64)
    duration = np.array([1000 * MS, *(round(ms * MS) for _, ms in timed)], dtype=np.int64)
    return LaunchSamples(
        signature=np.full(row.size, "s128"),
        timed=np.arange(row.size) > 0,
        row=row,
        start_ns=np.cumsum(duration) - duration,
        duration_ns=duration,
        core=np.zeros_like(row),
    )


def measured(run: Run, *launches: LaunchSamples) -> SequenceLatencies | None:
    run = run.each_launch(timed_inferences=int(launches[0].timed.sum()))
    names = [one.samples_file for one in run.record.launches]
    return sequence_latencies(run.record, dict(zip(names, launches, strict=True)), "float32")


def test_rows_are_matched_by_id_over_shuffled_launches() -> None:
    """Every launch has its own order; a row's latency must not be its place's."""
    found = measured(
        make_run(launches=3),
        launch((7, 10.0), (2, 20.0)),
        launch((2, 24.0), (7, 11.0)),
        launch((2, 21.0), (7, 90.0)),
    )
    assert found is not None
    assert (found.launches, found.only_invalid) == (3, False)
    two, seven = found.sequences
    assert (two.row, two.median_ns, two.fastest_ns, two.slowest_ns) == (2, 21 * MS, 20 * MS, 24 * MS)
    # One interrupted inference does not move the median, and is not hidden.
    assert (seven.row, seven.median_ns, seven.slowest_ns) == (7, 11 * MS, 90 * MS)
    assert [one.row for one in found.by_median] == [7, 2]
    assert (found.within(11 * MS), found.within(21 * MS), found.always_within(24 * MS)) == (1, 2, 1)


def test_a_row_that_is_timed_twice_counts_once_per_launch() -> None:
    """60 pairs and 200 inferences: the launch stays the unit, or a long launch would outvote the others."""
    found = measured(
        make_run(launches=3),
        launch((1, 10.0), (1, 12.0), (1, 50.0)),
        launch((1, 20.0), (1, 20.0), (1, 20.0)),
        launch((1, 30.0), (1, 30.0), (1, 30.0)),
    )
    assert found is not None
    assert found.sequences[0].medians_ns == (12 * MS, 20 * MS, 30 * MS)
    assert (found.sequences[0].median_ns, found.sequences[0].launches) == (20 * MS, 3)


def test_invalid_launches_count_only_where_there_are_no_others() -> None:
    """A throttled launch must not move a row; and a run of nothing else is shown as what it is."""
    slow = (launch((1, 10.0)), launch((1, 80.0)), launch((1, 10.0)))
    one_bad = one_launch(make_run(launches=3), invalid=("thermal status 1 after the launch",))
    bad = next(at for at, one in enumerate(one_bad.record.launches) if one.invalid)
    found = measured(one_bad, *(slow[1] if at == bad else slow[0] for at in range(3)))
    assert found is not None
    assert (found.launches, found.only_invalid, found.sequences[0].slowest_ns) == (2, False, 10 * MS)
    found = measured(make_run(launches=3).each_launch(invalid=("slowdown",)), *slow)
    assert found is not None
    assert (found.launches, found.only_invalid, found.sequences[0].slowest_ns) == (3, True, 80 * MS)


@pytest.mark.parametrize("run", [make_run(device=None), make_run(launches=0)])
def test_nothing_timed_is_no_table(run: Run) -> None:
    """An empty table looks like a measurement of nothing."""
    assert sequence_latencies(run.record, run.samples, "float32") is None


def test_failed_parity_has_no_sequences() -> None:
    """What was timed is not the model."""
    run = make_run().change(parities=(parity("float32", status="failed", reasons=("differs",)),))
    assert sequence_latencies(run.record, run.samples, "float32") is None


def test_samples_that_are_missing_are_an_error() -> None:
    """A row over fewer launches than the record has would look like a full one."""
    run = make_run(launches=3)
    with pytest.raises(RecordDamaged, match="has 0 timed inferences, the record says 40"):
        sequence_latencies(run.record, {}, "float32")


def test_the_interval_needs_six_launches() -> None:
    """Order statistics of five launches cannot hold 95 %; no interval is better than a made-up one."""
    five = measured(make_run(launches=5), *(launch((1, 10.0 + i)) for i in range(5)))
    ten = measured(make_run(launches=10), *(launch((1, 10.0 + i)) for i in range(10)))
    assert five is not None
    assert ten is not None
    assert five.sequences[0].typical.interval is None
    assert five.sequences[0].typical.reason == "too few launches for an interval (need >= 6, has 5)"
    interval = ten.sequences[0].typical.interval
    assert interval is not None
    # The 2nd and the 9th of ten: coverage 1 - 2 * (1 + 10) / 2**10 = 97.9 %.
    assert (interval.low, interval.high) == (11 * MS, 18 * MS)


def test_the_file_is_exact_to_the_nanosecond() -> None:
    """Other programs read it: fixed columns, milliseconds, rows ascending."""
    found = measured(
        make_run(launches=2), launch((7, 10.000001), (2, 20.0)), launch((2, 21.0), (7, 10.000005))
    )
    assert found is not None
    assert write_sequences(found) == (
        b"row,median_ms,slowest_ms,fastest_ms,launches,signature\n"
        b"2,20.500000,21.000000,20.000000,2,s128\n"
        b"7,10.000003,10.000005,10.000001,2,s128\n"
    )


def report(run: Run) -> str:
    text = as_text(build_view(run.record, run.samples, run.predictions, verdict_of(run)))
    return " ".join(text[text.index("Latency by sequence") : text.index("Slowest inferences")].split())


def test_the_figure_is_the_claims() -> None:
    """62 stands in claims.toml; a reader must see the figure that was judged against."""
    run = make_run()
    verdict = verdict_of(run)
    assert "8 of 8 sequences within 62 ms by their median, 0 in every inference." in report(run)
    other = tuple(
        dataclasses.replace(
            claim, claim_citation=dataclasses.replace(claim.claim_citation, reported_value=61.3)
        )
        if claim.unit == "ms"
        else claim
        for claim in verdict.claims
    )
    view = build_view(run.record, run.samples, run.predictions, dataclasses.replace(verdict, claims=other))
    text = " ".join(as_text(view).split())
    assert "5 of 8 sequences within 61.3 ms by their median" in text
    assert "with the paper's 61.3 ms only with the qualifiers above" in text


def test_a_mismatch_is_said_beside_the_count() -> None:
    """200 of 200 within 62 ms on a workstation is nothing that the paper claims."""
    text = report(make_run(device=HOST))
    assert "not comparable with the claim (host, not a phone)." in text
    assert "not with the paper's 62 ms" in text
