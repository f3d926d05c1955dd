"""Public sets in their own layouts, a user's own declared table, and which of them a file is read by."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.answers import Answers
from benchmark.pairs import read
from benchmark.pairs.form import SHIPPED, forms_of, load_forms, shipped
from benchmark.pairs.read import read_pairs
from benchmark.pairs.table import LABELS, PairTable
from results.errors import ConfigError, LabelsError, PairsError
from tests.benchmark.pair_files import HANS_PAIRS, PAIRS, TWO, comma, json_lines, parquet, tsv

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(content: str | bytes) -> Path:
        path = tmp_path / "pairs"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return _write


def _pairs(table: PairTable) -> list[tuple[str, str, str]]:
    columns = (table.frame[name] for name in ("premise", "hypothesis", "label"))
    return list(zip(*columns, strict=True))


TEXTS = {
    "four-columns": (tsv, comma, json_lines),
    "glue": (tsv,),
    "multinli": (tsv, json_lines),
    "snli": (tsv, json_lines),
}


@pytest.mark.parametrize(("form", "make"), [(form, make) for form, all_ in TEXTS.items() for make in all_])
def test_public_layouts_are_read_as_they_are(write: Write, form: str, make: Callable[..., str]) -> None:
    """Each by its columns alone; the row without a label is left out, counted and named by its place."""
    table = read_pairs(write(make(form)), origin="test")
    assert (table.form, table.kind, _pairs(table)) == (form, "other", list(PAIRS[:3]))
    assert [(one.fault, one.rows) for one in table.left_out] == [("missing-label", 1)]
    place = "line 4" if make is json_lines else "line 5"
    name = " (ex3)" if form in ("multinli", "snli") else ""
    assert table.left_out[0].first == (place + name,)
    assert table.frame["row"].tolist() == [0, 1, 2]


def test_rows_of_a_file_without_numbers_are_those_of_the_file(write: Write) -> None:
    """A row that is left out before another must not change the other's number."""
    table = read_pairs(write(json_lines("snli", tuple(reversed(PAIRS)))), origin="test")
    assert table.frame["row"].tolist() == [1, 2, 3]


def test_votes_at_the_end_of_a_row_may_lack(write: Write) -> None:
    """Most rows of the training sets were labelled once; one that ends before its id is cut all the same."""
    text = tsv("snli").replace("\tneutral\tneutral\tneutral\tneutral\tneutral\n", "\tneutral\n")
    assert read_pairs(write(text), origin="test").rows_total == 3
    cut = write(text.replace("\tex1\tneutral\n", "\n"))
    with pytest.raises(PairsError, match="malformed"):
        read_pairs(cut, origin="test")
    own = cut.with_name("own.toml")
    own.write_text(
        '[x]\nformats = ["tsv"]\npremise = "sentence1"\nhypothesis = "sentence2"\nlabel = "label1"\n'
        'may_end_after = "sentence2"\n'
    )
    with pytest.raises(PairsError, match="malformed"):  # what is needed never lacks, whatever a form says
        read_pairs(cut, origin="test", form=str(own))


def _hans(tmp_path: Path, kind: str) -> Path:
    path = tmp_path / "hans"
    if kind == "txt":
        path.write_text(tsv("hans", HANS_PAIRS))
        return path
    more = {name: ["x", "x"] for name in ("parse_premise", "heuristic", "subcase", "template")}
    return parquet(path, HANS_PAIRS, names=TWO, more=more)


@pytest.mark.parametrize(("kind", "form"), [("txt", "hans"), ("parquet", "hub-hans")])
def test_hans_has_two_answers(tmp_path: Path, kind: str, form: str) -> None:
    """Its gold is entailment or not; a model's neutral and contradiction both mean the latter."""
    table = read_pairs(_hans(tmp_path, kind), origin="test")
    assert (table.form, _pairs(table)) == (form, list(HANS_PAIRS))
    assert table.gold == TWO
    answers = Answers.of_file(("contradiction", "entailment", "neutral"), table.answers)
    assert answers.names == ("non-entailment", "entailment")
    logits = np.array([[1.0, 2.0, 3.0], [0.0, 2.0, 1.0]], np.float32)
    assert answers.fold(logits).argmax(axis=1).tolist() == [0, 1]
    # The largest counts: one clear contradiction is not outweighed by how little it is neutral.
    assert answers.fold(np.array([[5.0, 4.0, -9.0]], np.float32)).tolist() == [[5.0, 4.0]]


HUB: dict[str, dict[str, list[Any]]] = {
    "hub": {},
    "hub-glue": {"idx": [5, 6, 7, 8]},
    "hub-multinli": {
        **{"promptID": [1, 1, 1, 1], "pairID": ["1n", "1e", "1c", "2n"], "genre": ["slate"] * 4},
        **{"premise_binary_parse": ["x"] * 4, "hypothesis_parse": ["x"] * 4},
    },
}


@pytest.mark.parametrize("form", HUB)
def test_parquet_of_the_hub(tmp_path: Path, form: str) -> None:
    """Labels by the names of the file's own schema, -1 as none, rows by their number where it has one."""
    names = ("neutral", "entailment", "contradiction")
    table = read_pairs(parquet(tmp_path / "a.parquet", names=names, more=HUB[form]), origin="test")
    assert (table.form, _pairs(table)) == (form, list(PAIRS[:3]))
    assert table.frame["row"].tolist() == ([5, 6, 7] if form == "hub-glue" else [0, 1, 2])
    assert table.left_out[0].first == ("row 4 (2n)" if form == "hub-multinli" else "row 4",)


def test_numbers_that_nothing_names_are_no_labels(tmp_path: Path) -> None:
    """Without names 0 could mean anything; a form of one's own can say what."""
    path = parquet(tmp_path / "a.parquet", names=None)
    with pytest.raises(LabelsError, match="3 unknown-label"):
        read_pairs(path, origin="test")
    own = tmp_path / "own.toml"
    own.write_text(
        '[mine]\nformats = ["parquet"]\npremise = "premise"\nhypothesis = "hypothesis"\nlabel = "label"\n'
        'labels = { 0 = "entailment", 1 = "neutral", 2 = "contradiction" }\nmissing = ["-1"]\n'
    )
    table = read_pairs(path, origin="test", form=str(own))
    assert _pairs(table) == list(PAIRS[:3])
    assert table.form.startswith("mine of own.toml (")
    named = parquet(tmp_path / "b.parquet", names=("neutral", "entailment", "contradiction"))
    labels = read_pairs(named, origin="test", form=str(own)).frame["label"].tolist()
    assert labels == ["entailment", "neutral", "contradiction"]  # the form's word counts, where it has one


def test_what_a_file_is_called_does_not_matter(tmp_path: Path) -> None:
    """A BOM, CRLF, no last line end, blank lines after it, .gz: all the same pairs."""
    text = tsv("four-columns")
    variants = [
        b"\xef\xbb\xbf" + text.encode(),
        text.replace("\n", "\r\n").encode(),
        text.removesuffix("\n").encode(),
        text.encode() + b"\n\r\n  \n",
        gzip.compress(text.encode()),
        comma("four-columns").encode() + b"\r\n\r\n",
    ]
    for number, content in enumerate(variants):
        path = tmp_path / "pairs.json"
        path.write_bytes(content)
        assert _pairs(read_pairs(path, origin="test")) == list(PAIRS[:3]), number


def test_a_csv_field_may_hold_commas_quotes_and_line_ends(write: Write) -> None:
    """RFC 4180; the place of a row is the line where it begins."""
    pairs = (('a, "b"\nc', "d", "neutral"), ("e", "f\r\ng", "-"))
    table = read_pairs(write(comma("four-columns", pairs)), origin="test")
    assert _pairs(table) == [pairs[0]]
    assert table.left_out[0].first == ("line 4",)


def test_quotes_of_a_tsv_are_text(write: Write) -> None:
    """A lone double quote at the start of a field must not swallow the rows after it."""
    table = read_pairs(write(tsv("four-columns", (('"Well', 'no "end', "neutral"),))), origin="test")
    assert _pairs(table) == [('"Well', 'no "end', "neutral")]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        (tsv("four-columns", ()), "has no pairs"),
        ("id\ttext\n1\ta\n", "no column index, sentence1, sentence2, gold_label"),
        (tsv("four-columns").replace("gold_label", "gold-label"), "Is it gold-label?"),
        (tsv("four-columns").replace("index", "\x1b[31m" + "x" * 500), r"its own are \?\[31m"),
        (
            'index,sentence1,sentence2,gold_label\n0,"a,b,neutral\n1,c,d,neutral\n',
            "line 2: .* where rows end",
        ),
        ('index,sentence1,sentence2,gold_label\n0,"a"b,c,neutral\n', "line 2: .* where rows end"),
        (
            'index,sentence1,sentence2,gold_label\n0,"a\nb",neutral\n',
            "line 2: a quoted field runs on to line 3",
        ),
        ("index,sentence1,sentence2,gold_label\n0," + "a" * 140_000 + ",b,neutral\n", "line 2: field larger"),
        (tsv("four-columns").replace("index", "index\tindex").replace("\n", "\t\n"), "two columns 'index'"),
        ("[" + json_lines("snli") + "]", "is one JSON array"),
        (tsv("four-columns").encode("utf-16"), "is UTF-16 text"),
        (tsv("four-columns").encode("utf-32"), "is UTF-32 text"),
        (bz2.compress(b"index"), "is compressed by bzip2"),
        (lzma.compress(b"index"), "is compressed by xz"),
        (gzip.compress(gzip.compress(b"index")), "is a .gz within a .gz"),
        (tsv("four-columns").replace("\n", "\r"), "ends its lines by CR alone"),
        ("index;sentence1;sentence2\n0;a;b\n", "fields are to stand between tabs or commas"),
        (b"PK\x03\x04", "is a zip archive"),
        (b"PAR1 not parquet", "is not a parquet file that can be read"),
        (gzip.compress(b"index\tsentence1\n" * 99)[:-9], "is a damaged .gz"),
        ("{not json\n", "has no column .*; its own are none"),
    ],
)
def test_files_of_no_form_are_named(write: Write, content: str | bytes, words: str) -> None:
    """One error that says what it is, or which columns it has; its words are harmless and short."""
    with pytest.raises(PairsError, match=words) as caught:
        read_pairs(write(content), origin="test")
    assert len(caught.value.what) < 500
    assert caught.value.what.isprintable()


def test_small_files_that_unpack_to_large_ones_are_refused(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .gz of zeros is a thousandth of what it holds."""
    monkeypatch.setattr(read, "MOST_BYTES", 1 << 20)
    with pytest.raises(PairsError, match="holds more than 1 MiB"):
        read_pairs(write(gzip.compress(tsv("four-columns").encode() + bytes(3 << 20))), origin="test")


def test_errors_name_the_flag_of_their_file(write: Write) -> None:
    """Pairs to calibrate with are given by another flag."""
    with pytest.raises(PairsError) as caught:
        read_pairs(write(""), origin="test", flag="--calibration")
    assert "--calibration" in caught.value.next_step
    assert "--pairs" not in caught.value.next_step


def test_two_forms_that_fit_are_asked_about(write: Write) -> None:
    """GLUE's columns and HANS' in one file: what a label means is not for us to guess."""
    row = json.loads(json_lines("hans", HANS_PAIRS[:1]))
    row |= {"promptID": "1", "genre": "slate", "index": 0, "captionID": "x", "gold_label": "entailment"}
    row.pop("template")
    write(json.dumps(row))
    both = Path(write(json.dumps(row)))
    assert read_pairs(both, origin="test").form == "multinli"
    own = both.with_name("own.toml")
    form = (
        '[{}]\nformats = ["jsonl"]\npremise = "sentence1"\nhypothesis = "sentence2"\nlabel = "gold_label"\n'
    )
    own.write_text(form.format("a") + form.format("b"))
    with pytest.raises(PairsError, match="fits the forms a, b equally well") as caught:
        read_pairs(both, origin="test", form=str(own))
    assert "--pair-form a" not in caught.value.next_step  # which is no name that the flag takes


def test_a_named_form_is_taken_or_refused(write: Write) -> None:
    """--pair-form says which; calibration pairs of another form are read by the one that fits."""
    path = write(tsv("glue"))
    assert read_pairs(path, origin="test", form="four-columns").form == "four-columns"
    with pytest.raises(PairsError, match="is TSV, and --pair-form hub is for parquet, CSV, JSON lines"):
        read_pairs(path, origin="test", form="hub")
    with pytest.raises(PairsError, match="no column heuristic, subcase, template"):
        read_pairs(path, origin="test", form="hans")
    assert read_pairs(path, origin="test", form="hub", flag="--calibration").form == "glue"


def test_answers_that_only_change_places_are_kept(write: Write) -> None:
    """A form may say that the file's words mean other labels than they seem to."""
    path = write(tsv("four-columns"))
    own = Path(path).with_name("own.toml")
    form = (
        '[{}]\nformats = ["tsv"]\nrow = "index"\npremise = "sentence1"\nhypothesis = "sentence2"\n'
        'label = "gold_label"\n'
    )
    turned = {"entailment": "contradiction", "neutral": "neutral", "contradiction": "entailment"}
    own.write_text(
        form.format("turned")
        + "answers = {"
        + ", ".join(f'{label} = "{answer}"' for label, answer in turned.items())
        + "}\n"
    )
    table = read_pairs(path, origin="test", form=str(own))
    assert table.answers == turned
    assert Answers.of_file(LABELS, table.answers).members == ((0,), (1,), (2,))
    assert Answers.of_file(LABELS, table.answers).names == ("contradiction", "neutral", "entailment")
    own.write_text(form.format("same"))
    assert read_pairs(path, origin="test", form=str(own)).answers == {}


_GOOD = 'formats = ["tsv"]\npremise = "a"\nhypothesis = "b"\nlabel = "c"\n'
_MISTAKES = {
    "": "holds no form",
    "[x": "cannot be read",
    'formats = ["tsv"]\n': "'formats' stands outside of a table",
    f'[x]\n{_GOOD}premises = "a"\n': "form x: no field 'premises'. Did you mean premise?",
    '[x]\nformats = ["tsv"]\npremise = "a"\nlabel = "c"\n': "form x: field hypothesis: Field required",
    f"[x]\n{_GOOD.replace('tsv', 'xml')}": "form x: field formats.0: Input should be 'tsv'",
    f"[x]\n{_GOOD.replace(chr(34) + 'a' + chr(34), '7')}": "field premise: Input should be a valid string",
    f"[x]\n{_GOOD.replace('[' + chr(34) + 'tsv' + chr(34) + ']', '[]')}": "field formats is empty",
    '[x]\nformats = "tsv"\npremise = "a"\nhypothesis = "b"\nlabel = "c"\n': "a valid list, such as",
    f'[x]\n{_GOOD}answers = {{ entailment = "\\u001b[31m", neutral = "n", contradiction = "c" }}\n': (
        "an answer has 1 to 60 printable characters"
    ),
    f'[x]\n{_GOOD}answers = {{ entailment = "e", neutral = "", contradiction = "c" }}\n': "1 to 60 printable",
    f'[x]\n{_GOOD}row = "a"\n': "one column stands for two things",
    f'[x]\n{_GOOD}labels = {{ yes = "entails" }}\n': "'entails' is none of the answers entailment, neutral",
    f'[x]\n{_GOOD}labels = {{ yes = "entailment" }}\n': "no word means 'contradiction'",
    f'[x]\n{_GOOD}answers = {{ entailment = "yes" }}\n': "field answers must name entailment, neutral",
    f'[x]\n{_GOOD}missing = ["neutral"]\n': "'neutral' is a label and a mark of a missing one",
    f'[x]\n{_GOOD}missing = ["N/A"]\n': "'N/A' must be lower case",
}


@pytest.mark.parametrize("text", _MISTAKES)
def test_mistakes_in_a_form_are_named(tmp_path: Path, text: str) -> None:
    """A typing mistake must not become a default without a word."""
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        forms_of(str(path))
    assert _MISTAKES[text] in caught.value.what


def test_a_form_that_is_nowhere_is_named(tmp_path: Path) -> None:
    """A wrong name gets the nearest one, a wrong path the system's reason."""
    with pytest.raises(ConfigError, match="Did you mean multinli"):
        forms_of("multi-nli")
    with pytest.raises(ConfigError, match=r"nowhere\.toml: cannot be read: No such file"):
        forms_of(str(tmp_path / "nowhere.toml"))


def test_every_shipped_form_is_documented() -> None:
    """docs/pairs.md is where an error sends its reader."""
    text = (Path(__file__).parents[2] / "docs" / "pairs.md").read_text(encoding="utf-8")
    assert [form.name for form in shipped() if f"`{form.name}`" not in text] == []
    assert load_forms(SHIPPED) == shipped()
    assert all(set(form.answers) == set(LABELS) for form in shipped())
