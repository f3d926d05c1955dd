"""The report, as readers see it: goldens, and what must hold for every run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from results.record import Doubt
from results.report.judged import spans
from results.report.markdown import as_markdown
from results.report.model import quantity
from results.report.text import WIDTH, as_text
from results.report.view import build_view
from results.stats import Estimate, Interval
from tests.results.make_run import (
    COOL,
    EXAMPLE,
    HOST,
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
from tests.results.test_verdict import one_launch, row, verdict_of

BOTH = ("dynamic_int8", "float32")
SEEDED_NOTE = Doubt(code="seeded-weights", text="Seeded random weights: accuracy means nothing.")


def host() -> Run:
    run = make_run(
        recipes=("dynamic_int8",),
        device=HOST,
        conditions=UNKNOWN,
        weights=SEEDED,
        pairs=EXAMPLE,
        accuracy=0.35,
        flips=(1, 2),
        threads=2,
    )
    return run.change(doubts=(SEEDED_NOTE,))


def throttled() -> Run:
    return one_launch(
        make_run(launches=6),
        after=dataclasses.replace(COOL, thermal_status=1, cpu_c=81.5),
        invalid=("thermal status 1 after the launch",),
    )


def latency_only() -> Run:
    """A bare .tflite: nothing is known of its weights, and nothing was evaluated."""
    run = make_run(recipes=("model",), device=HOST, conditions=UNKNOWN, accuracy=None, launches=2, threads=2)
    bare = dataclasses.replace(
        run.record.artifacts[0],
        precision="unknown",
        weights=UNNAMED,
        architecture=None,
        labels=("0", "1", "2"),
        parity=None,
        conversion=None,
    )
    return run.change(artifacts=(bare,)).settings(checkpoint="model.tflite")


RUNS: dict[str, Callable[[], Run]] = {
    "pixel-4": lambda: make_run(recipes=BOTH, inferences=80),
    "pixel-4-undecided": lambda: make_run(median_ms=63.9, spread=0.03, launches=6),
    "pixel-4-throttled": throttled,
    "pixel-4-interrupted": lambda: interrupted(make_run(launches=7), 10),
    "host": host,
    "virtual-phone": lambda: make_run(
        recipes=("dynamic_int8",), device=VIRTUAL, conditions=UNKNOWN, launches=1
    ),
    "parity-failed": lambda: make_run(recipes=("dynamic_int8",), launches=0).change(
        parities=(parity("dynamic_int8", status="failed", reasons=("3 of 8 rows differ by more than 0.02",)),)
    ),
    "latency-only": latency_only,
    "accuracy-only": lambda: make_run(recipes=BOTH, device=None, threads=0),
}


def view_of(run: Run):  # noqa: ANN201  # a test helper
    return build_view(run.record, run.samples, run.predictions, verdict_of(run))


@pytest.mark.parametrize("name", RUNS)
def test_text(name: str, golden: Callable[[str, str], None]) -> None:
    """The whole report, reviewed as a diff whenever a word of it changes."""
    golden(f"{name}.txt", as_text(view_of(RUNS[name]())))


def test_markdown(golden: Callable[[str, str], None]) -> None:
    """The same view for job summaries."""
    golden("pixel-4.md", as_markdown(view_of(RUNS["pixel-4"]())))


@pytest.mark.parametrize("name", RUNS)
def test_where_comes_first_and_the_verdict_second(name: str) -> None:
    """A reader who stops after two sentences must not take the host for a phone."""
    run = RUNS[name]()
    lines = as_text(view_of(run)).splitlines()
    kind = run.record.device.kind if run.record.device else None
    assert ("not a phone" in lines[0]) == (kind in ("host", "virtual_phone", "emulator"))
    assert lines[1].startswith("Verdict: ")
    assert ("The run did not end." in lines[0]) == (run.record.ended_at is None)


@pytest.mark.parametrize("name", RUNS)
def test_no_nan_is_printed_and_every_doubt_is(name: str) -> None:
    """What is not known is said in words."""
    run = RUNS[name]()
    text = as_text(view_of(run))
    assert "nan" not in text.lower().replace("tenant", "")
    flat = " ".join(text.split())
    for doubt in run.record.doubts:
        assert doubt.text in flat
    timed = {one.recipe for one in (*run.record.launches, *run.record.parities)}
    evaluated = {accuracy.recipe for accuracy in run.record.accuracies}
    for claim in verdict_of(run).claims:
        for reason in claim.reasons if claim.recipe in (timed if claim.unit == "ms" else evaluated) else ():
            assert " ".join(reason.split()) in flat


def test_three_recipes_of_the_longest_name_fit_in_100_columns() -> None:
    """Tables that a terminal breaks cannot be read; wrapped are sentences only."""
    recipes = ("dynamic_int8_per_tensor", "dynamic_int8", "float32")
    runs = [make_run(recipes=recipes, inferences=400), make_run(recipes=recipes, median_ms=180.0, launches=4)]
    for run in (*runs, *(make() for make in RUNS.values())):
        assert [line for line in as_text(view_of(run)).splitlines() if len(line) > WIDTH] == []


@pytest.mark.parametrize(("slow", "words"), [(1, "in 1 launch the first"), (3, "in 3 launches the first")])
def test_slow_starts_are_counted_in_english(slow: int, words: str) -> None:
    """One launch is no launches."""
    assert words in as_text(view_of(slow_start(make_run(), slow)))


def test_a_reference_says_under_its_table_that_its_model_was_not_run() -> None:
    """84.3 is met, and "reproduced" beside it must not be read as of the w/o-OPT model."""
    run = make_run(accuracy=0.86)
    assert row(run, "mnli-m-without-opt").status == "reproduced"
    text = " ".join(as_text(view_of(run)).split())
    assert "not in the verdict. The figure of another model (w/o OPT" in text
    assert "which was not run here; public verdicts quote it for MobileBERT." in text


@pytest.mark.parametrize(
    ("marks", "text"), [([], ""), ([4], "4"), ([2, 1], "1 2"), ([3, 1, 2, 7, 9, 8, 12], "1-3 7-9 12")]
)
def test_footnotes_are_short(marks: list[int], text: str) -> None:
    """Seven numbers in a cell are a row that does not fit."""
    assert spans(marks) == text


def test_nothing_rounds_to_minus_zero() -> None:
    """An interval that begins at -0.00 looks like a defect."""
    shown = quantity(
        Estimate(value=-1e-9, interval=Interval(low=-2e-9, high=1e-9, level=0.9), n=9), "points", 2, 100
    )
    assert str(shown) == "0.00 points [0.00, 0.00]"


def test_a_devices_words_are_not_markup() -> None:
    """A model name is the device's own text, and lands in other people's pages."""
    run = make_run(device=dataclasses.replace(PIXEL_4, model="<img src=x>|`a`"))
    text = as_markdown(view_of(run))
    assert "\\<img src=x>\\|\\`a\\`" in text
    assert " <img" not in text
