"""The tokenizer must prove that it read its vocabulary: transformers 5 can silently ignore it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.example import __file__ as example
from benchmark.mnli import PairTable, read_pairs
from benchmark.tokenize import open_tokenizer, tokenize
from results.errors import VocabularyError

EXAMPLE = Path(example).parent
SIZE = len((EXAMPLE / "vocab.txt").read_text().split("\n")) - 1


def _vocab(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text(text)
    return path


def test_the_example_vocabulary_covers_its_pairs() -> None:
    """Example pairs that turn into [UNK] would measure nothing that resembles text."""
    tokenizer = open_tokenizer(EXAMPLE / "vocab.txt", model_size=SIZE, exact=True)
    table = read_pairs(EXAMPLE / "pairs.tsv", origin="test", example=True)
    sequences, truncated = tokenize(tokenizer, table, length=128, model_size=SIZE)
    unknown = (EXAMPLE / "vocab.txt").read_text().split("\n").index("[UNK]")
    assert not (sequences.input_ids == unknown).any()
    assert truncated == 0
    assert table.name == "example pairs, not MNLI"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks"),
        ("[PAD]\n[UNK]\n[CLS]\nthe\n", r"lacks \[SEP\]"),
        ("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nthe\r\n", "has 5 entries"),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\nTheir\nWords\n", "has 6 entries"),
    ],
)
def test_wrong_vocabularies_are_named(tmp_path: Path, text: str, words: str) -> None:
    """Empty, incomplete, too short: one error each that says what."""
    with pytest.raises(VocabularyError, match=words):
        open_tokenizer(_vocab(tmp_path, text), model_size=30522, exact=True)


def test_a_larger_vocabulary_than_the_model_is_refused(tmp_path: Path) -> None:
    """Ids past the embedding would read other rows or fail on the device."""
    with pytest.raises(VocabularyError, match="and the checkpoint has 5"):
        open_tokenizer(_vocab(tmp_path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\ncat\n"), model_size=5, exact=False)


def test_a_vocabulary_that_its_tokenizer_does_not_follow_is_refused(tmp_path: Path) -> None:
    """Cased words can never come out of a lower-casing tokenizer: the proof fails."""
    with pytest.raises(VocabularyError, match="does not tokenize its own words"):
        open_tokenizer(_vocab(tmp_path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nThe\nCat\n"), model_size=6, exact=True)


def test_the_silent_trap_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the old argument name transformers 5 reads no vocabulary: what we open must not pass then."""
    import transformers

    real = transformers.BertTokenizerFast
    monkeypatch.setattr(
        transformers, "BertTokenizerFast", lambda vocab, **rest: real(vocab_file=vocab, **rest)
    )
    with pytest.raises(VocabularyError, match="does not tokenize its own words"):
        open_tokenizer(EXAMPLE / "vocab.txt", model_size=SIZE, exact=True)


def test_long_pairs_are_cut_longest_first() -> None:
    """Truncation takes from the longer sentence, keeps both [SEP], and is counted."""
    tokenizer = open_tokenizer(EXAMPLE / "vocab.txt", model_size=SIZE, exact=True)
    frame = pd.DataFrame(
        {"row": [5], "premise": ["the dog " * 40], "hypothesis": ["the lake freezes"], "label": ["neutral"]}
    )
    table = PairTable(kind="other", name="t", origin="t", sha256="", rows_total=1, frame=frame)
    sequences, truncated = tokenize(tokenizer, table, length=16, model_size=SIZE)
    assert truncated == 1
    assert sequences.attention_mask.sum() == 16
    assert int(sequences.token_type_ids[0].sum()) == 4  # three words and [SEP]
    assert sequences.row_ids.tolist() == [5]


def test_mnli_tokenizes_as_known() -> None:
    """The known facts of the set: lengths, and 30 of 9,815 pairs over 128 tokens."""
    folder = Path(os.environ.get("MOBILEBERT_BENCH_DATA") or "data")
    if not (folder / "mnli_dev_matched.tsv").is_file():
        pytest.skip("the MNLI pairs are not at hand (MOBILEBERT_BENCH_DATA)")
    tokenizer = open_tokenizer(folder / "vocab.txt", model_size=30522, exact=True)
    table = read_pairs(folder / "mnli_dev_matched.tsv", origin="test")
    sequences, truncated = tokenize(tokenizer, table, length=128, model_size=30522)
    assert truncated == 30
    lengths = sequences.attention_mask.sum(axis=1)
    assert np.median(lengths) == 36
    assert lengths.max() == 128
