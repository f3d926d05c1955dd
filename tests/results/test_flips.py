"""flips-RECIPE.csv: every pair that quantizing flips, in one file beside the report."""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np

from results.flips import HEADER, flips_of, write_flips
from results.recompute import conclude
from results.report.flips import flips_tables
from results.store import RunStore
from tests.results.make_run import MNLI, make_run
from tests.results.test_reference_runs import SLICE

BOTH = ("float32", "dynamic_int8")


def test_the_file_has_every_flip_and_the_run_writes_it(tmp_path: Path) -> None:
    """The report shows fifty; who asks "which pairs?" needs all of them."""
    run = make_run(recipes=BOTH, flips=(40, 60), pairs=MNLI)
    store = RunStore.create(tmp_path)
    run.save(store)
    view = conclude(store).view
    assert "flips-dynamic_int8.csv" in view.files
    assert "flips-float32.csv" not in view.files
    text = (store.folder / "flips-dynamic_int8.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert tuple(rows[0]) == HEADER
    assert Counter(row["kind"] for row in rows) == {"lost": 60, "won": 40}
    mine, theirs = run.predictions["dynamic_int8"], run.predictions["float32"]
    assert sorted(int(row["row"]) for row in rows) == mine.row[mine.predicted != theirs.predicted].tolist()
    assert all(row["float32"] == row["label"] != row["recipe"] for row in rows if row["kind"] == "lost")


def test_what_matters_most_comes_first() -> None:
    """Lost pairs, then those wrong either way, then won ones, each by row, with float32's own lead."""
    run = make_run(recipes=BOTH, flips=(40, 60), pairs=MNLI)
    theirs = run.predictions["float32"]
    (flips,) = flips_of(run.record, run.predictions)
    rows = list(csv.DictReader(write_flips(flips).decode().splitlines()))
    order = [(("lost", "changed", "won").index(row["kind"]), int(row["row"])) for row in rows]
    assert order == sorted(order)
    at = {int(row): place for place, row in enumerate(theirs.row)}
    for row in rows:
        logits = np.sort(theirs.logits[at[int(row["row"])]].astype(np.float32))
        assert float(row["float32_lead"]) == float(f"{logits[-1] - logits[-2]:.6g}")


def test_the_file_is_the_same_a_second_time(tmp_path: Path) -> None:
    """It is made from the record alone."""
    store = RunStore.create(tmp_path)
    make_run(recipes=BOTH, pairs=SLICE).save(store)
    conclude(store)
    first = (store.folder / "flips-dynamic_int8.csv").read_bytes()
    conclude(store)
    assert (store.folder / "flips-dynamic_int8.csv").read_bytes() == first


def test_no_flip_is_a_header_alone() -> None:
    """An empty file looks like one that was cut."""
    run = make_run(recipes=BOTH, flips=(0, 0))
    (flips,) = flips_of(run.record, run.predictions)
    assert write_flips(flips).decode() == ",".join(HEADER) + "\n"
    assert np.array_equal(flips.places, [])


def test_leads_of_near_ties_have_three_digits() -> None:
    """Pairs flip where two logits are nearly equal: 0.00 is no lead."""
    run = make_run(recipes=BOTH, flips=(0, 3))
    held = run.predictions
    theirs = held["float32"]
    (flips,) = flips_of(run.record, held)
    logits = theirs.logits.copy()
    for at, lead in zip(flips.places.tolist(), (0.0123456, 0.00456789, 0.0000125), strict=True):
        logits[at] = 0.0
        logits[at, theirs.predicted[at]] = lead
    changed = {**held, "float32": dataclasses.replace(theirs, logits=logits)}
    (table,) = flips_tables(run.record, changed)
    assert [row[-1] for row in table.rows] == ["0.0123", "0.00457", "0.0000125"]
    assert "median 0.00457 logits on these, 1 on all pairs" in table.lines[-1]
