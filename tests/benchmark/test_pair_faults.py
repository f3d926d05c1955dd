"""Rows at fault: each kind counted and named, left out by a declared rule or refused, never silently."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmark.cli import call
from benchmark.config import Config
from benchmark.inputs import Prepared, prepare
from benchmark.pairs import parquet as parquet_reader
from benchmark.pairs.doubts import gold_doubts
from benchmark.pairs.faults import FAULTS
from benchmark.pairs.read import read_pairs
from results.errors import LabelsError, PairsError, VocabularyError
from results.evaluated import RowFault
from tests.benchmark.pair_files import HANS_PAIRS, PAIRS, Pair, comma, json_lines, parquet, tsv
from tests.benchmark.small import EXAMPLE

HEADER = b"index\tsentence1\tsentence2\tgold_label\n"
# One row of each fault, lines 2 to 13; line 14 is sound.
ROWS = (
    b"0\ta\tb\t-",
    b"1\ta\tb\t",
    b"2\ta\tb\tmaybe",
    b"3\t \t\xe2\x80\x8b\tneutral",
    b"4\ta\t \tneutral",
    b"5\ta\xff\tb\tneutral",
    b"6\ta\tb",
    b"",
    b"x\ta\tb\tneutral",
    b"-1\ta\tb\tneutral",
    b"8\ta\0\tb\tneutral",
    b"2\ta\tb\tneutral",
    b"9\tthe dog\tthe lake\tneutral",
)
FAULTY: dict[RowFault, list[int]] = {
    "missing-label": [2, 3],
    "unknown-label": [4],
    "empty-text": [5],
    "one-sided": [6],
    "not-utf8": [7],
    "malformed": [8, 9, 10, 11, 12],
    "duplicate-id": [13],
}


@pytest.fixture
def faulty(tmp_path: Path) -> Path:
    path = tmp_path / "pairs.tsv"
    path.write_bytes(HEADER + b"\n".join(ROWS) + b"\n")
    return path


def test_one_error_lists_every_fault(faulty: Path) -> None:
    """Who mends a file wants all that is wrong with it, where, and the way round."""
    with pytest.raises(PairsError) as caught:
        read_pairs(faulty, origin="test", skip=())
    assert "12 of 13 rows cannot be evaluated: 2 missing-label (line 2, line 3)" in caught.value.what
    for fault, lines in FAULTY.items():
        assert f"{len(lines)} {fault} (line {lines[0]}" in caught.value.what
    assert "(line 4: 'maybe')" in caught.value.what
    assert "line 8: 3 fields where the header has 4" in caught.value.what
    assert "line 10: index is 'x', no whole number from 0" in caught.value.what
    assert caught.value.next_step.endswith(f"--skip {','.join(FAULTS)}")


def test_what_is_skipped_is_counted_by_fault(faulty: Path) -> None:
    """Each row once, under the first fault it has in the declared order, with where the first ones are."""
    table = read_pairs(faulty, origin="test", skip=FAULTS)
    assert table.frame["row"].tolist() == [9]
    assert table.rows_total == 1
    left_out: dict[RowFault, tuple[str, ...]] = {one.fault: one.first for one in table.left_out}
    assert left_out == {fault: tuple(f"line {n}" for n in lines) for fault, lines in FAULTY.items()}
    assert sum(one.rows for one in table.left_out) == 12
    assert tuple(one.fault for one in table.left_out) == FAULTS


@pytest.mark.parametrize("fault", FAULTS)
def test_each_fault_alone_is_refused_unless_skipped(tmp_path: Path, fault: RowFault) -> None:
    """One row in a thousand is enough; what --skip does not name stays an error."""
    own = [ROWS[line - 2] for line in FAULTY[fault]]
    sound = [b"%d\tthe dog\tthe lake %d\tneutral" % (n, n) for n in range(100, 1100)]
    before = [b"2\tthe cat\tthe lake\tneutral"] if fault == "duplicate-id" else []
    path = tmp_path / "pairs.tsv"
    path.write_bytes(HEADER + b"\n".join([*before, *sound, *own, b"1100\tc\td\tneutral"]))
    others = tuple(one for one in FAULTS if one != fault)
    error = LabelsError if fault in ("missing-label", "unknown-label") else PairsError
    with pytest.raises(error, match=f"{len(own)} of .* rows cannot be evaluated: {len(own)} {fault}"):
        read_pairs(path, origin="test", skip=others)
    table = read_pairs(path, origin="test", skip=(fault,))
    assert (table.rows_total, [one.rows for one in table.left_out]) == (1001 + len(before), [len(own)])


def test_many_faults_are_counted_and_few_are_named(tmp_path: Path) -> None:
    """Five places of each; a hostile label is shortened and harmless."""
    label = "\x1b[31m" + "x" * 5000
    path = tmp_path / "pairs.jsonl"
    path.write_text(json_lines("snli", tuple(("a", f"b{n}", label) for n in range(50))))
    with pytest.raises(LabelsError, match=r"50 unknown-label .* and 45 more") as caught:
        read_pairs(path, origin="test")
    assert caught.value.what.isprintable()
    assert len(caught.value.what) < 500


def test_the_first_of_two_rows_with_one_id_stays(tmp_path: Path) -> None:
    """The later one is the fault; "07" and "7" are one number."""
    path = tmp_path / "pairs.tsv"
    path.write_bytes(HEADER + b"7\tone\tb\tneutral\n07\ttwo\tb\tneutral\n")
    table = read_pairs(path, origin="test", skip=("duplicate-id",))
    assert table.frame["premise"].tolist() == ["one"]
    text = json_lines("snli", PAIRS[:2]).replace("ex1", "ex0")
    path.write_text(text)
    with pytest.raises(PairsError, match=r"1 duplicate-id \(line 2 \(ex0\): pairID ex0 again\)"):
        read_pairs(path, origin="test")


JSON_FAULTS: dict[str, tuple[str, RowFault]] = {
    "[]": ("no JSON object", "malformed"),
    "{": ("no JSON: ", "malformed"),
    "": ("no JSON: Expecting value at character 1", "malformed"),
    '{"pairID": %s}' % ("9" * 5000): ("no JSON that can be read", "malformed"),
    "[" * 200_000: ("no JSON that can be read", "malformed"),
    '{"sentence1": "a"}': ("no field pairID", "malformed"),
    '{"sentence1": 7}': ("field sentence1 is no text", "malformed"),
    '{"gold_label": true}': ("field gold_label is no text", "malformed"),
    '{"pairID": "ex9", "gold_label": "neutral", "gold_label": "x"}': ("field gold_label twice", "malformed"),
    '{"gold_label": null}': ("", "missing-label"),
    '{"sentence2": null}': ("", "one-sided"),
    '{"sentence2": "\\ud800"}': ("", "not-utf8"),
    '{"sentence2": "%s"}' % ("b" * 100_001): ("a sentence of 100001 characters", "malformed"),
}


@pytest.mark.parametrize("line", JSON_FAULTS, ids=range(len(JSON_FAULTS)))
def test_json_lines_at_fault(tmp_path: Path, line: str) -> None:
    """A line that is no JSON, no object, or has other types is that row's fault and no other's."""
    why, fault = JSON_FAULTS[line]
    good = json_lines("snli", PAIRS[:2]).splitlines()
    if line.startswith('{"') and "pairID" not in line and why != "no field pairID":
        line = json.dumps({**json.loads(good[0]), "pairID": "ex9", **json.loads(line)})
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join([good[0], line, good[1]]))
    with pytest.raises((PairsError, LabelsError)) as caught:
        read_pairs(path, origin="test", skip=())
    assert f"1 of 3 rows cannot be evaluated: 1 {fault} (line 2" in caught.value.what
    assert why in caught.value.what
    assert read_pairs(path, origin="test", skip=(fault,)).rows_total == 2


def test_csv_rows_at_fault(tmp_path: Path) -> None:
    """Fields that lack, and bytes that are not UTF-8, where it is clear where the row ends."""
    path = tmp_path / "pairs.csv"
    path.write_bytes(
        comma("four-columns", PAIRS[:3]).encode() + b"7,a\xff,b,neutral\r\n8,a,b\r\n\r\n9,a,,-\r\n"
    )
    table = read_pairs(path, origin="test", skip=FAULTS)
    assert [(one.fault, one.first) for one in table.left_out] == [
        ("missing-label", ("line 8",)),
        ("not-utf8", ("line 5",)),
        ("malformed", ("line 6", "line 7")),
    ]


def test_parquet_rows_at_fault(tmp_path: Path) -> None:
    """Null is an empty text; a number without a name is no label; rows are counted from 1."""
    pairs: tuple[Pair, ...] = (("a", "b", "neutral"), ("", "b", "neutral"), ("", " ", "neutral"))
    path = parquet(tmp_path / "a.parquet", pairs, names=("entailment", "neutral", "maybe"))
    table = read_pairs(path, origin="test", skip=FAULTS)
    assert [(one.fault, one.first) for one in table.left_out] == [
        ("empty-text", ("row 3",)),
        ("one-sided", ("row 2",)),
    ]
    nulls = parquet(tmp_path / "a.parquet", pairs, more={"premise": ["a", None, "c"], "label": [1, 1, None]})
    table = read_pairs(nulls, origin="test", skip=FAULTS)
    assert [(one.fault, one.first) for one in table.left_out] == [
        ("missing-label", ("row 3",)),
        ("one-sided", ("row 2",)),
    ]
    with pytest.raises(PairsError, match="column premise is of the type double"):
        read_pairs(parquet(tmp_path / "a.parquet", pairs, more={"premise": [1.5] * 3}), origin="test")


def test_parquet_files_of_too_many_rows_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes can say that one text stands in a thousand million rows."""
    path = parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(parquet_reader, "_MOST_ROWS", 3)
    with pytest.raises(PairsError, match=r"says it has 4 rows of .* 3 and .* are the most"):
        read_pairs(path, origin="test")


def test_nothing_left_is_an_error(tmp_path: Path) -> None:
    """An accuracy of no pairs is no number."""
    path = tmp_path / "pairs.tsv"
    path.write_text(tsv("four-columns", PAIRS[3:]))
    with pytest.raises(PairsError, match=r"has no pairs left: every row is left out \(1 missing-label\)"):
        read_pairs(path, origin="test")


def _prepared(pairs: Path, vocab: Path = EXAMPLE / "vocab.txt", own: Path | None = None) -> Prepared:
    return prepare(
        Config(pairs=pairs, vocab=vocab),
        length=32,
        labels=("contradiction", "entailment", "neutral"),
        vocabulary_size=376,
        exact=False,
        checkpoint_vocabulary=own,
    )


def test_a_record_says_how_its_pairs_were_read(tmp_path: Path) -> None:
    """Form, rows left out and answers are the record's; gold labels are indices of the answers."""
    path = tmp_path / "hans.txt"
    path.write_text(tsv("hans", (*HANS_PAIRS, ("a", "b", "-"))))
    made = _prepared(path)
    assert (made.pairs.form, made.pairs.rows_total) == ("hans", 2)
    assert made.pairs.left_out[0].first == ("line 4 (ex2)",)
    assert made.pairs.answers == {
        "entailment": "entailment",
        "neutral": "non-entailment",
        "contradiction": "non-entailment",
    }
    assert made.answers.names == ("non-entailment", "entailment")
    assert np.array_equal(made.gold, [0, 1])


def test_rows_without_a_number_or_name_are_not_one_row(tmp_path: Path) -> None:
    """A blank is no number 0, and two rows without a name are no duplicates."""
    path = tmp_path / "pairs.tsv"
    path.write_bytes(HEADER + b"\ta\tb\tneutral\n0\tc\td\tneutral\n")
    table = read_pairs(path, origin="test", skip=("malformed",))
    assert (table.frame["premise"].tolist(), table.left_out[0].rows) == (["c"], 1)
    path.write_text(json_lines("snli", PAIRS[:3]).replace('"ex0"', '""').replace('"ex1"', '""'))
    assert len(read_pairs(path, origin="test").frame) == 3


def test_no_label_is_known(tmp_path: Path) -> None:
    """To leave out every row is no advice: what the labels mean has to be declared."""
    path = tmp_path / "pairs.tsv"
    path.write_text(tsv("four-columns", tuple((a, b, "1") for a, b, _ in PAIRS)))
    with pytest.raises(LabelsError) as caught:
        read_pairs(path, origin="test")
    assert "--skip" not in caught.value.next_step
    assert "--pair-form FILE.toml" in caught.value.next_step


def test_the_first_object_lacks_a_field(tmp_path: Path) -> None:
    """Which form a file has is seen by its first hundred lines, not by the first alone."""
    path = tmp_path / "pairs.jsonl"
    first, *others = json_lines("snli", PAIRS[:3]).splitlines()
    broken = json.dumps({key: value for key, value in json.loads(first).items() if key != "sentence2"})
    path.write_text("\n".join([broken, *others]))
    with pytest.raises(PairsError, match=r"1 malformed \(line 1: no field sentence2\)"):
        read_pairs(path, origin="test")
    assert len(read_pairs(path, origin="test", skip=("malformed",)).frame) == len(others)


def test_sentences_without_a_token_are_a_doubt(tmp_path: Path) -> None:
    """Accents without a letter, signs of private use: something to be seen, and nothing for the model."""
    path = tmp_path / "pairs.tsv"
    path.write_text(
        tsv("four-columns", (*PAIRS[:3], ("the dog", "\u0301", "neutral"), ("\ue000", "a", "neutral")))
    )
    doubts = dict(_prepared(path).doubts)
    assert doubts["no-tokens"].startswith("2 pairs of 5 have a sentence without")
    path.write_text(tsv("four-columns", PAIRS[:3]))
    assert "no-tokens" not in dict(_prepared(path).doubts)


def test_labels_that_never_occur_and_repeated_pairs_are_doubts(tmp_path: Path) -> None:
    """Neither is a fault of a row; both change what an accuracy says."""
    path = tmp_path / "pairs.tsv"
    path.write_text(tsv("four-columns", (*PAIRS[:2], PAIRS[0], (*PAIRS[0][:2], "entailment"))))
    doubts = dict(gold_doubts(read_pairs(path, origin="test")))
    assert "None of the 4 pairs used is labelled contradiction" in doubts["absent-label"]
    assert "2 of the 4 pairs used repeat" in doubts["repeated-pairs"]
    assert "1 of them with another label than the first" in doubts["repeated-pairs"]
    path.write_text(tsv("four-columns", (PAIRS[0], *((*PAIRS[0][:2], "contradiction") for _ in range(3)))))
    doubts = dict(gold_doubts(read_pairs(path, origin="test")))
    assert (
        "3 of the 4 pairs used repeat an earlier one's sentences, 3 of them with" in doubts["repeated-pairs"]
    )
    assert {"absent-label", "repeated-pairs"} <= {code for code, _ in _prepared(path).doubts}
    assert list(gold_doubts(read_pairs(EXAMPLE / "pairs.tsv", origin="test"))) == []


def _vocabulary(change: Callable[[str], str], tmp_path: Path) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text(change((EXAMPLE / "vocab.txt").read_text()), newline="")
    return path


def _with_own_vocabulary(vocab: Path) -> Prepared:
    return _prepared(EXAMPLE / "pairs.tsv", vocab, own=EXAMPLE / "vocab.txt")


def test_another_vocabulary_than_the_checkpoints_is_refused(tmp_path: Path) -> None:
    """One of the same size and words in another order gives wrong ids, and no unknown word."""

    def swapped(text: str) -> str:
        return (
            text.replace("\nthe\n", "\n@\n").replace("\nharbour\n", "\nthe\n").replace("\n@\n", "\nharbour\n")
        )

    other = _vocabulary(swapped, tmp_path)
    with pytest.raises(VocabularyError, match=r"2 entries differ, first in line \d+: '\w+', there '\w+'"):
        _with_own_vocabulary(other)


def test_the_checkpoints_vocabulary_may_have_other_line_ends(tmp_path: Path) -> None:
    """A copy from another system has the same entries."""
    assert _with_own_vocabulary(_vocabulary(lambda text: text.replace("\n", "\r\n"), tmp_path))


def test_a_whole_job_names_the_form_and_what_is_left_out(
    small_checkpoint: Path, own_folder: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From --pairs to the report: two answers, a row left out, and the calibration flag's own error."""
    path = tmp_path / "hans.txt"
    path.write_text(tsv("hans", (*HANS_PAIRS, ("a", "b", "-"))))
    argv = ["accuracy", "--checkpoint", str(small_checkpoint), "--pairs", str(path), "--lengths", "24"]
    code = call([*argv, "--length", "24", "--recipe", "float32", "--workers", "1"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert "2 pairs by the form hans; left out: 1 missing-label." in printed.err
    assert "Left out of the file: 1 row, missing-label" in printed.out
    assert call([*argv, "--pair-form", "hams"]) == 2
    assert "Did you mean hans?" in capsys.readouterr().err
    for content, words in ((b"", "Give --calibration a TSV"), (HEADER + b"0\ta\n", "bad.tsv: 1 of 1 rows")):
        (tmp_path / "bad.tsv").write_bytes(content)
        assert call([*argv, "--recipe", "static_int8", "--calibration", "bad.tsv"]) == 4
        assert words in capsys.readouterr().err
