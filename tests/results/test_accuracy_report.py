"""What a report says of accuracy: both targets, what would be seen, what was left out, and who evaluated."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest

from results.accuracy import summarize_accuracy
from results.claims import load_claims
from results.evaluated import LeftOut, ReferenceRuns
from results.report.accuracy import accuracy_table, evaluation_table
from results.report.forms.bencher import as_bencher
from results.report.forms.loaded import Loaded
from results.report.model import View
from results.report.text import WIDTH, as_text
from results.report.view import build_view
from results.verdict import judge
from tests.results.make_run import EXAMPLE, MNLI, Run, make_run

BOTH = ("float32", "dynamic_int8")
SLICE = dataclasses.replace(
    MNLI,
    rows_used=500,
    truncated_rows=1,
    left_out=(
        LeftOut(fault="missing-label", rows=185, first=("line 34", "line 69", "line 100")),
        LeftOut(fault="not-utf8", rows=1, first=("line 12",)),
    ),
    tokens=19_600,
    unknown_tokens=7,
)


def sliced() -> Run:
    """A slice, evaluated on a cluster of two kinds of machines, beside another model's runs."""
    run = make_run(recipes=BOTH, device=None, pairs=SLICE, flips=(1, 4)).settings(interval="clopper-pearson")
    float32, int8 = run.record.accuracies
    shared = {"engine": "dask", "workers": 8, "processors": ("Cortex-A78", "Xeon 8370C")}
    return run.change(
        accuracies=(
            dataclasses.replace(float32, **shared, peak_rss_bytes=312_000_000, kept_rows=128),
            dataclasses.replace(int8, **shared, peak_rss_bytes=181_000_000, length_policy="shortest"),
        ),
        reference_runs=ReferenceRuns(name="runs.tsv", sha256="f" * 64, accuracies=(0.8367, 0.8434, 0.8477)),
    )


def view_of(run: Run) -> View:
    verdict = judge(run.record, run.samples, run.predictions, load_claims())
    return build_view(run.record, run.samples, run.predictions, verdict, load_claims())


def lines_of(run: Run) -> str:
    summaries = [
        one
        for accuracy in run.record.accuracies
        if (one := summarize_accuracy(run.record, run.predictions, accuracy.recipe)) is not None
    ]
    table = accuracy_table(run.record, summaries)
    assert table is not None
    return "\n".join(table.lines)


def test_a_slice_with_everything(golden: Callable[[str, str], None]) -> None:
    """Read the golden as someone who was not there: nothing is left out in silence."""
    text = as_text(view_of(sliced()))
    assert [line for line in text.splitlines() if len(line) > WIDTH] == []
    golden("accuracy-slice.txt", text)


@pytest.mark.parametrize(
    ("flips", "used", "words"),
    [
        ((1, 4), 500, "evaluate 8100 of the set's 9815 pairs to decide the floor"),
        ((0, 0), 200, "pairs to decide the floor"),
        ((0, 0), 9815, None),
        ((25, 110), 9815, "which this set does not have"),
        ((5, 25), 3000, "evaluate 5600 of the set"),
    ],
)
def test_an_undecided_floor_comes_with_advice(flips: tuple[int, int], used: int, words: str | None) -> None:
    """How many pairs decide it, or that this set cannot; and nothing where it is decided."""
    pairs = dataclasses.replace(MNLI, rows_used=used)
    lines = lines_of(make_run(recipes=BOTH, device=None, pairs=pairs, flips=flips))
    if words is None:
        assert "to decide" not in lines
    else:
        assert words in lines


def test_a_floor_that_lies_on_the_bound_has_no_advice_of_numbers() -> None:
    """One point lost, to the pair: any number of pairs may fall to either side."""
    pairs = dataclasses.replace(MNLI, rows_used=1000)
    lines = lines_of(make_run(recipes=BOTH, device=None, pairs=pairs, flips=(0, 10)))
    assert "which no number of pairs would decide" in lines


def test_few_pairs_show_no_drop() -> None:
    """Five pairs: even all of them lost is p = 0.06."""
    pairs = dataclasses.replace(EXAMPLE, rows_used=5, rows_total=5)
    assert "5 pairs would show no drop at all" in lines_of(make_run(recipes=BOTH, pairs=pairs, flips=(0, 0)))


def test_fewer_answers_than_labels_are_said() -> None:
    """An accuracy of two answers is not one of three labels."""
    answers = {
        "entailment": "entailment",
        "neutral": "non-entailment",
        "contradiction": "non-entailment",
    }
    run = make_run(pairs=dataclasses.replace(MNLI, kind="other", answers=answers))
    assert "neutral is non-entailment, contradiction is non-entailment" in lines_of(run)


def test_rows_that_were_kept_do_not_make_an_evaluation_fast() -> None:
    """500 pairs in 40 s, of which 128 were there before: 9.3 a second, not 12.5."""
    table = evaluation_table(sliced().record)
    assert table is not None
    assert [row[2:] for row in table.rows] == [
        ("9.3/s", "312 MB", "128 of 500"),
        ("12.5/s", "181 MB", "0 of 500"),
    ]


def test_one_kind_of_processor_is_no_doubt() -> None:
    """A doubt that always stands there is read by nobody."""
    run = make_run()
    (one,) = run.record.accuracies
    table = evaluation_table(
        run.change(accuracies=(dataclasses.replace(one, processors=("Xeon 8370C",)),)).record
    )
    assert table is not None
    assert not any("several processors" in line for line in table.lines)
    assert evaluation_table(make_run(accuracy=None).record) is None


def test_forms_have_the_interval_that_was_asked_for() -> None:
    """A dashboard's limits and the report's are the same."""
    run = sliced()
    summary = summarize_accuracy(run.record, run.predictions, "float32")
    assert summary is not None
    assert summary.accuracy.interval is not None
    verdict, claims = judge(run.record, {}, run.predictions, load_claims()), load_claims()
    loaded = Loaded(
        record=run.record, samples={}, predictions=run.predictions, verdict=verdict, claims=claims
    )
    made = json.loads(as_bencher(loaded))
    (of_float32,) = (one["accuracy"] for key, one in made.items() if "float32" in key)
    assert of_float32["lower_value"] == round(summary.accuracy.interval.low, 6)
