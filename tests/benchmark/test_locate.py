"""Where pairs and vocabulary come from: the order, and no silent fall-back past a named place."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.locate import DATA_VARIABLE, locate_pairs, locate_vocabulary
from results.errors import PairsError, VocabularyError


@pytest.fixture(autouse=True)
def _nothing_at_hand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(DATA_VARIABLE, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.chdir(tmp_path)


def _folder(path: Path) -> Path:
    path.mkdir()
    (path / "mnli_dev_matched.tsv").write_text("x")
    (path / "vocab.txt").write_text("x")
    return path


def test_flags_come_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What the user names is used, even if it isn't there: reading it then says so."""
    monkeypatch.setenv(DATA_VARIABLE, str(_folder(tmp_path / "env")))
    assert locate_pairs(Path("mine.tsv")).path == Path("mine.tsv")
    assert locate_vocabulary(Path("mine.txt"), of_checkpoint=Path("own")).path == Path("mine.txt")


def test_a_checkpoints_own_vocabulary_beats_the_data_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Another vocabulary of the same size would give wrong ids without an error."""
    monkeypatch.setenv(DATA_VARIABLE, str(_folder(tmp_path / "env")))
    assert locate_vocabulary(None, of_checkpoint=Path("own")).path == Path("own")


def test_the_variable_comes_before_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The order of the README: variable, data/, hub, example."""
    _folder(tmp_path / "data")
    assert locate_pairs(None).origin == "folder data/"
    monkeypatch.setenv(DATA_VARIABLE, str(_folder(tmp_path / "env")))
    assert locate_pairs(None).origin == DATA_VARIABLE


def test_a_wrong_variable_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A typing mistake in the variable must not end in example pairs."""
    monkeypatch.setenv(DATA_VARIABLE, str(tmp_path / "typo"))
    with pytest.raises(PairsError, match="typo"):
        locate_pairs(None)
    with pytest.raises(VocabularyError, match="typo"):
        locate_vocabulary(None, of_checkpoint=None)


def test_nothing_at_hand_gives_the_example() -> None:
    """The whole job still runs, and says what it ran on."""
    assert locate_pairs(None).example
    assert locate_vocabulary(None, of_checkpoint=None).example
