"""What a report says of accuracy: both targets, what would be seen, what was left out, and who evaluated."""

from __future__ import annotations

import dataclasses
import io
import json
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from benchmark.terminal import rendered
from results.accuracy import summarize_accuracy
from results.claims import load_claims
from results.evaluated import LeftOut, ReferenceRuns
from results.record import Signature
from results.report.accuracy import accuracy_table, evaluation_table
from results.report.forms.bencher import as_bencher
from results.report.forms.junit import as_junit
from results.report.forms.loaded import Loaded
from results.report.markdown import as_markdown
from results.report.model import View
from results.report.page.html import as_html
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
        ((1, 4), 500, "evaluate at most 8500 of the set's 9815 pairs to decide the floor"),
        ((0, 0), 200, "pairs to decide the floor"),
        ((0, 0), 9815, None),
        ((25, 110), 9815, "which this set does not have"),
        ((5, 25), 3000, "evaluate 6500 of the set"),
        ((0, 0), 8, "evaluate all of the set's 9815 pairs, which may not decide the floor: it takes at most"),
        (
            (20, 65),
            4000,
            "evaluate all of the set's 9815 pairs, which may not decide the floor: it takes about",
        ),
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


def test_a_drop_is_not_larger_than_the_share_that_makes_it() -> None:
    """Of pairs of which 2 % differ, nobody loses 3 %."""
    for flips, used in (((0, 1), 300), ((1, 4), 500), ((20, 30), 9815)):
        pairs = dataclasses.replace(MNLI, rows_used=used)
        (line,) = re.findall(
            r"a drop of ([\d.]+) points .* power 80 %, ([\d.]+) % of pairs",
            lines_of(make_run(recipes=BOTH, device=None, pairs=pairs, flips=flips)),
        )
        assert float(line[0]) <= float(line[1])


def test_an_interval_and_mcnemar_that_disagree_are_explained() -> None:
    """3 lost of 500 and none won: the interval excludes 0, p = 0.25, and both are right."""
    pairs = dataclasses.replace(MNLI, rows_used=500)
    lines = lines_of(make_run(recipes=BOTH, device=None, pairs=pairs, flips=(0, 3)))
    assert "[-1.54, -0.01] (exact 90 % interval)" in lines
    assert "McNemar p = 0.25" in lines
    assert "0 may lie outside of the one where the other's p shows nothing" in lines
    assert "unconditional" not in lines_of(make_run(device=None))


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
    assert (
        "The file knows fewer answers than the model has labels: neutral is non-entailment, contradiction is "
        "non-entailment." in lines_of(run)
    )


def test_answers_that_only_change_names_are_not_called_fewer() -> None:
    """Three answers for three labels, of which two change places."""
    answers = {"entailment": "entailment", "neutral": "contradiction", "contradiction": "neutral"}
    run = make_run(pairs=dataclasses.replace(MNLI, kind="other", answers=answers))
    lines = lines_of(run)
    assert "The file's answers: neutral is contradiction, contradiction is neutral." in lines
    assert "fewer answers" not in lines


def test_the_padding_rule_is_the_one_that_ran() -> None:
    """A pair of 48 tokens runs in 72: the signature is longer than the pair, and 128 is the last."""
    signatures = tuple(Signature(key=f"s{length}", length=length) for length in (48, 72, 128))
    run = make_run().each_artifact(signatures=signatures)
    (one,) = run.record.accuracies
    table = evaluation_table(
        run.change(accuracies=(dataclasses.replace(one, length_policy="shortest"),)).record
    )
    assert table is not None
    assert table.lines[0] == (
        "Pairs are padded to the shortest of lengths 48, 72, 128 that is longer than the pair (128 for those "
        "of 128)."
    )


def test_the_floors_stand_under_the_verdict_of_an_accuracy_run() -> None:
    """Who asks for accuracy alone asks for the floor; "not_comparable" is no answer to that."""
    for flips, status in (((20, 30), "met"), ((20, 220), "under"), ((20, 120), "undecided")):
        view = view_of(make_run(recipes=BOTH, device=None, flips=flips))
        floors = f"Floor: dynamic_int8 {status} (at most 1 point less accurate than float32)."
        assert view.floors == floors
        lines = as_text(view).splitlines()
        at = lines.index(floors)
        assert lines[at - 1].startswith(("Verdict: ", "  "))
        assert "" not in lines[:at]
        assert floors in as_html(view)
        assert floors.replace("_", "\\_") in as_markdown(view)
        assert floors in as_junit(view)
        shown = Console(width=120, file=io.StringIO())
        shown.print(rendered(view, 120))
        assert floors in shown.file.getvalue()
    assert view_of(make_run(recipes=BOTH)).floors == ""
    assert view_of(make_run(device=None)).floors == ""


def test_a_run_without_latency_has_another_title() -> None:
    """A list of tabs and test suites is read by its titles."""
    assert "<title>MobileBERT accuracy: undecided</title>" in as_html(view_of(make_run(device=None)))
    assert 'name="MobileBERT accuracy"' in as_junit(view_of(make_run(device=None)))
    assert view_of(make_run()).title == "MobileBERT on-device latency"


def test_a_cluster_is_not_this_machine() -> None:
    """The first line says where numbers come from."""
    assert view_of(sliced()).where == "Accuracy on a Dask cluster; no device, so no latency was measured."
    assert view_of(make_run(device=None)).where.startswith("Accuracy on this machine (host);")


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
