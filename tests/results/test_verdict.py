"""The verdict of whole runs: what decides, what can never pass, and what the file looks like."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from results.claims import load_claims
from results.device import Conditions, Device
from results.errors import RecordDamaged
from results.fold import Status
from results.record import Architecture
from results.verdict import judge
from results.verdict_file import JudgedClaim, Verdict
from tests.results.make_device import TOLD, told
from tests.results.make_run import (
    COOL,
    EXAMPLE,
    FULL,
    HOST,
    MNLI,
    PIXEL_4,
    SEEDED,
    UNKNOWN,
    UNNAMED,
    VIRTUAL,
    Run,
    interrupted,
    make_run,
    parity,
    slow_start,
)

CLAIMS = load_claims()


def verdict_of(run: Run) -> Verdict:
    return judge(run.record, run.samples, run.predictions, CLAIMS)


def row(run: Run, claim: str = "latency", recipe: str | None = None) -> JudgedClaim:
    recipe = recipe or run.record.settings.recipes[0]
    return next(c for c in verdict_of(run).claims if (c.id, c.recipe) == (claim, recipe))


@pytest.mark.parametrize(
    ("median_ms", "spread", "status"),
    [
        (61.0, 0.01, "reproduced"),
        (64.0, 0.01, "reproduced"),
        (64.9, 0.03, "inconclusive"),
        (65.8, 0.03, "inconclusive"),
        (68.0, 0.01, "not_reproduced"),
        (20.0, 0.01, "reproduced"),
    ],
)
def test_the_interval_against_65_1_ms_decides_latency(
    median_ms: float, spread: float, status: Status
) -> None:
    """62 ms with a margin of 5 %: the whole interval has to be on one side."""
    judged = row(make_run(median_ms=median_ms, spread=spread))
    assert judged.status == status
    assert judged.bound == pytest.approx(65.1)
    assert judged.interval is not None
    assert judged.interval.level == 0.9
    assert (judged.confidence >= 0.95) == (status != "inconclusive")


def test_an_undecided_latency_says_how_many_launches_decide() -> None:
    """ "Inconclusive" alone does not help; the next number of launches does."""
    judged = row(make_run(median_ms=64.0, spread=0.03, launches=6))
    assert judged.status == "inconclusive"
    assert judged.launches_to_decide is not None
    assert any(f"about {judged.launches_to_decide} decide" in reason for reason in judged.reasons)
    enough = make_run(median_ms=64.0, spread=0.03, launches=judged.launches_to_decide)
    assert row(enough).status == "reproduced"


def test_readings_tell_62_from_much_faster() -> None:
    """A phone at 20 ms meets "at most 62 ms", and shows nothing about 62 ms itself."""
    strict, equivalence = row(make_run(median_ms=20.0)).readings
    assert (strict.status, equivalence.status) == ("reproduced", "not_reproduced")
    strict, equivalence = row(make_run(median_ms=63.5)).readings
    assert (strict.status, equivalence.status) == ("not_reproduced", "reproduced")
    assert all(reading.p is not None and reading.p < 0.05 for reading in (strict, equivalence))


DOUBTS: list[tuple[str, Callable[[], Run]]] = [
    ("too few valid launches: 4", lambda: make_run(launches=4)),
    ("too few valid launches: 1", lambda: make_run(launches=1)),
    ("10 of 10 launches invalid", lambda: make_run().each_launch(invalid=("slowdown",))),
    ("1 of 10 launches invalid", lambda: one_launch(make_run(), invalid=("slowdown",))),
    ("thermal status unavailable", lambda: make_run(conditions=UNKNOWN)),
    ("thermal status unavailable", lambda: one_launch(make_run(), before=UNKNOWN)),
    ("thermal status unavailable", lambda: one_launch(make_run(), after=UNKNOWN)),
    ("thermal status up to 2", lambda: one_launch(make_run(), before=cool(thermal_status=2))),
    ("thermal status up to 1", lambda: one_launch(make_run(), after=cool(thermal_status=1))),
    ("thermal status overridden", lambda: one_launch(make_run(), after=cool(thermal_overridden=True))),
    ("battery down to 24 %", lambda: one_launch(make_run(), after=cool(battery_percent=24))),
    ("sensors reported throttling: CPU7", lambda: one_launch(make_run(), after=cool(throttled=("CPU7",)))),
    (
        "the device was capping its processor: cpu-cooler at step 2",
        lambda: one_launch(make_run(), before=cool(cooling={"cpu-cooler": 2, "gpu-cooler": 0})),
    ),
    ("battery saver was on", lambda: one_launch(make_run(), before=cool(battery_saver=True))),
    ("the screen was off", lambda: one_launch(make_run(), after=cool(awake=False))),
    (
        "the cpuset changed between launches: /background, /foreground",
        lambda: one_launch(told(make_run()), after=dataclasses.replace(TOLD, cpuset="/background")),
    ),
    (
        "the allowed cores changed between launches",
        lambda: one_launch(told(make_run()), after=dataclasses.replace(TOLD, allowed_cores=(*range(1, 8),))),
    ),
    (
        "the system did not allow cores 4, 5, 6, 7, which are not its weakest",
        lambda: told(make_run(), allowed_cores=(0, 1, 2, 3)),
    ),
    (
        "the system did not allow cores 7, which are not its weakest",
        lambda: told(make_run(device=without_capacity()), allowed_cores=tuple(range(7))),
    ),
    ("device parity void", lambda: make_run().change(parities=(parity("float32", status="void"),))),
    ("device parity missing", lambda: make_run().change(parities=())),
    ("all 10 launches gave the same value", lambda: make_run(spread=0.0)),
    ("n too small (need >= 6 per launch, has 5)", lambda: make_run(inferences=5)),
    ("latency was not measured", lambda: make_run(device=None)),
    ("7 of 10 launches were made: the run did not end", lambda: interrupted(make_run(launches=7), 10)),
    ("7 of 10 launches were made", lambda: make_run(launches=7).settings(launches=10)),
    ("the run did not end", lambda: make_run().change(ended_at=None)),
    ("warm-up of 19 inferences (need >= 20)", lambda: make_run().settings(warmup_inferences=19)),
    ("warm-up of 1.9 s (need >= 2 s)", lambda: make_run().settings(warmup_s=1.9)),
    ("slow first inference in 6 of 10 launches", lambda: slow_start(make_run(), 6)),
]


def without_capacity() -> Device:
    """A kernel that names no capacities, only clocks."""
    cores = tuple(dataclasses.replace(core, capacity=None) for core in PIXEL_4.cores)
    return dataclasses.replace(PIXEL_4, cores=cores)


def cool(**changes: object) -> Conditions:
    return dataclasses.replace(COOL, **changes)  # type: ignore[arg-type]  # fields of Conditions


def one_launch(run: Run, **changes: object) -> Run:
    last = dataclasses.replace(run.record.launches[-1], **changes)  # type: ignore[arg-type]  # of Launch
    return run.change(launches=(*run.record.launches[:-1], last))


@pytest.mark.parametrize(("reason", "make"), DOUBTS)
def test_each_doubt_alone_leaves_latency_inconclusive(reason: str, make: Callable[[], Run]) -> None:
    """A perfect 61 ms decides nothing under any one of these."""
    judged = row(make())
    assert judged.status == "inconclusive"
    assert judged.confidence == 0
    assert any(reason in text for text in judged.reasons)
    assert verdict_of(make()).verdict.status == "inconclusive"


def test_a_device_that_tells_everything_and_is_well_has_no_doubt() -> None:
    """Screen on, nothing capped, every core allowed: the more is known, the better."""
    assert row(told(make_run())).status == "reproduced"
    little = told(make_run(), allowed_cores=(0, 4, 5, 6, 7))
    assert row(little).status == "reproduced"


def test_launches_are_counted_by_recipe() -> None:
    """Twice ten launches asked for and thirteen made: ten of one recipe do not stand in for the other."""
    run = make_run(recipes=("float32", "dynamic_int8"))
    kept = [one for one in run.record.launches if one.recipe == "float32" or one.index < 3]
    run = run.change(launches=tuple(kept))
    assert row(run).status == "reproduced"
    assert "3 of 10 launches were made" in row(run, recipe="dynamic_int8").reasons


def test_slow_starts_in_half_of_the_launches_are_no_doubt() -> None:
    """Half of them do not move the median of the first inferences: said under the table, and no more."""
    assert row(slow_start(make_run(), 5)).status == "reproduced"


@pytest.mark.parametrize("status", ["void", "failed"])
def test_no_latency_is_reported_unless_parity_passed(status: str) -> None:
    """Timing a model that computes something else is timing something else."""
    run = make_run().change(parities=(parity("float32", status=status),))
    judged = row(run)
    assert (judged.value, judged.interval) == (None, None)


def test_invalid_launches_are_never_averaged_in() -> None:
    """One launch at half speed, marked invalid: the value is that of the others."""
    run = make_run(launches=6, spread=0.0)
    slow = make_run(launches=6, spread=0.0, median_ms=122.0)
    last = slow.record.launches[-1]
    run.raw[last.samples_file] = slow.raw[last.samples_file]
    assert row(one_launch(run, invalid=("throttled",))).value == pytest.approx(61.0, rel=0.01)
    assert row(run).value == pytest.approx(68.5, rel=0.01)


@pytest.mark.parametrize(
    ("accuracy", "status"),
    [(0.84, "reproduced"), (0.835, "reproduced"), (0.825, "inconclusive"), (0.80, "not_reproduced")],
)
def test_wilson_against_82_3_decides_accuracy(accuracy: float, status: Status) -> None:
    """83.3 less 1 point, on all 9,815 pairs."""
    judged = row(make_run(accuracy=accuracy), "mnli-m")
    assert judged.status == status
    assert (judged.confidence >= 0.975) == (status != "inconclusive")
    assert judged.bound == pytest.approx(82.3)


def test_accuracy_that_was_not_measured_is_inconclusive() -> None:
    """`latency` alone cannot give a verdict on both, and the score stays empty."""
    verdict = verdict_of(make_run(accuracy=None))
    assert verdict.verdict.status == "inconclusive"
    assert verdict.verdict.score is None


def test_example_pairs_are_no_mnli_score() -> None:
    """Ten pairs of our own at 90 % must not be printed beside MNLI-m 83.3."""
    verdict = verdict_of(make_run(pairs=EXAMPLE, accuracy=0.9))
    assert verdict.verdict.score is None
    assert all(claim.value is None for claim in verdict.claims if claim.unit == "percent")
    assert verdict.overall.sentence.startswith("not_comparable: example pairs, not MNLI")


@pytest.mark.parametrize(
    ("run", "start"),
    [
        (make_run(device=VIRTUAL), "not_comparable: virtual phone"),
        (make_run(device=HOST, conditions=UNKNOWN), "not_comparable: host, not a phone"),
        (make_run(weights=SEEDED), "not_comparable: seeded weights"),
        (make_run(median_ms=80.0), "not_reproduced (proxy): the interval lies above 65.1 ms"),
        (make_run(accuracy=0.7), "not_reproduced (proxy): the interval lies below 82.3 %"),
        (make_run(accuracy=0.7, device=VIRTUAL), "not_reproduced: the interval lies below 82.3 %"),
    ],
)
def test_the_sentence_says_first_what_decided(run: Run, start: str) -> None:
    """The sentence begins with the status and its first reason."""
    verdict = verdict_of(run)
    assert verdict.overall.sentence.startswith(start)
    assert ("virtual phone" in verdict.overall.sentence) == (run.record.device == VIRTUAL)


@pytest.mark.parametrize(
    ("run", "sentence"),
    [
        (
            make_run(device=None),
            "inconclusive: latency was not measured; accuracy alone is reproduced "
            "(proxy: dev set for test set, precision float32 inferred, other weights)",
        ),
        (make_run(device=None, weights=SEEDED), "not_comparable: seeded weights; latency was not measured"),
        (
            make_run(device=HOST, accuracy=None, pairs=EXAMPLE),
            "not_comparable: host, not a phone; accuracy was not measured",
        ),
        (
            make_run(median_ms=80.0, accuracy=None, pairs=EXAMPLE),
            "not_reproduced (proxy): the interval lies above 65.1 ms; SoC recalled; length 128 second-hand; "
            "batch 1 inferred; threads 4 recalled; delegate cpu inferred; precision float32 inferred; "
            "accuracy was not measured",
        ),
        (
            make_run(accuracy=None, weights=SEEDED),
            "not_comparable: seeded weights; accuracy was not measured; latency alone is reproduced (proxy: "
            "SoC recalled, length 128 second-hand, batch 1 inferred, threads 4 recalled, "
            "delegate cpu inferred, precision float32 inferred)",
        ),
    ],
)
def test_half_a_job_says_which_half(run: Run, sentence: str) -> None:
    """The protocol of what nobody measured explains nothing; what was measured stands alone."""
    assert verdict_of(run).overall.sentence == sentence


def test_mismatch_and_not_comparable_are_one() -> None:
    """status is not_comparable exactly when protocol_match is mismatch, claim by claim."""
    runs = [make_run(), make_run(device=HOST), make_run(pairs=EXAMPLE), make_run(median_ms=80)]
    for run in runs:
        for claim in verdict_of(run).claims:
            assert (claim.status == "not_comparable") == (claim.protocol_match == "mismatch")


def test_a_proxy_never_stands_without_its_qualifiers() -> None:
    """A bare "reproduced" would be quoted as one."""
    sentence = verdict_of(make_run(recipes=("dynamic_int8",))).overall.sentence
    assert sentence.startswith("reproduced (proxy): ")
    for qualifier in ("dev set for test set", "probably float32", "threads 4 recalled"):
        assert qualifier in sentence


def test_failed_parity_is_not_reproduced_even_on_the_host() -> None:
    """A device that computes something else has decided the matter."""
    run = make_run(device=HOST, conditions=UNKNOWN)
    verdict = verdict_of(run.change(parities=(parity("float32", status="failed"),)))
    assert verdict.verdict.status == "not_reproduced"
    assert verdict.overall.reasons[0] == "the device computes something else than this machine"


@pytest.mark.parametrize("architecture", [None, FULL])
def test_failed_parity_of_a_bare_model_is_not_comparable(architecture: Architecture | None) -> None:
    """Nobody said that this file is MobileBERT: its defect is not the paper's."""
    run = make_run(accuracy=None).each_artifact(weights=UNNAMED, architecture=architecture)
    overall = verdict_of(run.change(parities=(parity("float32", status="failed"),))).overall
    assert overall.sentence == (
        "not_comparable: unknown model; the device computes something else than this machine; "
        "accuracy was not measured"
    )


def test_one_failed_parity_outweighs_every_pass() -> None:
    """A check that failed once is not undone by trying again."""
    checks = (parity("float32", status="failed"), parity("float32"))
    for parities in (checks, checks[::-1]):
        run = make_run().change(parities=parities)
        assert row(run).value is None
        assert verdict_of(run).verdict.status == "not_reproduced"


def test_accuracy_under_its_floor_is_not_reproduced() -> None:
    """float32 at 86 %, int8 at 84 %: over the paper's figure, and still broken by quantization."""
    run = make_run(recipes=("dynamic_int8",), accuracy=0.86, flips=(20, 220))
    verdict = verdict_of(run)
    assert row(run, "mnli-m").status == "reproduced"
    assert verdict.verdict.status == "not_reproduced"
    floor = next(check for check in verdict.floors if check.recipe == "dynamic_int8")
    assert (floor.status, floor.only_recipe_right, floor.only_float32_right) == ("under", 20, 220)


def test_a_small_slice_does_not_decide_the_floor() -> None:
    """Two flips in 200 pairs: neither kept nor lost is shown, and it says so."""
    pairs = dataclasses.replace(MNLI, rows_used=200)
    run = make_run(recipes=("dynamic_int8",), pairs=pairs, accuracy=0.9, flips=(0, 2))
    verdict = verdict_of(run)
    assert {check.recipe: check.status for check in verdict.floors}["dynamic_int8"] == "undecided"
    assert "too few pairs to show that accuracy is within 1 point of float32's" in verdict.overall.reasons


def test_an_unknown_floor_is_said() -> None:
    """float32 was not evaluated, so nobody knows what quantization cost."""
    run = make_run(recipes=("dynamic_int8",))
    run = run.change(accuracies=run.record.accuracies[:1])
    verdict = verdict_of(run)
    assert verdict.floors[0].status == "unknown"
    assert "float32 was not evaluated, so the accuracy floor is unknown" in verdict.overall.reasons


def test_the_first_recipe_is_the_one_that_is_judged() -> None:
    """The others get their own rows, and no word in the fold."""
    run = make_run(recipes=("float32", "dynamic_int8"), median_ms=80.0)
    assert (row(run).status, row(run, recipe="dynamic_int8").status) == ("not_reproduced", "reproduced")
    assert verdict_of(run).verdict.status == "not_reproduced"
    swapped = make_run(recipes=("dynamic_int8", "float32"), median_ms=80.0)
    assert verdict_of(swapped).verdict.status == "reproduced"


def test_references_are_shown_and_not_folded() -> None:
    """83.5 % reproduces the MobileBERT row; that the w/o-OPT row is out of reach changes nothing."""
    run = make_run(accuracy=0.833)
    assert row(run, "mnli-m-without-opt").status != "reproduced"
    assert verdict_of(run).verdict.status == "reproduced"


def test_samples_other_in_number_than_recorded_are_refused() -> None:
    """n never shrinks silently."""
    run = one_launch(make_run(), timed_inferences=41)
    with pytest.raises(RecordDamaged, match="has 40 timed inferences, the record says 41"):
        verdict_of(run)


def test_predictions_other_than_counted_are_refused() -> None:
    """A record that says 90 % over a file that says 84 % is damaged."""
    run = make_run()
    better = dataclasses.replace(
        run.record.accuracies[0], confusion=((3272, 0, 0), (0, 3272, 0), (0, 0, 3271))
    )
    with pytest.raises(RecordDamaged, match="does not hold the predictions"):
        verdict_of(run.change(accuracies=(better,)))
    more = dataclasses.replace(run.record.accuracies[0], correct=9000)
    with pytest.raises(RecordDamaged, match="counts 8245 of 9815"):
        verdict_of(run.change(accuracies=(more,)))


def test_recipes_over_other_pairs_are_not_compared() -> None:
    """The floor is a paired test: the same rows, in the same order."""
    run = make_run(recipes=("dynamic_int8",))
    quantized = run.record.accuracies[0]
    shorter = make_run(recipes=("dynamic_int8",), pairs=dataclasses.replace(MNLI, rows_used=300))
    run.raw[quantized.predictions_file] = shorter.raw[quantized.predictions_file]
    run = run.change(accuracies=(shorter.record.accuracies[0], run.record.accuracies[1]))
    with pytest.raises(RecordDamaged, match=r"is not over the rows of predictions-float32\.csv"):
        verdict_of(run)
