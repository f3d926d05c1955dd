"""flips-RECIPE.csv: every pair that quantizing flips, in one file beside the report."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np

from results.flips import HEADER, flips_of, write_flips
from results.recompute import conclude
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
