"""MNLI is known by its content whatever its form; slices of any set are fair."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from benchmark.pairs.read import read_pairs
from benchmark.pairs.table import LABELS, PairTable, take
from results.errors import PairsError
from tests.benchmark.pair_files import Pair, comma, json_lines, parquet, tsv


def _data(name: str) -> Path:
    path = Path(os.environ.get("MOBILEBERT_BENCH_DATA") or "data") / name
    if not path.is_file():
        pytest.skip("the MNLI pairs are not at hand (MOBILEBERT_BENCH_DATA)")
    return path


@pytest.fixture(scope="session")
def mnli() -> Path:
    return _data("mnli_dev_matched.tsv")


def test_all_mnli_rows_arrive(mnli: Path) -> None:
    """339 rows hold a double quote; a quoting reader silently loses 101 rows of 9,815."""
    table = read_pairs(mnli, origin="test")
    assert (len(table.frame), table.rows_total, table.kind) == (9815, 9815, "mnli_matched_dev")
    assert (table.form, table.left_out, table.answers) == ("four-columns", (), {})
    assert table.frame["label"].value_counts().to_dict() == {
        "entailment": 3479,
        "contradiction": 3213,
        "neutral": 3123,
    }


def _pairs(path: Path) -> tuple[Pair, ...]:
    lines = path.read_text().splitlines()[1:]
    return tuple((a, b, label) for _, a, b, label in (line.split("\t") for line in lines))


_UNDECIDED: Pair = ("Nobody agreed on this.", "Somebody did.", "-")
_FORMS: dict[str, Callable[[Path, tuple[Pair, ...]], object]] = {
    "glue": lambda path, pairs: path.write_text(tsv("glue", pairs).replace("\n", "\r\n"), newline=""),
    "four-columns": lambda path, pairs: path.write_text(comma("four-columns", pairs)),
    "multinli": lambda path, pairs: path.write_text(json_lines("multinli", (_UNDECIDED, *pairs))),
    "hub-glue": lambda path, pairs: parquet(path, pairs, more={"idx": list(range(len(pairs)))}),
}


@pytest.mark.parametrize("form", _FORMS)
def test_mnli_is_recognized_in_every_form(mnli: Path, tmp_path: Path, form: str) -> None:
    """The same set as GLUE's TSV with CRLF, as CSV, as its authors' JSON lines, as the hub's parquet."""
    path = tmp_path / "pairs"
    _FORMS[form](path, tuple(reversed(_pairs(mnli))))
    began = time.monotonic()
    table = read_pairs(path, origin="test")
    assert time.monotonic() - began < 2  # a quarter of a second on an idle machine
    assert (table.kind, table.form, table.rows_total) == ("mnli_matched_dev", form, 9815)


def test_a_changed_label_is_no_longer_mnli(mnli: Path, tmp_path: Path) -> None:
    """An edited copy must not be judged against the paper as if it were MNLI."""
    text = mnli.read_text().replace("\tneutral\n", "\tentailment\n", 1)
    path = tmp_path / "edited.tsv"
    path.write_text(text)
    assert read_pairs(path, origin="test").kind == "other"


def test_a_left_out_row_is_no_longer_mnli(mnli: Path, tmp_path: Path) -> None:
    """9,814 of 9,815 rows are another set, even where the rule of the call allows to leave one out."""
    path = tmp_path / "one-less.tsv"
    path.write_text(mnli.read_text().replace("\tneutral\n", "\tneural\n", 1))
    table = read_pairs(path, origin="test", skip=("unknown-label",))
    assert (table.kind, table.rows_total, table.left_out[0].rows) == ("other", 9814, 1)


def test_words_of_another_script_are_no_longer_mnli(mnli: Path, tmp_path: Path) -> None:
    """Every letter counts, not those of the Latin alphabet alone; accents, which copies lose, do not."""
    lines = mnli.read_text().splitlines()
    lines[5] = lines[5].replace("\t", "\t\u6f22 ", 1)
    path = tmp_path / "edited.tsv"
    path.write_text("\n".join(lines))
    assert read_pairs(path, origin="test").kind == "other"
    path.write_text(mnli.read_text().replace("\u00e9", "e\u0301"))
    assert read_pairs(path, origin="test").kind == "mnli_matched_dev"


@pytest.mark.parametrize("name", ["mnli_dev_mismatched_1000_tokenized.tsv", "snli_1000_tokenized.tsv"])
def test_other_public_sets_pass_the_same_door(name: str) -> None:
    """Whole, and never under the name of a set that they are a part of."""
    table = read_pairs(_data(name), origin="test")
    assert (table.kind, table.rows_total, table.left_out) == ("other", 1000, ())
    assert name in table.name


def _table(counts: dict[str, int], answers: dict[str, str] | None = None) -> PairTable:
    labels = [label for label, count in counts.items() for _ in range(count)]
    frame = pd.DataFrame({"row": range(len(labels)), "premise": "a", "hypothesis": "b", "label": labels})
    return PairTable(
        kind="other",
        name="t",
        origin="t",
        sha256="",
        rows_total=len(labels),
        frame=frame,
        answers=answers or {},
    )


def test_slices_keep_label_shares_and_file_order() -> None:
    """A slice is stratified to the nearest row, in file order, and says how large the whole is."""
    table = take(_table(dict(zip(LABELS, (500, 300, 200), strict=True))), 100, seed=1)
    assert table.frame["label"].value_counts().to_dict() == dict(zip(LABELS, (50, 30, 20), strict=True))
    assert table.frame["row"].is_monotonic_increasing
    assert table.rows_total == 1000


def test_slices_of_two_answers_keep_their_shares() -> None:
    """A set such as HANS has no label "neutral" to draw from."""
    answers = {"entailment": "yes", "neutral": "no", "contradiction": "no"}
    table = take(_table({"yes": 90, "no": 10}, answers), 20, seed=1)
    assert table.frame["label"].value_counts().to_dict() == {"yes": 18, "no": 2}


def test_slices_are_seeded_and_not_the_first_rows() -> None:
    """The same seed gives the same rows, another seed others."""
    whole = _table(dict.fromkeys(LABELS, 100))
    first, again, other = (take(whole, 30, seed=seed).frame["row"].tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert first != list(range(30))


@pytest.mark.parametrize("rows", [1, 2, 29, 31, 299])
def test_slices_have_the_size_asked_for(rows: int) -> None:
    """Rounding of shares never loses or adds a row."""
    whole = _table({"entailment": 99, "neutral": 101, "contradiction": 100})
    assert len(take(whole, rows, seed=3).frame) == rows


def test_a_slice_larger_than_the_set_is_refused() -> None:
    """Never fewer pairs than asked for, without a word."""
    with pytest.raises(PairsError, match="a slice of 400 pairs was asked for"):
        take(_table(dict.fromkeys(LABELS, 100)), 400, seed=1)
