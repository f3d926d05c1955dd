"""Pairs to calibrate with: which file, never pairs that are evaluated, and what is said of the example's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark.cli import call
from benchmark.config import Config
from benchmark.locate import DATA_VARIABLE, locate_training
from benchmark.training import training_rows
from export.checkpoint import open_checkpoint
from results.errors import PairsError, VocabularyError
from tests.benchmark.small import EXAMPLE

HEADER = "index\tsentence1\tsentence2\tgold_label\n"


pytestmark = pytest.mark.usefixtures("own_folder")


def pairs(path: Path, sentences: Sequence[tuple[str, str]]) -> Path:
    rows = (f"{n}\t{a}\t{b}\tneutral\n" for n, (a, b) in enumerate(sentences))
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


def test_the_flag_comes_first_then_the_data_folder_then_the_example(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As for the pairs that are evaluated; a data folder need not have training pairs."""
    assert locate_training(None).example
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.setenv(DATA_VARIABLE, str(folder))
    assert locate_training(None).example
    (folder / "mnli_train.tsv").write_text("x")
    assert locate_training(None).path == folder / "mnli_train.tsv"
    assert locate_training(Path("other.tsv")).path == Path("other.tsv")


def test_rows_are_the_tokens_of_the_longest_signature(small_checkpoint: Path) -> None:
    """Calibration runs that signature; and who calibrates on 72 example pairs must be told."""
    rows = training_rows(Config(lengths=(24, 40)), open_checkpoint(str(small_checkpoint)))
    assert rows.ids.shape == (72, 40)
    assert (rows.ids[rows.mask == 0] == 0).all()
    assert "example pairs" in rows.name
    assert any("example pairs" in doubt for doubt in rows.doubts)
    assert any("same pairs are evaluated" in doubt for doubt in rows.doubts)


def test_evaluated_pairs_are_refused_whatever_their_spelling(small_checkpoint: Path, tmp_path: Path) -> None:
    """Ranges fitted to the evaluated pairs would flatter the recipe."""
    evaluated = pairs(tmp_path / "dev.tsv", [("The ferry leaves.", "It sails."), ("A dog.", "A cat.")])
    training = pairs(tmp_path / "train.tsv", [("A bird.", "A fish."), ("the  FERRY leaves", "it sails")])
    checkpoint = open_checkpoint(str(small_checkpoint))
    with pytest.raises(PairsError, match=r"1 of the 2 pairs of .*train\.tsv is evaluated too"):
        training_rows(Config(pairs=evaluated, calibration=training), checkpoint)
    apart = pairs(tmp_path / "apart.tsv", [("A bird.", "A fish.")])
    rows = training_rows(Config(pairs=evaluated, calibration=apart), checkpoint)
    assert (rows.name, len(rows.ids), rows.doubts) == ("apart.tsv", 1, ())


def test_example_pairs_are_evaluated_where_nothing_else_is_at_hand(
    small_checkpoint: Path, tmp_path: Path
) -> None:
    """A file of our own with some of them would flatter a recipe as well as dev pairs do."""
    half = (EXAMPLE / "pairs.tsv").read_text().splitlines(keepends=True)[:30]
    training = tmp_path / "half.tsv"
    training.write_text("".join(half))
    with pytest.raises(PairsError, match="are evaluated too"):
        training_rows(Config(calibration=training), open_checkpoint(str(small_checkpoint)))


@pytest.mark.parametrize("content", ["", HEADER, "no\theader\n"])
def test_a_file_without_pairs_ends_before_any_conversion(
    small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """A clear error, and no file of an export half made."""
    (tmp_path / "bad.tsv").write_text(content)
    calibration = ("--calibration", "bad.tsv", "--recipe", "float32,static_int8")
    assert call(["export", "--checkpoint", str(small_checkpoint), *calibration]) == 4
    error = capsys.readouterr().err
    assert "error: pairs" in error
    assert "bad.tsv" in error
    assert "Exporting" not in error


def test_an_export_says_what_it_was_calibrated_with(
    small_checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A static recipe rests on its ranges; a random network's predictions are no measure of it."""
    checkpoint = ("--checkpoint", str(small_checkpoint), "--lengths", "24", "--length", "24")
    code = call(["export", *checkpoint, "--recipe", "dynamic_int8_equalized"])
    printed = capsys.readouterr()
    assert code == 0, printed.err
    assert "calibrated on 72 pairs of example pairs" in printed.out
    assert "warning: Calibrated on this project's example pairs" in printed.out
    described = json.loads((Path(printed.out.split()[-1]) / "model.json").read_text())
    assert "equalize" in described["rewrites"]
    assert described["calibration"]["rows"] == 72


def test_rows_left_out_of_a_calibration_are_told(
    small_checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`export` takes the same rules as the evaluation, and says how many rows they cost."""
    pairs(tmp_path / "train.tsv", [("the dog runs", "the dog"), ("a cat", "the lake")])
    with (tmp_path / "train.tsv").open("a") as file:
        file.write("7\tthe dog\tthe lake\tmaybe\n8\t\tthe lake\tneutral\n")
    words = ["export", "--checkpoint", str(small_checkpoint), "--lengths", "24", "--length", "24"]
    words += ["--recipe", "static_int8", "--calibration", str(tmp_path / "train.tsv")]
    assert call(words) == 4
    error = capsys.readouterr().err
    assert "--skip unknown-label,one-sided" in error.replace("missing-label,", "")
    assert call([*words, "--skip", "unknown-label,one-sided"]) == 0, capsys.readouterr().err
    out = capsys.readouterr().out
    assert "calibrated on 2 pairs of train.tsv" in out
    assert "Rows of train.tsv left out of the calibration: 1 unknown-label, 1 one-sided." in out


def test_calibration_pairs_of_other_words(small_checkpoint: Path, tmp_path: Path) -> None:
    """Ranges of a text that is all [UNK] are ranges of nothing."""
    training = pairs(tmp_path / "train.tsv", [("\u6f22 \u6f22", "\u6f22"), ("\u5b57", "\u5b57")])
    with pytest.raises(VocabularyError, match="tokens are unknown to"):
        training_rows(Config(calibration=training), open_checkpoint(str(small_checkpoint)))


def test_recipes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a checkpoint, and without TensorFlow: names, arithmetic, rewrites."""
    assert call(["export", "--list-recipes"]) == 0
    listed = capsys.readouterr().out
    for words in ("static_int8_mixed", "float16", "int8 by row", "rewrites: fold_norms", "needed"):
        assert words in listed
