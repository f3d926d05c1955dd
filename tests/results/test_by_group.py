"""Accuracy by label and length: every pair in one band, and many looks that find nothing by chance."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from results.by_group import group_accuracies
from results.paired import mcnemar
from results.record import Signature
from results.report.by_group import groups_table
from tests.results.make_run import LABELS, Run, make_run

BOTH = ("float32", "dynamic_int8")


@pytest.fixture(scope="module")
def run() -> Run:
    return make_run(recipes=BOTH, flips=(20, 60))


def test_labels_come_first_and_each_half_holds_every_pair(run: Run) -> None:
    """A pair in no band, or in two, would be a difference that is not there."""
    groups = group_accuracies(run.record, run.predictions, "dynamic_int8")
    assert [one.name for one in groups[:3]] == list(LABELS)
    assert sum(one.rows for one in groups[:3]) == sum(one.rows for one in groups[3:]) == 9815
    lost = sum(one.paired.only_b for one in groups[3:] if one.paired is not None)
    won = sum(one.paired.only_a for one in groups[3:] if one.paired is not None)
    assert (lost, won) == (60, 20)


def test_one_signature_gives_quartiles(run: Run) -> None:
    """Bands of a length that no row has would say nothing."""
    groups = group_accuracies(run.record, run.predictions, "dynamic_int8")[3:]
    assert [one.name for one in groups] == ["12-34 tokens", "35-56 tokens", "57-79 tokens", "80-101 tokens"]


def test_several_signatures_are_the_bands(run: Run) -> None:
    """What runs by one signature is looked at together; a band without a row is left out."""
    signatures = tuple(Signature(key=f"s{length}", length=length) for length in (8, 32, 64, 128))
    longer = run.each_artifact(signatures=signatures)
    groups = group_accuracies(longer.record, longer.predictions, "dynamic_int8")[3:]
    assert [one.name for one in groups] == ["12-32 tokens", "33-64 tokens", "65-128 tokens"]
    tokens = run.predictions["dynamic_int8"].tokens
    assert [one.rows for one in groups] == [int(n) for n in np.histogram(tokens, (12, 33, 65, 129))[0]]


def test_p_is_corrected_for_all_groups(run: Run) -> None:
    """Seven looks at 5 % find something in three runs of ten where nothing is."""
    groups = group_accuracies(run.record, run.predictions, "dynamic_int8")
    raw = sorted(mcnemar(one.paired.only_a, one.paired.only_b) for one in groups if one.paired is not None)
    found = sorted(one.p for one in groups if one.p is not None)
    assert found[:2] == pytest.approx([len(groups) * raw[0], (len(groups) - 1) * raw[1]])


def test_without_float32_there_is_accuracy_alone(run: Run) -> None:
    """Lost against what?"""
    alone = dataclasses.replace(
        run.record, accuracies=tuple(a for a in run.record.accuracies if a.recipe == "dynamic_int8")
    )
    groups = group_accuracies(alone, run.predictions, "dynamic_int8")
    assert {(one.float32, one.paired, one.p) for one in groups} == {(None, None, None)}
    table = groups_table(alone, "dynamic_int8", groups)
    assert table is not None
    assert table.columns == ("group", "pairs", "accuracy")
    assert table.lines == ()


def test_the_note_says_what_the_differences_interval_is(run: Run) -> None:
    """The title names Wilson's interval, which a difference has not."""
    table = groups_table(
        run.record, "dynamic_int8", group_accuracies(run.record, run.predictions, "dynamic_int8")
    )
    assert table is not None
    assert "Wilson 95 %" in table.title
    assert (
        "A difference's interval is exact and unconditional (95 %), McNemar's test conditional"
        in table.lines[0]
    )


def test_what_was_not_evaluated_has_no_groups(run: Run) -> None:
    """A table without rows looks like one that was forgotten."""
    assert group_accuracies(run.record, run.predictions, "float16") == ()
    assert groups_table(run.record, "float16", ()) is None
