"""Two recorded runs against each other: refused where they say nothing, and everything else said."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from results.arms import Threshold
from results.compare.comparable import check_comparable, differences, shared_series
from results.compare.comparison import compare_independent
from results.compare.folders import compare_folders
from results.compare.recorded import Recorded
from results.compare.runs import RunComparison, compare_runs
from results.errors import NotComparable, RecordDamaged
from results.record import COMPARABLE
from results.report.figures import Forest
from results.report.model import View
from results.report.run_comparison import run_comparison_view
from results.report.text import as_text
from results.store import RunStore
from tests.results.make_ab import make_ab
from tests.results.make_run import COOL, FULL, HOST, PIXEL_4, UNKNOWN, Run, make_run, parity
from tests.results.test_verdict import one_launch

pytestmark = pytest.mark.usefixtures("little_garbage")

INT8 = ("dynamic_int8",)


def recorded(run: Run, name: str) -> Recorded:
    return Recorded(name=name, record=run.record, samples=run.samples, predictions=run.predictions)


def compared(a: Run, b: Run, threshold: float = 0.02) -> RunComparison:
    return compare_runs(
        recorded(a, "runs/0001"), recorded(b, "runs/0002"), Threshold(share=threshold, source="default")
    )


def view_of(a: Run, b: Run) -> View:
    sides = recorded(a, "runs/0001"), recorded(b, "runs/0002")
    return run_comparison_view(*sides, compare_runs(*sides, Threshold(share=0.02, source="default")))


def plain(**changes: Any) -> Run:  # noqa: ANN401  # of make_run
    return make_run(**{"recipes": INT8, "accuracy": None, **changes})


def later() -> Run:
    """Another commit and another runtime, on a warmer phone that was started anew: slower, and better."""
    run = plain(median_ms=63.5, accuracy=0.84, flips=(60, 30)).settings(commit="2222222")
    warm = dataclasses.replace(COOL, skin_c=33.1, boot_id="b" * 36)
    assert run.record.program is not None
    program = dataclasses.replace(run.record.program, runtime_version="2.4.0", runtime_sha256="3" * 64)
    run = run.each_launch(before=warm, after=warm, cores=(4, 5, 6, 7))
    return run.change(program=program, started_at="2026-11-23T10:00:00.000Z")


def earlier() -> Run:
    run = plain(accuracy=0.84).settings(commit="1111111")
    return run.each_launch(before=dataclasses.replace(COOL, boot_id="a" * 36), load_ns=34_000_000)


REPORTS: dict[str, Callable[[], tuple[Run, Run]]] = {
    "compare-slower": lambda: (earlier(), later()),
    "compare-recipes": lambda: (plain(), make_run(accuracy=None, launches=6)),
    "compare-invalid": lambda: (
        one_launch(plain(), invalid=("thermal status 1 after the launch",)),
        plain(median_ms=61.0).change(ended_at=None),
    ),
    "compare-host": lambda: (
        plain(device=HOST, conditions=UNKNOWN),
        plain(device=HOST, conditions=UNKNOWN, median_ms=58.0),
    ),
}


@pytest.mark.parametrize("name", REPORTS)
def test_reports(name: str, golden: Callable[[str, str], None]) -> None:
    """What a reader sees of two runs: which is slower, then everything that may be why."""
    golden(f"{name}.txt", as_text(view_of(*REPORTS[name]())))


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("compare-slower", "failed"),
        ("compare-recipes", "failed"),
        ("compare-invalid", "undecided"),
        ("compare-host", "passed"),
    ],
)
def test_what_a_ci_is_told(name: str, outcome: str) -> None:
    """Slower fails, faster and equivalent pass, and a run that did not end decides nothing."""
    view = view_of(*REPORTS[name]())
    assert view.outcome == outcome
    assert len(view.checks) == 2
    assert view.checks[0].outcome == outcome


OTHER: dict[str, Callable[[Run], Run]] = {
    "device.kind": lambda run: run.change(device=dataclasses.replace(PIXEL_4, kind="virtual_phone")),
    "device.model": lambda run: run.change(device=dataclasses.replace(PIXEL_4, model="Pixel 4a")),
    "device.soc": lambda run: run.change(device=dataclasses.replace(PIXEL_4, soc="SM8250")),
    "device.fingerprint": lambda run: run.change(device=dataclasses.replace(PIXEL_4, fingerprint="x")),
    "device.serial_sha256": lambda run: run.change(
        device=dataclasses.replace(PIXEL_4, serial_sha256="6" * 64)
    ),
    "settings.length": lambda run: run.settings(length=64),
    "settings.length_policy": lambda run: run.settings(length_policy="shortest"),
    "settings.threads": lambda run: run.settings(threads=2),
    "settings.runner": lambda run: run.settings(runner="benchmark_model 1"),
    "settings.delegate": lambda run: run.settings(delegate="gpu"),
    "settings.cores": lambda run: run.settings(cores="all"),
    "settings.fixed_performance": lambda run: run.settings(fixed_performance=True),
}


@pytest.mark.parametrize("field", OTHER)
def test_what_latency_depends_on_must_be_shared(field: str) -> None:
    """A ratio between two phones, or two thread counts, would be read as a regression."""
    with pytest.raises(NotComparable) as refused:
        compared(plain(), OTHER[field](plain()))
    assert field in refused.value.what
    assert " against " in refused.value.what
    assert refused.value.exit_code == 3


def test_every_comparable_field_is_tried() -> None:
    """A field that is added to the list must be refused by this command as well."""
    assert set(OTHER) == {*COMPARABLE, "device.serial_sha256"}


def test_every_field_that_differs_is_named_at_once() -> None:
    """Whoever has to repeat a run wants to know all that has to be changed."""
    with pytest.raises(NotComparable) as refused:
        compared(plain(), OTHER["settings.cores"](OTHER["settings.threads"](plain())))
    assert "settings.threads is 4 against 2; settings.cores is big against all." in refused.value.what


def test_other_pairs_matter_where_length_does() -> None:
    """With the shortest signature a longer sequence costs more: other pairs are another workload."""
    a = plain().settings(length_policy="shortest")
    assert a.record.pairs is not None
    b = a.change(pairs=dataclasses.replace(a.record.pairs, sha256="f" * 64))
    with pytest.raises(NotComparable, match="pairs is 9815 of MNLI matched dev"):
        compared(a, b)
    fixed = [run.settings(length_policy="fixed") for run in (a, b)]
    assert "pairs" in [one.name for one in compared(fixed[0], fixed[1]).differing]


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (lambda: make_ab(), "compares two arms itself"),
        (lambda: make_run(device=None), "timed nothing"),
        (lambda: plain(launches=0), "timed nothing"),
        (lambda: plain().settings(models=("bert_base",)), "share no series"),
        (lambda: make_run(recipes=("float32", "float16")), "mobilebert float32, mobilebert float16"),
        (
            lambda: plain().each_artifact(architecture=dataclasses.replace(FULL, parameters=15_493_379)),
            "24.58M parameters in runs/0001, 15.49M parameters in runs/0002",
        ),
    ],
)
def test_what_is_no_counterpart_is_refused(other: Callable[[], Run], says: str) -> None:
    """An ab run, a run of the host alone, another model, other recipes, another network of the same name."""
    with pytest.raises(NotComparable) as refused:
        compared(plain(), other())
    assert says in refused.value.what


def test_shared_series_are_compared_and_the_others_left() -> None:
    """A run of two recipes against one of a third and a second: the second is in both."""
    a, b = plain(recipes=("float32", "dynamic_int8")), plain(recipes=("dynamic_int8", "float16"))
    found = compared(a, b)
    assert [one.label for one in found.series] == ["dynamic_int8"]
    both = compared(a, a.change(run_id="0002"))
    assert [one.label for one in both.series] == ["float32", "dynamic_int8"]
    assert both.sentence.startswith("float32: B is ")


def test_a_series_of_many_may_fail_the_whole() -> None:
    """One recipe slower among two: a CI has to hear of it."""
    a = make_run(recipes=("float32", "dynamic_int8"))
    b = make_run(recipes=("float32", "dynamic_int8"), median_ms=66.0)
    swapped = [
        one if one.recipe == "float32" else two
        for one, two in zip(b.record.launches, a.record.launches, strict=True)
    ]
    raw = a.raw | {one.samples_file: b.raw[one.samples_file] for one in swapped if one.recipe == "float32"}
    found = compared(a, Run(record=dataclasses.replace(a.record, launches=tuple(swapped)), raw=raw))
    assert [one.status for one in found.series] == ["slower", "equivalent"]
    assert found.status == "slower"


def test_invalid_launches_are_left_out_and_held_against_the_rest() -> None:
    """Four slow launches of B that were called invalid: what is left is as fast as A."""
    a = plain()
    b = plain(median_ms=70.0)
    fast = plain()
    kept = [
        dataclasses.replace(slow, invalid=("throttled",)) if slow.index < 4 else one
        for slow, one in zip(b.record.launches, fast.record.launches, strict=True)
    ]
    raw = {one.samples_file: (b if one.invalid else fast).raw[one.samples_file] for one in kept}
    mixed = Run(record=dataclasses.replace(b.record, launches=tuple(kept)), raw=raw)
    change = compared(a, mixed, 0.03).series[0].changes[0]
    assert (change.n_a, change.n_b) == (10, 6)
    assert change.decision == "not_shown"
    assert change.reason is not None
    assert "every launch that ran" in change.reason
    assert any("4 of 10 launches invalid" in one for one in compared(a, mixed).series[0].remarks)


def test_a_series_that_the_device_does_not_compute_is_not_comparable() -> None:
    """What was timed there is not the model."""
    found = compared(plain(), plain().change(parities=(parity("dynamic_int8", status="failed"),)))
    assert found.status == "not_comparable"
    assert found.sentence == "Not comparable: device parity failed in B."


def test_accuracy_is_paired_where_the_pairs_are_the_same() -> None:
    """Two samples of the same pairs are compared pair by pair; of other pairs nothing is said."""
    found = compared(plain(accuracy=0.84), plain(accuracy=0.84, flips=(60, 30)))
    paired = found.accuracies[0].paired
    assert paired is not None
    assert (paired.only_a, paired.only_b) == (40, 0)
    assert paired.difference.value == pytest.approx(40 / 9815)
    other = plain(accuracy=0.84)
    assert other.record.pairs is not None
    other = other.change(pairs=dataclasses.replace(other.record.pairs, sha256="f" * 64))
    assert compared(plain(accuracy=0.84), other).accuracies[0].paired is None


def test_what_differs_is_listed() -> None:
    """A slower run has a reason, and it is among what differs."""
    a, b = recorded(earlier(), "runs/0001"), recorded(later(), "runs/0002")
    check_comparable(a, b)
    found = {one.name: (one.a, one.b) for one in differences(a.record, b.record, shared_series(a, b))}
    assert found["commit"] == ("1111111", "2222222")
    assert found["runtime"] == ("LiteRT 2.3.0", "LiteRT 2.4.0")
    assert found["boot"] == ("aaaaaaaa", "bbbbbbbb")
    assert found["skin"] == ("28.4 °C", "33.1 °C")
    assert "pairs" not in found
    assert not differences(a.record, a.record, shared_series(a, a))


def test_two_runs_are_found_to_differ_and_no_more() -> None:
    """How far two equal runs differ is in no interval of two runs: nothing may be called a regression."""
    for run, words in ((later(), "the two differ beyond the threshold of 2 %"), (earlier(), "equivalent")):
        view = view_of(earlier(), run.change(run_id="0002"))
        assert "in this pair of runs" in view.verdict
        assert words in view.verdict
        assert "how far two equal runs differ is not in the interval" in view.notes[0]
        changes = view.tables[0]
        assert changes.title.endswith("over the launches of these two runs]")
        assert "how far two equal runs differ is not in it" in " ".join(changes.lines)
        assert all("in this pair of runs" in check.message for check in view.checks)
        assert "regressed" not in as_text(view)


def test_what_is_simulated_of_equal_runs_is_so() -> None:
    """The note tells how often two equal runs are found to differ; it must be what this analysis does."""
    generator = np.random.default_rng(2)
    runs = 200
    for spread, holds, differ in ((0.01, 1 / 4, 1 / 12), (0.02, 1 / 7, 0.38)):
        held = found = 0
        for _ in range(runs):
            common, own = spread * generator.standard_normal(2), 0.005 * generator.standard_normal((2, 10))
            a, b = 60e6 * np.exp(common[:, None] + own)
            change = compare_independent("p50", a, b, 0.02)
            assert change.ratio.interval is not None
            held += change.ratio.interval.low <= 1 <= change.ratio.interval.high
            found += change.decision in ("slower", "faster")
        assert held / runs == pytest.approx(holds, abs=0.1)
        assert found / runs == pytest.approx(differ, abs=0.1)


def test_the_pictures_show_both_runs() -> None:
    """Every launch of both, and a typical one of each."""
    figures = view_of(earlier(), later()).figures
    forest = next(one for one in figures if isinstance(one, Forest))
    assert [row.label for row in forest.rows if row.kind == "overall"] == ["A, all", "B, all"]
    assert len(forest.rows) == 22
    assert {figure.id for figure in figures} == {"comparison-dynamic_int8"}


def test_from_folders(tmp_path: Path) -> None:
    """The command's own way: two folders, a threshold; and what is no pair of runs."""
    folders = []
    for run in (plain(launches=5), plain(launches=5, median_ms=62.5)):
        store = RunStore.create(tmp_path)
        run.save(store)
        folders.append(store.folder)
    assert compare_folders(folders[0], folders[1], 0.05, None).outcome == "passed"
    with pytest.raises(NotComparable, match="one run"):
        compare_folders(folders[0], folders[0] / ".." / folders[0].name, None, None)
    with pytest.raises(RecordDamaged):
        compare_folders(folders[0], tmp_path, None, None)
    copied = shutil.copytree(folders[0], tmp_path / "copied")
    with pytest.raises(NotComparable, match="copy of the other"):
        compare_folders(folders[0], copied, None, None)
    with pytest.raises(NotComparable, match="no A/A run"):
        compare_folders(folders[0], folders[1], None, folders[0])
