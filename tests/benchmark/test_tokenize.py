"""The tokenizer must prove that it read its vocabulary, and its tokens are those of transformers' own."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from benchmark.example import __file__ as example
from benchmark.pairs.read import read_pairs
from benchmark.pairs.table import PairTable
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
    tokens = tokenize(tokenizer, _texts(table), length=128)
    assert not tokens.unknown(tokenizer).any()
    assert not tokens.cut.any()
    assert table.name == "example pairs, not MNLI"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks"),
        ("[PAD]\n[UNK]\n[CLS]\nthe\n", r"lacks \[SEP\]"),
        ("[PAD]\r\n[UNK]\r\n[CLS]\r\n[SEP]\r\nthe\r\n", "has 5 entries"),
        ("[PAD]\n[UNK]\n[CLS]\n[SEP]\nTheir\nWords\n", "has 6 entries"),
        ("[PAD]\r[UNK]\r[CLS]\r[SEP]\rthe\r", r"lacks \[PAD\]"),
    ],
)
def test_wrong_vocabularies_are_named(tmp_path: Path, text: str, words: str) -> None:
    """Empty, incomplete, too short: one error each that says what."""
    with pytest.raises(VocabularyError, match=words):
        open_tokenizer(_vocab(tmp_path, text), model_size=30522, exact=True)


def test_line_ends_are_no_part_of_an_entry(tmp_path: Path) -> None:
    """A copy with CRLF is the same vocabulary, and is told so from one with other words."""
    lines = (EXAMPLE / "vocab.txt").read_text()
    same, other = tmp_path / "crlf.txt", tmp_path / "other.txt"
    same.write_text(lines, newline="\r\n")
    other.write_text(lines.replace("\nharbour\n", "\nharbours\n"))
    digests = [
        open_tokenizer(path, model_size=SIZE, exact=True).entries_sha256
        for path in (EXAMPLE / "vocab.txt", same, other)
    ]
    assert digests[0] == digests[1] != digests[2]
    assert digests[0] == hashlib.sha256(lines.encode()).hexdigest()


def test_more_pairs_than_one_call_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training set is tokenized in parts, with the same tokens."""
    tokenizer = open_tokenizer(EXAMPLE / "vocab.txt", model_size=SIZE, exact=True)
    texts = _texts(read_pairs(EXAMPLE / "pairs.tsv", origin="test", example=True))
    whole = tokenize(tokenizer, texts, length=24)
    monkeypatch.setattr("benchmark.tokenize._AT_ONCE", 7)
    parts = tokenize(tokenizer, texts, length=24)
    for name in ("ids", "ends", "second", "cut"):
        assert np.array_equal(getattr(whole, name), getattr(parts, name))


def test_a_larger_vocabulary_than_the_model_is_refused(tmp_path: Path) -> None:
    """Ids past the embedding would read other rows or fail on the device."""
    with pytest.raises(VocabularyError, match="and the checkpoint has 5"):
        open_tokenizer(_vocab(tmp_path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\ncat\n"), model_size=5, exact=False)


def test_a_vocabulary_that_its_tokenizer_does_not_follow_is_refused(tmp_path: Path) -> None:
    """Cased words can never come out of a lower-casing tokenizer: the proof fails."""
    with pytest.raises(VocabularyError, match="does not tokenize its own words"):
        open_tokenizer(_vocab(tmp_path, "[PAD]\n[UNK]\n[CLS]\n[SEP]\nThe\nCat\n"), model_size=6, exact=True)


def test_the_silent_trap_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tokenizer that reads no vocabulary makes every word [UNK]: what we open must not pass then."""
    import tokenizers

    real = tokenizers.BertWordPieceTokenizer
    special = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3}
    monkeypatch.setattr(tokenizers, "BertWordPieceTokenizer", lambda vocab, **rest: real(special, **rest))
    with pytest.raises(VocabularyError, match="does not tokenize its own words"):
        open_tokenizer(EXAMPLE / "vocab.txt", model_size=SIZE, exact=True)


def test_long_pairs_are_cut_longest_first() -> None:
    """Truncation takes from the longer sentence, keeps both [SEP], and is counted."""
    tokenizer = open_tokenizer(EXAMPLE / "vocab.txt", model_size=SIZE, exact=True)
    tokens = tokenize(tokenizer, [("the dog " * 40, "the lake freezes"), ("the dog", "a lake")], length=16)
    assert tokens.cut.tolist() == [True, False]
    sequences = tokens.padded(np.array([5, 9], np.int32), tokenizer, length=20, model_size=SIZE)
    assert sequences.attention_mask.sum(axis=1).tolist() == [16, 7]
    assert sequences.token_type_ids.sum(axis=1).tolist() == [4, 3]  # the second sentence and [SEP]
    assert sequences.row_ids.tolist() == [5, 9]
    assert (sequences.input_ids[sequences.attention_mask == 0] == tokenizer.padding).all()


def test_unknown_words_are_counted_by_pair() -> None:
    """Words of another language are no tokens that the model learned."""
    tokenizer = open_tokenizer(EXAMPLE / "vocab.txt", model_size=SIZE, exact=True)
    tokens = tokenize(tokenizer, [("the dog", "runs"), ("\u732b \u72ac", "the \u732b")], length=16)
    assert tokens.unknown(tokenizer).tolist() == [0, 3]


def _texts(table: PairTable) -> list[tuple[str, str]]:
    return list(zip(table.frame["premise"], table.frame["hypothesis"], strict=True))


def _mnli() -> Path:
    folder = Path(os.environ.get("MOBILEBERT_BENCH_DATA") or "data")
    if not (folder / "mnli_dev_matched.tsv").is_file():
        pytest.skip("the MNLI pairs are not at hand (MOBILEBERT_BENCH_DATA)")
    return folder


def test_mnli_tokenizes_as_known_and_as_transformers_does() -> None:
    """The set's known lengths, 30 of 9,815 pairs over 128 tokens, and the reference's ids of every pair."""
    from transformers import BertTokenizerFast

    folder = _mnli()
    tokenizer = open_tokenizer(folder / "vocab.txt", model_size=30522, exact=True)
    texts = _texts(read_pairs(folder / "mnli_dev_matched.tsv", origin="test"))
    tokens = tokenize(tokenizer, texts, length=128)
    assert int(tokens.cut.sum()) == 30
    assert (np.median(tokens.counts), tokens.counts.max()) == (36, 128)
    assert tokens.unknown(tokenizer).sum() < 0.0001 * tokens.counts.sum()
    reference = BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=True)(
        [premise for premise, _ in texts],
        [hypothesis for _, hypothesis in texts],
        padding="max_length",
        truncation="longest_first",
        max_length=128,
        return_tensors="np",
    )
    rows = np.arange(len(texts), dtype=np.int32)
    sequences = tokens.padded(rows, tokenizer, length=128, model_size=30522)
    assert np.array_equal(sequences.input_ids, reference["input_ids"])
    assert np.array_equal(sequences.attention_mask, reference["attention_mask"])
    assert np.array_equal(sequences.token_type_ids, reference["token_type_ids"])
