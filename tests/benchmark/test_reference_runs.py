"""The file of another model's runs: the published one, and every way in which one may be wrong."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmark.reference_runs import MOST_RUNS, read_reference_runs
from results.errors import DataError

GOOD = b"run\taccuracy\n0\t0.8456444\n1\t0.8436067\n"
DATA = os.environ.get("MOBILEBERT_BENCH_DATA")


def refused(tmp_path: Path, raw: bytes) -> DataError:
    path = tmp_path / "runs.tsv"
    path.write_bytes(raw)
    with pytest.raises(DataError) as caught:
        read_reference_runs(path)
    assert str(path) in caught.value.what
    return caught.value


def test_a_good_file(tmp_path: Path) -> None:
    """In the file's order, with its hash; a byte order mark, CRLF and other columns are no fault."""
    path = tmp_path / "runs.tsv"
    path.write_bytes(GOOD)
    runs = read_reference_runs(path)
    assert (runs.name, runs.accuracies, len(runs.sha256)) == ("runs.tsv", (0.8456444, 0.8436067), 64)
    path.write_bytes(b"\xef\xbb\xbfseed\taccuracy\trun\r\n7\t0.8456444\ta\r\n8\t0.8436067\tb\r\n")
    assert read_reference_runs(path).accuracies == runs.accuracies


@pytest.mark.parametrize("end", [b"\n", b"\r\n\r\n", b"  \n", b"\n \n\n"])
def test_blank_lines_at_the_end_are_no_rows(tmp_path: Path, end: bytes) -> None:
    """Editors leave them, and pairs files may have them too."""
    path = tmp_path / "runs.tsv"
    path.write_bytes(GOOD + end)
    assert read_reference_runs(path).accuracies == (0.8456444, 0.8436067)
    assert "line 3: 0 fields" in refused(tmp_path, GOOD.replace(b"\n1", b"\n\n1")).what


@pytest.mark.skipif(not DATA, reason="MOBILEBERT_BENCH_DATA names no folder with the published runs")
def test_the_published_runs() -> None:
    """McCoy, Min, Linzen 2020: 100 runs of BERT_BASE, mean 0.8434, least 0.8367, greatest 0.8477."""
    runs = read_reference_runs(Path(DATA or "") / "bert_base_100runs_mnli_dev_matched_accuracy.tsv")
    values = np.array(runs.accuracies)
    figures = (values.size, values.mean(), values.min(), values.max())
    assert figures == pytest.approx((100, 0.8434, 0.8367, 0.8477), abs=5e-5)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"", "has not one column run and one accuracy"),
        (b"run\tacc\n0\t0.8\n1\t0.8\n", "has not one column accuracy"),
        (b"run,accuracy\n0,0.8\n1,0.8\n", "has not one column run and one accuracy"),
        (b"run\taccuracy\taccuracy\n0\t0.8\t0.8\n", "has not one column accuracy"),
        (b"run\taccuracy\n0\t0.8\n1\n", "line 3: 1 field where the header has 2"),
        (b"run\taccuracy\n0\t0.8\n0\t0.8\n", "line 3: run '0' stands twice"),
        (b"run\taccuracy\n0\t0.8\n1\tgood\n", "line 3: accuracy 'good' is not a share"),
        (b"run\taccuracy\n0\tnan\n1\t0.8\n", "line 2: accuracy 'nan' is not a share"),
        (b"run\taccuracy\n0\t-0.1\n1\t0.8\n", "line 2: accuracy '-0.1' is not a share"),
        (b"run\taccuracy\n0\t0.8\n\xff\t0.8\n", "line 3: not UTF-8"),
        (b"run\taccuracy\n0\t0.8\n", "has 1 run"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(tmp_path: Path, raw: bytes, words: str) -> None:
    """A run left out in silence moves the mean that others are held against."""
    assert words in refused(tmp_path, raw).what


def test_percent_is_refused_not_guessed(tmp_path: Path) -> None:
    """0.9 in a file of percent would be 90 % or 0.9 %."""
    assert "divide them by 100" in refused(tmp_path, b"run\taccuracy\n0\t84.3\n1\t84.1\n").next_step


def test_too_many_runs_are_refused(tmp_path: Path) -> None:
    """All of them go into the record, which is small."""
    lines = "".join(f"{run}\t0.8\n" for run in range(MOST_RUNS + 1))
    assert f"has {MOST_RUNS + 1} runs" in refused(tmp_path, f"run\taccuracy\n{lines}".encode()).what


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """Before anything is exported or evaluated."""
    with pytest.raises(DataError, match=r"gone\.tsv: cannot be read"):
        read_reference_runs(tmp_path / "gone.tsv")


def test_what_a_file_says_is_plain_in_the_message(tmp_path: Path) -> None:
    """Escape sequences in a header end on a terminal."""
    assert "\x1b" not in refused(tmp_path, b"\x1b[31mrun\taccuracy\n").render()
