"""What a launch's pace does to a verdict: repeats that choose, warm-ups, and how sure a verdict is."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from results import stats
from results.claims import load_claims
from results.judge_latency import judge_latency
from results.latency import LatencySummary, summarize_latency
from results.record import SteadyKind
from results.report.judged import Notes, claim_tables
from results.samples import read_samples
from results.selftest import simulate
from results.series import Series
from results.stats import DECIDING_LEVEL
from results.steady import classify
from tests.results.make_device import change_launch, repeat
from tests.results.make_run import Run, make_run, samples_text
from tests.results.test_verdict import row, verdict_of

SLOWED = "slowdown: 5.0 % slower from timed inference 81 on"
CLAIM = next(claim for claim in load_claims().claim if claim.id == "latency")


def called(run: Run, launches: int, kind: SteadyKind) -> Run:
    """The same run, in which so many launches were classified as `kind`."""
    held = run.record.launches
    changed = (dataclasses.replace(launch, steady=kind) for launch in held[:launches])
    return run.change(launches=(*changed, *held[launches:]))


def test_a_warm_up_in_most_launches_decides_nothing() -> None:
    """Six of ten launches were not yet themselves: what they are once warm is not known."""
    judged = row(called(make_run(), 6, "warmup"))
    assert (judged.status, judged.confidence) == ("inconclusive", 0)
    assert "6 of 10 launches were still warming up while they were timed" in judged.decided_by


def test_a_warm_up_in_half_of_the_launches_is_only_said() -> None:
    """Their medians hardly move; a reader may want a longer warm-up, and keeps the verdict."""
    judged = row(called(make_run(), 5, "warmup"))
    assert judged.status == "reproduced"
    assert "5 of 10 valid launches were slower at first; a longer warm-up would help" in judged.reasons
    one = row(called(make_run(), 1, "warmup"))
    assert "1 of 10 valid launches was slower at first; a longer warm-up would help" in one.reasons


def test_judging_believes_the_record() -> None:
    """What a launch was called when it was measured stays, whatever a later version would call it."""
    run = make_run()
    for name, raw in run.raw.items():
        if name.endswith(".samples"):
            run.raw[name] = samples_text(np.sort(read_samples(raw, name).timed_ns))
    assert classify(run.samples["launch-000-float32.samples"].timed_ns).kind == "slowdown"
    assert (row(run).status, row(run).interval) == ("reproduced", row(make_run()).interval)


@pytest.mark.parametrize(("median_ms", "slowed_ms"), [(61.0, 61.5), (61.0, 90.0), (64.6, 68.0)])
def test_repeating_until_flat_chooses(median_ms: float, slowed_ms: float) -> None:
    """The classifier throws out what is slow: with what it threw out, the verdict must be the same."""
    plain = make_run(median_ms=median_ms, spread=0.003)
    run = repeat(plain, 0, slowed_ms, why=SLOWED)
    run = repeat(run, 1, slowed_ms, why=SLOWED)
    assert row(plain).status == "reproduced"
    same = slowed_ms < 65
    assert row(run).status == ("reproduced" if same else "inconclusive")
    assert any("only without the launches that were repeated" in why for why in row(run).decided_by) != same


def test_every_launch_that_ran_is_counted_where_a_slot_stays_invalid() -> None:
    """Repeats that ran out, or were not asked for: the number over all launches is still there."""
    ended = change_launch(repeat(make_run(), 1, 66.0, why=SLOWED), 2, invalid=(SLOWED,))
    summary = summarize_latency(ended.record, ended.samples, "float32")
    assert summary is not None
    assert summary.with_repeated is not None
    assert (summary.launches_valid, summary.launches_total, summary.with_repeated.n) == (9, 10, 11)
    assert "1 of 10 launches invalid, also when repeated" in row(ended).decided_by
    never = change_launch(make_run(), 1, invalid=(SLOWED,))
    alone = summarize_latency(never.record, never.samples, "float32")
    assert alone is not None
    assert alone.with_repeated is not None
    assert (alone.deciding.n, alone.with_repeated.n) == (9, 10)
    assert row(never).status == "inconclusive"


def test_an_undecided_reading_beside_a_decided_claim_is_said() -> None:
    """61.9 ms with its margin is reproduced; that nothing is known about 62 ms sharp belongs beside it."""
    verdict = verdict_of(make_run(median_ms=61.9))
    table = claim_tables(verdict, frozenset({("ms", "float32")}), Notes())[0]
    assert any(
        line.startswith("float32, strict (no margin), 62 ms: inconclusive, p = ") for line in table.lines
    )
    undecided = claim_tables(verdict_of(make_run(launches=4)), frozenset({("ms", "float32")}), Notes())[0]
    assert not any("strict" in line for line in undecided.lines)


def summary_of(medians: np.ndarray) -> LatencySummary:
    """A run without a doubt, with these medians, ns."""
    p50 = stats.over_launches(medians, DECIDING_LEVEL)
    return LatencySummary(
        series=Series(model="mobilebert", recipe="float32"),
        parity="passed",
        launches_total=medians.size,
        launches_valid=medians.size,
        launches_repeated=0,
        inferences=200 * medians.size,
        **dict.fromkeys(("p50", "p90", "p95", "p99", "deciding"), p50),
        with_repeated=None,
        medians_ns=tuple(medians.tolist()),
        slow_starts=0,
        raw=True,
        doubts=(),
        remarks=(),
    )


@pytest.mark.parametrize(
    ("true_ms", "launches", "spread", "reproduced", "not_reproduced"),
    [
        (62.0, 5, 0.03, 0.93, 0.0),
        (64.0, 5, 0.01, 0.89, 0.0),
        (64.0, 10, 0.03, 0.48, 0.0),
        (66.0, 5, 0.01, 0.0, 0.81),
        (66.0, 10, 0.03, 0.0, 0.38),
        (68.0, 5, 0.03, 0.0, 0.84),
    ],
)
def test_how_often_a_verdict_is_what(
    true_ms: float, launches: int, spread: float, reproduced: float, not_reproduced: float
) -> None:
    """The rule's power, computed independently of this code: a test of another kind would show here."""
    generator = np.random.default_rng(11)
    said = [
        judge_latency(CLAIM, (), "float32", summary_of(medians)).status
        for medians in (
            simulate.medians(generator, launches, typical_ns=true_ms * 1e6, launch_sd=spread)
            for _ in range(150)
        )
    ]
    assert said.count("reproduced") / 150 == pytest.approx(reproduced, abs=0.1)
    assert said.count("not_reproduced") / 150 == pytest.approx(not_reproduced, abs=0.1)


def test_at_the_bound_itself_few_are_decided() -> None:
    """65.1 ms is the edge: each of the two wrong answers may come in 5 % of runs, and not in many more."""
    generator = np.random.default_rng(12)
    bound_ns = CLAIM.value * (1 + CLAIM.margin.value) * 1e6
    said = [
        judge_latency(CLAIM, (), "float32", summary_of(medians)).status
        for medians in (
            simulate.medians(generator, 10, typical_ns=bound_ns, launch_sd=0.01) for _ in range(300)
        )
    ]
    assert said.count("reproduced") / 300 <= 0.09
    assert said.count("not_reproduced") / 300 <= 0.09
