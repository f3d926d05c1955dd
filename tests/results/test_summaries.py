"""Runs by a program that keeps no raw samples: fewer claims, and each thing that is missing is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from results.errors import RecordDamaged
from results.latency import summarize_latency
from results.recompute import conclude, recompute
from results.report.text import WIDTH, as_text
from results.report.view import build_view
from results.store import RunStore
from tests.results.make_device import change_launch, repeat, summarized, told
from tests.results.make_run import Run, make_run
from tests.results.make_table import make_table
from tests.results.test_verdict import CLAIMS, row, verdict_of

NO_SAMPLES = "benchmark_model keeps no raw samples"


def text_of(run: Run) -> str:
    return " ".join(as_text(build_view(run.record, run.samples, run.predictions, verdict_of(run))).split())


def test_the_medians_that_it_prints_decide() -> None:
    """A median is what the claim is about; the interval is over launches, as with samples."""
    run = summarized(make_run())
    summary, raw = (summarize_latency(one.record, one.samples, "float32") for one in (run, make_run()))
    assert summary is not None
    assert raw is not None
    assert summary.deciding.interval == raw.deciding.interval
    assert summary.medians_ns == raw.medians_ns
    assert (summary.launches_valid, summary.inferences, summary.raw) == (10, 400, False)
    assert row(run).status == "reproduced"


def test_its_figures_are_a_proxy_at_best() -> None:
    """Nobody can look at its warm-up, its order or its outliers."""
    judged = row(summarized(make_run()))
    assert judged.protocol_match == "proxy"
    assert "no raw samples" in judged.decided_by
    expected = "no raw samples: warm-up, order and outliers cannot be checked; inputs are one row"
    assert expected in judged.reasons
    assert "no raw samples" in verdict_of(summarized(make_run())).overall.sentence


def test_without_a_median_no_claim_is_decided() -> None:
    """A mean is another figure, and is not put in its place."""
    judged = row(summarized(make_run(), median=False))
    assert (judged.value, judged.interval, judged.status) == (None, None, "inconclusive")
    assert "the program gives no median" in judged.decided_by
    ratio = row(summarized(make_table(), median=False), "bert-base-to-mobilebert")
    assert (ratio.value, ratio.status) == (None, "inconclusive")
    assert "the program gives no median" in ratio.decided_by


def test_one_launch_without_a_median_leaves_the_others_undecided_too() -> None:
    """Nine medians of ten launches are nine chosen launches."""
    run, short = summarized(make_run()), summarized(make_run(), median=False)
    run = change_launch(run, 4, summary=short.record.launches[4].summary)
    assert row(run).value is None


@pytest.mark.parametrize("name", ["p90", "p95", "p99"])
def test_what_it_does_not_keep_is_not_made_up(name: str) -> None:
    """Its own p95 is by another rule, and p90 it has not got."""
    run = summarized(make_run(inferences=400))
    summary = summarize_latency(run.record, run.samples, "float32")
    assert summary is not None
    estimate = getattr(summary, name)
    assert (estimate.value, estimate.reason) == (None, NO_SAMPLES)


def test_the_report_says_what_is_missing() -> None:
    """A table that is not there looks like one that was forgotten."""
    run = summarized(told(make_run(recipes=("dynamic_int8", "float32"))))
    text = text_of(run)
    missing = "no p90, p95 or p99, no latency by sequence or by length, and no check of the first inference"
    assert f"{missing}: {NO_SAMPLES}." in text
    assert "Latency by sequence" not in text
    assert "program benchmark_model 2.16.1 for arm64-v8a, not this project's its SHA-256 " + "3" * 64 in text
    lines = as_text(build_view(run.record, run.samples, run.predictions, verdict_of(run))).splitlines()
    assert [line for line in lines if len(line) > WIDTH] == []


def test_too_few_inferences_are_too_few_for_its_median_as_well() -> None:
    """Of five inferences no program knows a median."""
    judged = row(summarized(make_run(inferences=5)))
    assert judged.value is None
    assert "n too small (need >= 6 per launch, has 5)" in judged.decided_by


@pytest.mark.parametrize("delegate", ["gpu", "nnapi"])
def test_another_delegate_is_another_experiment(delegate: str) -> None:
    """62 ms are a CPU's."""
    run = summarized(make_run(median_ms=20.0), delegate=delegate)
    assert row(run).status == "not_comparable"
    assert row(run).decided_by == ("other delegate",)
    assert f"delegate {delegate}" in text_of(run)


def test_its_text_is_kept_and_never_read_as_samples(tmp_path: Path) -> None:
    """From the folder alone, the same verdict; and a changed text is noticed as a changed sample is."""
    run, store = summarized(make_run()), RunStore.create(tmp_path)
    run.save(store)
    assert store.load_samples(store.load()) == {}
    conclude(store)
    written = (store.folder / "verdict.json").read_bytes()
    assert recompute(store.folder) == written
    assert json.loads(written)["verdict"]["status"] == "reproduced"
    assert not list(store.folder.glob("sequences-*"))
    path = store.folder / run.record.launches[3].samples_file
    path.write_bytes(path.read_bytes() + b" ")
    with pytest.raises(RecordDamaged, match="is not the file that was recorded"):
        store.load_samples(run.record)


def test_repeats_are_judged_by_medians_too() -> None:
    """What a program keeps is no matter for what choosing among its launches is worth."""
    assert row(summarized(repeat(make_run(), 0, 61.5))).status == "reproduced"
    assert row(summarized(repeat(make_run(), 0, 95.0))).status == "inconclusive"


def test_ratios_are_those_of_its_medians() -> None:
    """Four models by benchmark_model: the ratio is one of medians anyway."""
    judged, raw = (row(run, "bert-base-to-mobilebert") for run in (summarized(make_table()), make_table()))
    assert judged.interval == raw.interval
    assert "no raw samples" in judged.decided_by
    run = summarized(make_table())
    assert "Table 4's latencies" in as_text(
        build_view(run.record, run.samples, run.predictions, verdict_of(run), CLAIMS)
    )
