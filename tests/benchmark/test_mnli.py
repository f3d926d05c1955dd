"""Pairs: every row arrives, every defect is named, slices are fair."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmark.mnli import LABELS, PairTable, read_pairs, take
from results.errors import LabelsError, PairsError

HEADER = "index\tsentence1\tsentence2\tgold_label\n"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def _write(content: str | bytes) -> Path:
        path = tmp_path / "pairs.tsv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


@pytest.fixture(scope="session")
def mnli() -> Path:
    path = Path(os.environ.get("MOBILEBERT_BENCH_DATA") or "data") / "mnli_dev_matched.tsv"
    if not path.is_file():
        pytest.skip("the MNLI pairs are not at hand (MOBILEBERT_BENCH_DATA)")
    return path


def test_all_mnli_rows_arrive(mnli: Path) -> None:
    """339 rows hold a double quote; a quoting reader silently loses 101 rows of 9,815."""
    table = read_pairs(mnli, origin="test")
    assert (len(table.frame), table.rows_total, table.kind) == (9815, 9815, "mnli_matched_dev")
    assert table.frame["label"].value_counts().to_dict() == {
        "entailment": 3479,
        "contradiction": 3213,
        "neutral": 3123,
    }


def test_mnli_is_recognized_in_another_form(mnli: Path, tmp_path: Path) -> None:
    """GLUE's own file has more columns, another column order and CRLF; it is the same set all the same."""
    rows = [line.split("\t") for line in mnli.read_text().splitlines()[1:]]
    lines = ["index\tgenre\tsentence1\tsentence2\tlabel1\tgold_label"]
    lines += [f"{i}\tfiction\t {a}\t{b} \t{label}\t{label}" for i, a, b, label in reversed(rows)]
    path = tmp_path / "dev_matched.tsv"
    path.write_text("\r\n".join(lines) + "\r\n", newline="")
    assert read_pairs(path, origin="test").kind == "mnli_matched_dev"


def test_a_changed_label_is_no_longer_mnli(mnli: Path, tmp_path: Path) -> None:
    """An edited copy must not be judged against the paper as if it were MNLI."""
    text = mnli.read_text().replace("\tneutral\n", "\tentailment\n", 1)
    path = tmp_path / "edited.tsv"
    path.write_text(text)
    assert read_pairs(path, origin="test").kind == "other"


def test_quotes_survive(write: Callable[[str], Path]) -> None:
    """A lone double quote at the start of a field is text, not the start of a quoted field."""
    table = read_pairs(write(HEADER + '0\t"Well\tno "end\tneutral\n1\ta\tb\tentailment\n'), origin="test")
    assert table.frame["premise"].tolist() == ['"Well', "a"]


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("", PairsError, "is empty"),
        (HEADER, PairsError, "no pairs"),
        ("id\ttext\n1\ta\n", PairsError, "no column index, sentence1, sentence2, gold_label"),
        (HEADER + "0\ta\tb\tneutral\n1\ta\n", PairsError, "line 3: 2 fields where the header has 4"),
        (HEADER + "0\ta\tb\tneutral\n0\tc\td\tneutral\n", PairsError, "index 0 stands in more than one row"),
        (HEADER + "0\ta\t \tneutral\n", PairsError, "index 0 has an empty sentence"),
        (HEADER + "x\ta\tb\tneutral\n", PairsError, "column index"),
        (HEADER + "-1\ta\tb\tneutral\n", PairsError, "negative index"),
        (HEADER + "0\ta\tb\t-\n", LabelsError, "index 0 has '-'"),
        (HEADER + "0\ta\tb\tmaybe\n", LabelsError, "index 0 has 'maybe'"),
        (HEADER.encode() + b"0\ta\xff\tb\tneutral\n", PairsError, "line 2: not UTF-8"),
        (b"PAR1 not parquet", PairsError, "is not MNLI's parquet"),
    ],
)
def test_defects_are_named(
    write: Callable[[str | bytes], Path], content: str | bytes, error: type[Exception], words: str
) -> None:
    """Each bad file gives one error that says where and what."""
    with pytest.raises(error, match=words):
        read_pairs(write(content), origin="test")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """A typing mistake in --pairs names the path."""
    with pytest.raises(PairsError, match=r"nowhere\.tsv cannot be read: No such file"):
        read_pairs(tmp_path / "nowhere.tsv", origin="test")


def _parquet(path: Path, names: list[str] | None) -> Path:
    table = pa.Table.from_pandas(
        pd.DataFrame({"premise": ["a", "b"], "hypothesis": ["c", "d"], "label": [2, 0], "idx": [0, 1]})
    )
    if names is not None:
        info = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, path)
    return path


def test_parquet_labels_go_by_name(tmp_path: Path) -> None:
    """The number 2 means what the file's own schema says, not what MNLI usually says."""
    path = _parquet(tmp_path / "a.parquet", ["neutral", "entailment", "contradiction"])
    assert read_pairs(path, origin="test").frame["label"].tolist() == ["contradiction", "neutral"]


def test_parquet_without_label_names_is_refused(tmp_path: Path) -> None:
    """Without names a number could mean anything."""
    with pytest.raises(PairsError, match="is not MNLI's parquet"):
        read_pairs(_parquet(tmp_path / "a.parquet", None), origin="test")


def _table(counts: dict[str, int]) -> PairTable:
    labels = [label for label, count in counts.items() for _ in range(count)]
    frame = pd.DataFrame({"row": range(len(labels)), "premise": "a", "hypothesis": "b", "label": labels})
    return PairTable(kind="other", name="t", origin="t", sha256="", rows_total=len(labels), frame=frame)


def test_slices_keep_label_shares_and_file_order() -> None:
    """A slice is stratified to the nearest row, in file order, and says how large the whole is."""
    table = take(_table(dict(zip(LABELS, (500, 300, 200), strict=True))), 100, seed=1)
    assert table.frame["label"].value_counts().to_dict() == dict(zip(LABELS, (50, 30, 20), strict=True))
    assert table.frame["row"].is_monotonic_increasing
    assert table.rows_total == 1000


def test_slices_are_seeded_and_not_the_first_rows() -> None:
    """The same seed gives the same rows, another seed others."""
    whole = _table(dict.fromkeys(LABELS, 100))
    first, again, other = (take(whole, 30, seed=seed).frame["row"].tolist() for seed in (1, 1, 2))
    assert first == again != other
    assert first != list(range(30))


@pytest.mark.parametrize("rows", [1, 2, 29, 31, 299])
def test_slices_have_the_size_asked_for(rows: int) -> None:
    """Rounding of shares never loses or adds a row."""
    assert (
        len(take(_table({"entailment": 99, "neutral": 101, "contradiction": 100}), rows, seed=3).frame)
        == rows
    )


def test_a_slice_larger_than_the_set_is_refused() -> None:
    """Never fewer pairs than asked for, without a word."""
    with pytest.raises(PairsError, match="a slice of 400 pairs was asked for"):
        take(_table(dict.fromkeys(LABELS, 100)), 400, seed=1)
