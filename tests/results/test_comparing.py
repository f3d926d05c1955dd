"""A run of two arms: what is compared, what is left out and said so, and the report of it."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from results.compare.arms import sequence_ratios, summarize_comparison
from results.compare.comparison_file import Comparison
from results.device import Interruption
from results.errors import RecordDamaged, SchemaUnknown
from results.recompute import conclude, recompute
from results.record import Doubt, LaunchSummary
from results.report.comparison import comparison_view
from results.report.figures import Ecdf, Forest
from results.report.markdown import as_markdown
from results.report.model import View
from results.report.text import as_text
from results.rounds import pair_rounds
from results.series import series_of
from results.store import RunStore
from tests.results.make_ab import add_launch, arm_of, change_arm, change_launch, make_ab
from tests.results.make_run import COOL, HOST, UNKNOWN, Run, parity

pytestmark = pytest.mark.usefixtures("little_garbage")

OWN = ("comparison", "sides", "sequences", "pairs")
WHOLE = "ab-left-out"
THROTTLED = "thermal status 2 after the launch"


def compared(run: Run) -> Comparison:
    return summarize_comparison(run.record, run.samples)


def view_of(run: Run) -> View:
    samples = run.samples
    return comparison_view(run.record, samples, summarize_comparison(run.record, samples))


def repeated(first: float, again: float) -> Run:
    """B throttled in every launch, which took `first` times what A did, and `again` times when repeated."""
    run = make_ab(ratio=first, drift=0.0)
    for index in range(10):
        run = change_launch(run, "b", index, invalid=(THROTTLED,))
    for index in range(10):
        add_launch(run, arm_of(run, "b"), index, 45.0 * again, attempt=1)
    return run


def unpaired() -> Run:
    """Two pairs with an invalid launch that was not repeated, a screen that was off, a device that left."""
    run = make_ab(ratio=0.9, pairs=8, conditions=dataclasses.replace(COOL, awake=False))
    run = change_launch(run, "a", 2, invalid=(THROTTLED,))
    run = change_launch(run, "b", 5, invalid=("the processor was capped: cpufreq-cpu7 at step 2",))
    lost = Interruption(
        at="2026-11-22T10:05:00.000Z",
        during="measure",
        order=9,
        error="device-lost",
        what="the device went away",
        waited_s=12.5,
        rebooted=False,
    )
    return run.change(interruptions=(lost,), doubts=(Doubt(code="x", text="A doubt of the run."),))


def parity_failed() -> Run:
    run = make_ab(pairs=0)
    failed = parity("dynamic_int8", arm="b", status="failed", difference=1.5, reasons=("logits differ",))
    return run.settings(launches=10).change(parities=(run.record.parities[0], failed))


def two_files() -> Run:
    """On a host, of which nothing is known: another file in B, slower in its tail and to load."""
    run = make_ab(same=True, device=HOST, conditions=UNKNOWN, tail=0.08, load=3.0, inferences=60)
    assert run.record.comparing is not None
    run = run.change(comparing=dataclasses.replace(run.record.comparing, same=False))
    run = change_arm(run, "a", said="old.tflite", model_sha256="a" * 64)
    return change_arm(run, "b", said="new.tflite", model_sha256="b" * 64)


REPORTS: dict[str, Callable[[], Run]] = {
    "ab-slower": lambda: make_ab(ratio=1.041),
    "ab-not-shown": lambda: make_ab(ratio=1.02, spread=0.02, pairs=6),
    "ab-left-out": unpaired,
    "ab-repeated": lambda: repeated(0.95, 1.05),
    "ab-not-comparable": parity_failed,
    "ab-two-files": two_files,
    "aa": lambda: make_ab(same=True),
    "aa-fault": lambda: make_ab(same=True, ratio=1.06),
}


@functools.cache
def reported(name: str) -> tuple[Comparison, View]:
    run = REPORTS[name]()
    return compared(run), view_of(run)


@pytest.mark.parametrize("name", REPORTS)
def test_reports(name: str, golden: Callable[[str, str], None]) -> None:
    """What a reader sees of a comparison: the verdict first, then what it rests on."""
    view = reported(name)[1]
    if name != WHOLE:  # what other reports show alike has tests of its own
        view = dataclasses.replace(view, tables=tuple(one for one in view.tables if one.id in OWN))
    golden(f"{name}.txt", as_text(view))


@pytest.mark.parametrize(
    ("name", "status", "outcome"),
    [
        ("ab-slower", "slower", "failed"),
        ("ab-not-shown", "not_shown", "undecided"),
        ("ab-left-out", "faster", "passed"),
        ("ab-repeated", "not_shown", "undecided"),
        ("ab-not-comparable", "not_comparable", "undecided"),
        ("ab-two-files", "slower", "failed"),
        ("aa", "equivalent", "passed"),
        ("aa-fault", "slower", "error"),
    ],
)
def test_what_a_ci_is_told(name: str, status: str, outcome: str) -> None:
    """Only what is shown fails or passes; two equal arms that differ are a fault of the set-up."""
    comparison, view = reported(name)
    assert (comparison.status, view.outcome) == (status, outcome)
    assert [check.group for check in view.checks] == ["comparison"] * 2
    assert view.checks[0].outcome == {"ab-two-files": "passed"}.get(name, outcome)


def test_the_folder_gives_the_same_bytes_again(tmp_path: Path) -> None:
    """A comparison is recomputed from records alone, and years later says the same."""
    store = RunStore.create(tmp_path)
    make_ab(ratio=1.041).save(store)
    done = conclude(store)
    first = (store.folder / "comparison.json").read_bytes()
    assert done.status == "slower"
    assert done.report == (store.folder / "report.txt").read_text()
    assert recompute(store.folder) == first
    assert conclude(store).report == done.report
    assert (store.folder / "comparison.json").read_bytes() == first
    assert store.comparison() == compared(make_ab(ratio=1.041))
    assert not (store.folder / "verdict.json").exists()


def test_a_comparison_of_another_version_is_not_misread(tmp_path: Path) -> None:
    """A field that means something else in the next schema must not be taken for a threshold."""
    store = RunStore.create(tmp_path)
    make_ab(same=True).save(store)
    conclude(store)
    path = store.folder / "comparison.json"
    for change, error in (({"schema": 2}, SchemaUnknown), ({"noise_floor": "0.01"}, RecordDamaged)):
        path.write_text(json.dumps(json.loads(recompute(store.folder)) | change))
        with pytest.raises(error):
            store.comparison()


def test_pairs_that_do_not_count_are_left_out_and_said() -> None:
    """n never shrinks silently: eight pairs, two with an invalid launch."""
    found = compared(unpaired())
    assert (found.rounds, found.pairs) == (8, 6)
    assert found.changes[0].n_a == found.changes[0].n_b == 6
    assert "2 of 8 rounds left out: a launch in them is missing or invalid" in found.remarks
    assert found.with_every[0].n_a == 8
    text = as_text(view_of(unpaired()))
    assert "launch-010-b-dynamic_int8.samples is invalid: the processor was capped" in text


def test_repeats_that_change_the_decision_show_nothing() -> None:
    """Were B's fast launches the invalid ones, or its slow ones? The choice must not decide."""
    found = compared(repeated(0.95, 1.05))
    assert found.repeated == 10
    assert found.status == "not_shown"
    assert "over every launch that ran" in found.reasons[0]
    assert compared(repeated(1.06, 1.05)).changes[0].decision == "slower"


def test_a_short_launch_has_a_p50_and_no_p90() -> None:
    """Twenty inferences support a median; the other metrics go on without the one that they do not."""
    found = compared(make_ab(ratio=1.05, inferences=20))
    assert [change.decision for change in found.changes] == ["slower", "not_shown", "equivalent"]
    assert found.changes[1].reason == "n too small (need >= 36 per launch, has 20)"
    assert compared(make_ab(inferences=5)).changes[0].reason == "n too small (need >= 6 per launch, has 5)"


def test_a_program_without_raw_samples_is_compared_by_its_medians() -> None:
    """benchmark_model keeps no samples: its medians still pair, and the rest says why it is missing."""
    run = make_ab(ratio=1.05)
    summarized = [
        dataclasses.replace(
            one,
            load_ns=0,
            summary=LaunchSummary(
                count=40,
                mean_ns=(median := 45e6 * (1.05 if one.arm == "b" else 1.0) * (1 + 0.001 * (one.order % 7))),
                min_ns=median,
                max_ns=median,
                sd_ns=0.0,
                p5_ns=None,
                median_ns=median,
                p95_ns=None,
            ),
        )
        for one in run.record.launches
    ]
    run = run.change(launches=tuple(summarized)).settings(runner="benchmark_model 1")
    found = compared(run)
    assert found.changes[0].decision == "slower"
    assert found.changes[1].reason == "benchmark_model keeps no raw samples"
    assert found.changes[2].reason == "the program does not tell how long the model took to load"
    assert found.sequences is None
    assert [figure.id for figure in view_of(run).figures] == ["comparison"]


@pytest.mark.parametrize("cut", [{"ended_at": None}, {"fewer": 6}])
def test_a_run_that_did_not_end_decides_nothing(cut: dict[str, int | None]) -> None:
    """Stopping a comparison where it looks good is choosing."""
    run = make_ab(ratio=1.2, pairs=6 if "fewer" in cut else 10).settings(launches=10)
    run = run.change(ended_at=None) if "ended_at" in cut else run
    found = compared(run)
    assert found.status == "not_shown"
    assert found.changes[0].ratio.interval is not None
    assert "the run did not end" in found.reasons[0]


def test_the_noise_floor_is_the_farther_limit() -> None:
    """A threshold below what equal arms differ by on this device would find changes that are none."""
    for ratio, farther in ((1.003, "high"), (0.99, "low")):
        found = compared(make_ab(same=True, ratio=ratio))
        interval = found.changes[0].ratio.interval
        assert interval is not None
        limit = interval.high if farther == "high" else interval.low
        assert found.noise_floor == pytest.approx(abs(limit - 1))
        assert found.noise_floor == max(1 - interval.low, interval.high - 1)
    for run in (make_ab(same=True, ratio=1.06), make_ab(same=True, pairs=4), make_ab()):
        assert compared(run).noise_floor is None


def test_repeats_do_not_narrow_the_noise_floor() -> None:
    """Launches that were repeated until valid are quieter than the device is."""
    run = make_ab(same=True, spread=0.02, drift=0.0)
    for name in ("a", "b"):
        for index in range(10):
            run = change_launch(run, name, index, invalid=(THROTTLED,))
    for index in range(10):
        for name in ("a", "b"):
            quiet = 45.0 + (0.01 * index if name == "b" else 0.0)
            add_launch(run, arm_of(run, name), index, quiet, attempt=1)
    found = compared(run)
    counting, every = (one[0].ratio.interval for one in (found.changes, found.with_every))
    assert counting is not None
    assert every is not None
    assert max(abs(counting.low - 1), abs(counting.high - 1)) < 0.002
    assert found.noise_floor == max(1 - every.low, every.high - 1) > 0.01


def test_a_noise_floor_is_shown_beside_the_threshold() -> None:
    """Both limits in the verdict, lines, file and picture: equivalent is by the threshold alone."""
    run = make_ab(ratio=1.03, noise_floor=0.05)
    found, view = compared(run), view_of(run)
    assert found.status == "not_shown"
    assert found.threshold.noise_floor == 0.05
    assert {(one.threshold, one.beyond) for one in found.changes} == {(0.02, 0.05)}
    assert "The threshold is 2 %, the noise floor 5 %." in found.sentence
    line = view.tables[0].lines[2]
    assert line.startswith("Threshold 2 % (default); noise floor 5 % (run 0007, learnt of mobilebert ")
    assert "equivalent what lies wholly within the threshold" in line
    forest = next(one for one in view.figures if isinstance(one, Forest))
    assert forest.band is not None
    assert (forest.band.low, forest.band.high) == (-2, 2)
    assert [mark.value for mark in forest.marks] == [0, -5, 5]
    assert compared(make_ab(noise_floor=0.05)).status == "equivalent"
    assert compared(make_ab(ratio=1.08, noise_floor=0.05)).status == "slower"
    quiet = next(one for one in view_of(make_ab(noise_floor=0.01)).figures if isinstance(one, Forest))
    assert [mark.value for mark in quiet.marks] == [0]


def test_how_many_pairs_would_decide() -> None:
    """An undecided comparison says what it would take; a decided one has nothing to ask for."""
    wide = compared(make_ab(ratio=1.0, spread=0.02, pairs=6))
    assert wide.status == "not_shown"
    assert wide.pairs_to_decide is not None
    assert wide.pairs_to_decide > 6
    enough = compared(make_ab(ratio=1.0, spread=0.02, pairs=2 * wide.pairs_to_decide))
    assert enough.status == "equivalent"
    assert enough.pairs_to_decide is None


def test_no_number_of_pairs_decides_between_threshold_and_noise_floor() -> None:
    """A change that this device cannot show is none the clearer for twenty pairs more."""
    between = {"ratio": 1.035, "spread": 0.02, "pairs": 6}
    assert compared(make_ab(**between)).pairs_to_decide is not None
    hidden = compared(make_ab(**between, noise_floor=0.06))
    assert hidden.status == "not_shown"
    assert hidden.pairs_to_decide is None


def test_a_sequence_that_changes_alone_is_seen() -> None:
    """The typical sequence may be as fast as before, and one of them twice as slow."""
    run = make_ab(ratio=1.0, spread=0.0)
    for launch in run.record.launches:
        if launch.arm != "b":
            continue
        lines = run.raw[launch.samples_file].split(b"\n")
        for at, line in enumerate(lines):
            fields = line.split(b" ")
            if fields[0] == b"inference" and fields[3] == b"5":
                fields[6] = str(2 * int(fields[6])).encode()
                # The next one must not start before this one ends.
                lines[at] = b" ".join(fields)
        run.raw[launch.samples_file] = b"\n".join(lines)
    first, second = series_of(run.record)
    ratios = sequence_ratios(pair_rounds(run.record, first, second).pairs, run.samples)
    assert ratios.pop(5) == pytest.approx(2.0, rel=1e-6)
    assert set(ratios) == {0, 1, 2, 3, 4, 6, 7}
    assert list(ratios.values()) == pytest.approx([1.0] * 7, rel=1e-6)


def test_the_pictures_show_every_pair_and_both_arms() -> None:
    """A forest that leaves a pair out, or exchanges the arms, shows another comparison."""
    figures = {figure.id: figure for figure in view_of(make_ab(ratio=1.05)).figures}
    forest, sides = figures["comparison"], figures["sides"]
    assert isinstance(forest, Forest)
    assert [row.label for row in forest.rows] == [*(f"pair {n}" for n in range(10)), "all"]
    assert forest.band is not None
    assert (forest.band.low, forest.band.high) == pytest.approx((-2, 2))
    assert forest.rows[-1].value == pytest.approx(5, abs=1)
    assert isinstance(sides, Ecdf)
    assert [curve.label for curve in sides.curves] == ["A", "B"]
    assert min(sides.curves[0].values) < min(sides.curves[1].values)
    assert len(sides.curves[0].values) == 400


def test_hostile_words_stay_words() -> None:
    """An arm is called by a path, and a path may hold an escape sequence or markup."""
    run = change_arm(make_ab(), "b", said="\x1b[31m<script>|.tflite\n# x")
    view = view_of(run)
    for text in (as_text(view), as_markdown(view)):
        assert "\x1b" not in text
        assert "\n# x" not in text
    assert "\\<script>" in as_markdown(view)


def test_a_record_without_two_arms_is_damaged() -> None:
    """One arm alone, or two of one name, cannot come from `ab`."""
    run = make_ab()
    assert run.record.comparing is not None
    first, second = run.record.comparing.arms
    for arms in ((first,), (first, first), (second, first)):
        torn = run.change(comparing=dataclasses.replace(run.record.comparing, arms=arms))
        with pytest.raises(RecordDamaged):
            compared(torn)


def test_missing_samples_are_damage() -> None:
    """A launch whose samples are other in number than recorded must not be averaged in."""
    run = change_launch(make_ab(), "a", 3, timed_inferences=39)
    with pytest.raises(RecordDamaged):
        compared(run)
