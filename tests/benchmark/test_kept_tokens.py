"""The cache of tokens: it saves a second, and must never give other tokens than the tokenizer would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark import kept_tokens
from benchmark.example import __file__ as example
from benchmark.kept_tokens import tokens_of
from benchmark.tokenize import Tokenizer, Tokens, open_tokenizer, tokenize

VOCAB = Path(example).parent / "vocab.txt"
TEXTS = [("the dog runs", "the lake"), ("a dog", "the lake freezes"), ("the dog " * 20, "a lake")]


@pytest.fixture
def tokenizer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tokenizer:
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(tmp_path / "cache"))
    return open_tokenizer(VOCAB, model_size=30522, exact=False)


def _same(a: Tokens, b: Tokens) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in Tokens.__slots__)


def _files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache" / "tokens").iterdir())


def test_the_second_time_nothing_is_tokenized(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What comes from the cache is what the tokenizer gave."""
    first = tokens_of(tokenizer, TEXTS, length=16)
    assert _same(first, tokenize(tokenizer, TEXTS, length=16))
    assert len(_files(tmp_path)) == 1
    monkeypatch.setattr(kept_tokens, "tokenize", None)
    assert _same(tokens_of(tokenizer, TEXTS, length=16), first)


def test_whatever_matters_makes_another_file(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other texts, another border between them, length, vocabulary or tokenizers: never the kept tokens."""
    tokens_of(tokenizer, TEXTS, length=16)
    other = tmp_path / "vocab.txt"
    other.write_text(VOCAB.read_text() + "zebra\n")
    tokens_of(tokenizer, TEXTS, length=24)
    tokens_of(tokenizer, [("the dog runs", "the lakes"), *TEXTS[1:]], length=16)
    tokens_of(tokenizer, [("the dog runst", "he lake"), *TEXTS[1:]], length=16)
    tokens_of(open_tokenizer(other, model_size=30522, exact=False), TEXTS, length=16)
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.0.1")
    tokens_of(tokenizer, TEXTS, length=16)
    assert len(_files(tmp_path)) == 6


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text", "shorter", "beyond"])
def test_a_damaged_file_is_made_anew(tokenizer: Tokenizer, tmp_path: Path, damage: str) -> None:
    """A torn disk must cost a second, not a prediction."""
    right = tokens_of(tokenizer, TEXTS, length=16)
    (path,) = _files(tmp_path)
    data = path.read_bytes()
    if damage in ("shorter", "beyond"):
        ids = (
            right.ids[:-1] if damage == "shorter" else np.where(right.ids == right.ids[1], 99_999, right.ids)
        )
        np.savez(path, ids=ids, ends=right.ends, second=right.second, cut=right.cut)
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
        path.write_bytes({"empty": b"", "cut": data[:middle], "flipped": flipped, "text": b"no"}[damage])
    assert path.read_bytes() != data
    assert _same(tokens_of(tokenizer, TEXTS, length=16), right)
    assert _same(tokens_of(tokenizer, TEXTS, length=16), right)


def test_any_bit_of_a_kept_file_may_flip(tokenizer: Tokenizer, tmp_path: Path) -> None:
    """Some flips make an archive of a later version or an encrypted one: never an error, never wrong ids."""
    right = tokens_of(tokenizer, TEXTS, length=16)
    (path,) = _files(tmp_path)
    data = path.read_bytes()
    for bit in range(8 * len(data)):
        at = bit // 8
        path.write_bytes(data[:at] + bytes([data[at] ^ (1 << bit % 8)]) + data[at + 1 :])
        found = kept_tokens._read(path, len(TEXTS), 16, tokenizer.size)
        assert found is None or _same(found, right), bit


@pytest.mark.parametrize("field", ["ids", "second"])
def test_kept_values_of_another_type_or_range(tokenizer: Tokenizer, tmp_path: Path, field: str) -> None:
    """A whole archive that somebody made by hand."""
    right = tokens_of(tokenizer, TEXTS, length=16)
    (path,) = _files(tmp_path)
    held = {name: getattr(right, name) for name in Tokens.__slots__}
    held[field] = held[field].astype(np.float64) if field == "ids" else held[field] - 40
    np.savez(path, **held)
    assert _same(tokens_of(tokenizer, TEXTS, length=16), right)


def test_without_a_writable_cache_all_goes_on(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read-only home is no reason to fail."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(tmp_path / "file"))
    assert _same(tokens_of(tokenizer, TEXTS, length=16), tokenize(tokenizer, TEXTS, length=16))


def test_the_cache_does_not_grow_for_ever(
    tokenizer: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each slice is a file; the oldest go, never the one that was just written."""
    for length in range(16, 22):
        tokens_of(tokenizer, TEXTS, length=length)
    size = sum(path.stat().st_size for path in _files(tmp_path))
    monkeypatch.setattr(kept_tokens, "_MOST_BYTES", size // 2)
    tokens_of(tokenizer, TEXTS, length=22)
    left = _files(tmp_path)
    assert size // 3 < sum(path.stat().st_size for path in left) <= size // 2
    monkeypatch.setattr(kept_tokens, "_MOST_BYTES", 1)
    tokens_of(tokenizer, TEXTS, length=23)
    assert len(_files(tmp_path)) == 1
