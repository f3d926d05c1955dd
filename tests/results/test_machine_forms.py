"""The forms for other tools, each read back by its consumer or by a strict reader of its format."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyperf
import pytest
from jsonschema import Draft7Validator

from results import stats
from results.errors import FormUnavailable
from results.launches import timed_samples
from results.report.forms.androidx import as_androidx
from results.report.forms.bencher import as_bencher
from results.report.forms.benchstat import as_benchstat
from results.report.forms.github_benchmark import ACCURACY, LATENCY, as_github_benchmark
from results.report.forms.keys import model_key
from results.report.forms.loaded import Loaded, timed
from results.report.forms.pyperf_json import as_pyperf
from results.series import series_of
from tests.results.form_runs import both, hostile, loaded
from tests.results.make_ab import change_arm, make_ab
from tests.results.make_device import summarized
from tests.results.make_run import PIXEL_4, UNNAMED, Run, make_run, parity
from tests.results.test_report import BOTH
from tests.results.test_verdict import one_launch

P50 = "mobilebert/float32/pixel-4/length128/4t"


# github-action-benchmark ---------------------------------------------------------------------------------


def extracted(text: str) -> list[dict[str, Any]]:
    """What github-action-benchmark's custom tools read: a list that is not empty, of these fields."""
    entries = json.loads(text)
    assert isinstance(entries, list)
    assert entries
    for entry in entries:
        assert set(entry) <= {"name", "unit", "value", "range", "extra"}
        assert all(isinstance(entry[name], str) for name in set(entry) - {"value"})
        assert isinstance(entry["value"], float | int)
        if "range" in entry:  # the pattern by which it takes a range along into another unit
            assert re.fullmatch(r"± \d+\.\d+", entry["range"])
    return entries


def test_github_benchmark_has_latency_and_accuracy_apart() -> None:
    """In one file smaller is better, in the other one bigger."""
    run = loaded(both())
    files = as_github_benchmark(run)
    assert set(files) == {LATENCY, ACCURACY}
    latency = {entry["name"]: entry for entry in extracted(files[LATENCY])}
    one = next(one for one in timed(run) if one.series.recipe == "float32")
    assert one.p50.value is not None
    assert one.p50.interval is not None
    assert latency[f"{P50}/p50"]["value"] == pytest.approx(one.p50.value / 1e6, abs=1e-6)
    assert float(latency[f"{P50}/p50"]["range"][2:]) == pytest.approx(
        (one.p50.interval.high - one.p50.value) / 1e6, abs=1e-3
    )
    assert len(latency) == 4
    assert {entry["unit"] for entry in latency.values()} == {"ms"}
    accuracy = extracted(files[ACCURACY])
    assert [(entry["name"], entry["unit"]) for entry in accuracy] == [
        ("mobilebert/dynamic_int8/mnli-matched-dev", "%"),
        ("mobilebert/float32/mnli-matched-dev", "%"),
    ]


def test_names_join_runs_and_keep_unlike_ones_apart() -> None:
    """A commit, a date or a run's number in a name begins a new line with every run."""

    def names(run: Run) -> set[str]:
        return {entry["name"] for entry in extracted(as_github_benchmark(loaded(run))[LATENCY])}

    usual = names(make_run())
    assert names(make_run(median_ms=70).settings(seed=7, commit="abc").change(run_id="0009")) == usual
    for other in (
        make_run(threads=2),
        make_run(recipes=("dynamic_int8",)),
        make_run(device=dataclasses.replace(PIXEL_4, model="Pixel 8")),
        make_run(device=dataclasses.replace(PIXEL_4, kind="virtual_phone")),
        make_run().settings(length=64),
        make_run().settings(length_policy="shortest"),
        make_run().settings(cores="all"),
        make_run().settings(fixed_performance=True),
        make_run().settings(runner="benchmark_model 1"),
    ):
        assert not names(other) & usual


def test_names_hold_nothing_but_letters_digits_and_slashes() -> None:
    """They become paths, keys and chart titles elsewhere, and a device's model is in them."""
    for text in as_github_benchmark(loaded(hostile())).values():
        assert all(re.fullmatch(r"[a-z0-9._/-]+", entry["name"]) for entry in extracted(text))


# Bencher -------------------------------------------------------------------------------------------------

NUMBER = {"type": "number"}
BMF = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "minProperties": 1,
    "patternProperties": {
        "^.{1,1024}$": {
            "type": "object",
            "minProperties": 1,
            "patternProperties": {
                "^[a-z0-9-]{1,64}$": {
                    "type": "object",
                    "properties": {"value": NUMBER, "lower_value": NUMBER, "upper_value": NUMBER},
                    "required": ["value"],
                    "additionalProperties": False,
                }
            },
            "additionalProperties": False,
        }
    },
    "additionalProperties": False,
}


def test_bencher_has_nanoseconds_with_limits() -> None:
    """Its built-in measure is in ns; a millisecond there is a millionfold regression."""
    made = json.loads(as_bencher(loaded(both())))
    Draft7Validator(BMF).validate(made)
    latency = made[P50]["latency"]
    assert 60_000_000 < latency["lower_value"] < latency["value"] < latency["upper_value"] < 62_000_000
    assert made[P50]["latency-p90"]["value"] > latency["value"]
    accuracy = made["mobilebert/float32/mnli-matched-dev"]["accuracy"]
    assert 0.83 < accuracy["lower_value"] < accuracy["value"] < accuracy["upper_value"] < 0.85


def test_what_has_no_interval_or_no_p90_is_left_out() -> None:
    """One launch has no interval and 20 inferences no p90: neither becomes a zero."""
    made = json.loads(as_bencher(loaded(make_run(launches=1, inferences=20, accuracy=None))))
    Draft7Validator(BMF).validate(made)
    assert {measure: set(made[P50][measure]) for measure in made[P50]} == {"latency": {"value"}}


# benchstat -----------------------------------------------------------------------------------------------


def go_results(text: str) -> Iterator[tuple[dict[str, str], str, int, dict[str, float]]]:
    """A strict reader of the Go benchmark format: configuration, name, iterations, measures of each line."""
    config: dict[str, str] = {}
    for line in text.splitlines():
        if match := re.fullmatch(r"([a-z][^A-Z\s:]*):(?:[ \t]+(.*))?", line):
            config[match[1]] = match[2] or ""
        elif line.startswith("Benchmark"):
            name, iterations, *rest = line.split()
            assert re.match(r"Benchmark[^a-z]", name)
            assert not re.search(r"-\d+$", name), "would be read as GOMAXPROCS"
            assert len(rest) % 2 == 0
            measures = {unit: float(value) for value, unit in zip(rest[::2], rest[1::2], strict=True)}
            assert len(measures) == len(rest) // 2
            yield dict(config), name, int(iterations), measures
        else:
            assert line == ""


def test_benchstat_has_one_line_per_launch() -> None:
    """It takes each line for one sample of its own; inferences of one launch are not that."""
    run = loaded(one_launch(make_run(recipes=BOTH), invalid=("throttled",)))
    results = list(go_results(as_benchstat(run)))
    launches = [launch for one in timed(run) for launch in one.launches]
    assert len(results) == len(launches) == 19
    for (config, name, iterations, measures), launch in zip(results, launches, strict=True):
        samples = timed_samples(launch, run.samples)[1]
        assert f"/recipe={launch.recipe}/" in name
        assert iterations == launch.timed_inferences
        assert measures == {
            "ns/op": round(float(np.median(samples))),
            "p90-ns/op": round(stats.quantile(samples, 0.9) or 0),
        }
        assert (config["goos"], config["goarch"], config["device"]) == ("android", "arm64", "pixel-4")
        assert "1 of 10" in config["invalid-launches"]


def test_benchstat_takes_medians_of_a_program_that_keeps_no_samples() -> None:
    """Its own median is what benchstat asks for; a p90 it does not give."""
    run = summarized(make_run(launches=5))
    measures = [measures for *_, measures in go_results(as_benchstat(loaded(run)))]
    medians = [launch.summary.median_ns for launch in run.record.launches if launch.summary is not None]
    assert measures == [{"ns/op": round(median or 0)} for median in medians]
    with pytest.raises(FormUnavailable, match="the program gives no median"):
        as_benchstat(loaded(summarized(make_run(launches=5), median=False)))
    with pytest.raises(FormUnavailable, match="n too small"):
        as_benchstat(loaded(make_run(launches=2, inferences=5)))


def test_arms_of_a_comparison_are_two_benchmarks() -> None:
    """benchstat -col /arm sets them beside each other; other tools must not pool them either."""
    run = loaded(make_ab(pairs=3, inferences=130))
    names = [name for _, name, _, _ in go_results(as_benchstat(run))]
    whole = "BenchmarkMobileBERT/model=mobilebert/recipe=dynamic_int8"
    assert (
        sorted(names)
        == [f"{whole}/arm=a/length=128/threads=4"] * 3 + [f"{whole}/arm=b/length=128/threads=2"] * 3
    )
    keys = [f"mobilebert/dynamic_int8/arm-{arm}/pixel-4/length128/{n}t" for arm, n in (("a", 4), ("b", 2))]
    assert list(json.loads(as_bencher(run))) == keys
    assert pyperf.BenchmarkSuite.loads(as_pyperf(run)).get_benchmark_names() == keys
    assert [one["name"] for one in json.loads(as_androidx(run))["benchmarks"]] == keys
    assert "verdict" not in as_github_benchmark(run)[LATENCY]


def test_benchstat_pools_nothing_that_is_not_alike() -> None:
    """It takes all lines of one name for samples of one thing, from however many files."""

    def names(run: Run) -> set[str]:
        return {name for _, name, _, _ in go_results(as_benchstat(loaded(run)))}

    usual = names(make_run(launches=2))
    assert usual == {"BenchmarkMobileBERT/model=mobilebert/recipe=float32/length=128/threads=4"}
    run = make_run(launches=2)
    found = [
        names(other)
        for other in (
            make_run(launches=2, threads=2),
            run.settings(length=64),
            run.settings(length_policy="shortest"),
            run.settings(cores="all"),
            run.settings(cores="f0-4"),
            run.settings(delegate="gpu"),
            run.settings(fixed_performance=True),
            run.settings(runner="benchmark_model 1"),
        )
    ]
    assert len(set[str]().union(usual, *found)) == 1 + len(found)
    arms = change_arm(make_ab(pairs=1, same=True), "b", delegate="gpu", cores="all", length_policy="shortest")
    assert names(arms) == {
        "BenchmarkMobileBERT/model=mobilebert/recipe=dynamic_int8/arm=a/length=128/threads=4",
        "BenchmarkMobileBERT/model=mobilebert/recipe=dynamic_int8/arm=b/policy=shortest/cores=all/delegate=gpu"
        "/length=128/threads=4",
    }


def test_two_files_of_one_recipe_have_their_own_names() -> None:
    """A bare file has no model in its name, and which of two is bare their recipe does not say."""
    run = change_arm(make_ab(pairs=1, same=True), "b", model_sha256="b" * 64)
    (known,) = (one for one in run.record.artifacts if one.recipe == "dynamic_int8")
    bare = dataclasses.replace(known, model_sha256="b" * 64, weights=UNNAMED)
    for artifacts in ((known, bare), (bare, known)):
        of = run.change(artifacts=artifacts).record
        assert [model_key(of, one) for one in series_of(of)] == ["mobilebert/dynamic_int8", "dynamic_int8"]


def test_a_hostile_commit_adds_no_line() -> None:
    """A line of its own would be a result that nobody measured."""
    results = list(go_results(as_benchstat(loaded(hostile()))))
    assert len(results) == 10
    assert "\x1b" not in as_benchstat(loaded(hostile()))


# pyperf --------------------------------------------------------------------------------------------------


def test_pyperf_reads_every_launch_as_a_run_with_its_warm_up() -> None:
    """A launch is a process, which is what pyperf calls a run; pooled they would look far too sure."""
    run = loaded(both())
    suite = pyperf.BenchmarkSuite.loads(as_pyperf(run))
    assert suite.get_benchmark_names() == [P50.replace("float32", "dynamic_int8"), P50]
    for bench, one in zip(suite, timed(run), strict=True):
        assert bench.get_nrun() == 10
        for read, launch in zip(bench.get_runs(), one.launches, strict=True):
            samples = run.samples[launch.samples_file]
            assert [round(value * 1e9) for value in read.values] == samples.timed_ns.tolist()
            assert [(loops, round(value * 1e9)) for loops, value in read.warmups] == [
                (1, ns) for ns in samples.duration_ns[~samples.timed].tolist()
            ]
        assert bench.get_unit() == "second"
        assert bench.get_dates() is not None


def test_pyperf_reads_hostile_words_and_odd_times() -> None:
    """It refuses a file for one line break in its metadata."""
    run = hostile().each_launch(started_at="yesterday", peak_rss_bytes=None)
    assert len(pyperf.BenchmarkSuite.loads(as_pyperf(loaded(run)))) == 1


# What cannot be given ------------------------------------------------------------------------------------

FORMS: dict[str, Callable[[Loaded], object]] = {
    "github-benchmark": as_github_benchmark,
    "bencher": as_bencher,
    "benchstat": as_benchstat,
    "pyperf": as_pyperf,
    "androidx": as_androidx,
}
WITHOUT: dict[str, tuple[Callable[[], Run], str]] = {
    "accuracy only": (lambda: make_run(device=None), "no latency was measured"),
    "parity failed": (
        lambda: make_run().change(parities=(parity("float32", status="failed"),)),
        "device parity failed",
    ),
    "nothing launched": (lambda: make_run(launches=0), "nothing was launched"),
    "all launches invalid": (lambda: make_run().each_launch(invalid=("hot",)), "no launch is valid"),
}


@pytest.mark.parametrize("case", WITHOUT)
@pytest.mark.parametrize("form", FORMS)
def test_a_latency_that_is_none_is_never_written(form: str, case: str) -> None:
    """An invalid launch, or a model that computes something else, would stand in a chart for ever."""
    make, why = WITHOUT[case]
    run = make().change(accuracies=())
    with pytest.raises(FormUnavailable, match=why) as caught:
        FORMS[form](loaded(run))
    assert f"cannot be written as {form}" in caught.value.what


@pytest.mark.parametrize("case", WITHOUT)
def test_accuracy_stands_alone_where_no_latency_counts(case: str) -> None:
    """What was evaluated on this machine holds whatever became of the device."""
    run = loaded(WITHOUT[case][0]())
    assert set(as_github_benchmark(run)) == {ACCURACY}
    assert set(json.loads(as_bencher(run))) == {"mobilebert/float32/mnli-matched-dev"}


def test_forms_of_samples_refuse_a_program_that_keeps_none() -> None:
    """Its summary is no sample, and no form may be filled with numbers made of it."""
    run = loaded(summarized(make_run(launches=5)))
    for form in (as_pyperf, as_androidx):
        with pytest.raises(FormUnavailable, match="benchmark_model keeps no raw samples"):
            form(run)
    assert json.loads(as_bencher(run))[f"{P50}/benchmark_model"]["latency"]["value"] > 60_000_000


@pytest.mark.parametrize("form", FORMS)
def test_the_same_run_gives_the_same_bytes(form: str) -> None:
    """A diff of two files is a difference of two runs."""
    assert FORMS[form](loaded(both())) == FORMS[form](loaded(both()))
