"""Text to token ids: the WordPiece tokenizer of the package tokenizers, proved to have read its file.

The same tokens as transformers' BertTokenizerFast, which is a dress of it and takes a second to import.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from android_runner.sequences import Sequences
from results.errors import VocabularyError
from results.plain import short

if TYPE_CHECKING:
    from collections.abc import Sequence

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
_AT_ONCE = 16_384  # all of MNLI's dev pairs, or its training pairs in 24 calls
SPECIAL_PER_PAIR = 3  # [CLS] a [SEP] b [SEP]
# BERT's own vocabulary splits this word so (https://github.com/google-research/bert, README).
_BERT_SIZE, _BERT_WORD, _BERT_PIECES = 30522, "unaffable", ["una", "##ffa", "##ble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenizer:
    """A WordPiece tokenizer and what its vocabulary file is.

    `size` in entries, `padding` the id of [PAD]; `entries_sha256`: of the entries, whatever ends their lines.
    """

    fast: Any
    path: Path
    sha256: str
    entries_sha256: str
    size: int
    padding: int
    unknown: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tokens:
    """Pairs as token ids, special ones among them, cut to the longest that was asked for.

    `ids`: of all pairs one after the other. Of each pair, (rows,): `ends`, where it ends in `ids`; `second`,
    where its second sentence begins, counted from its first token; `cut`, whether it was cut.
    """

    ids: NDArray[np.int32]
    ends: NDArray[np.int64]
    second: NDArray[np.int32]
    cut: NDArray[np.bool_]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Tokens of each pair, (rows,)."""
        return np.diff(self.ends, prepend=0)

    def unknown(self, tokenizer: Tokenizer) -> NDArray[np.int64]:
        """How many of each pair's tokens are [UNK], (rows,)."""
        total = np.cumsum(np.append(0, self.ids == tokenizer.unknown))
        return np.diff(total[self.ends], prepend=0)

    def padded(
        self, row_ids: NDArray[np.int32], tokenizer: Tokenizer, *, length: int, model_size: int
    ) -> Sequences:
        """Rows of `length` tokens. `row_ids`: (rows,); `model_size`: entries of the model's vocabulary."""
        counts = self.counts
        at = np.arange(length)
        mask = at < counts[:, None]
        ids = np.full(mask.shape, tokenizer.padding, np.int32)
        ids[mask] = self.ids
        return Sequences(
            row_ids=row_ids,
            input_ids=ids,
            attention_mask=mask.astype(np.int32),
            token_type_ids=(mask & (at >= self.second[:, None])).astype(np.int32),
            vocabulary_size=model_size,
        )


def open_tokenizer(path: Path, *, model_size: int, exact: bool) -> Tokenizer:
    """Open a vocabulary and prove that it is in use.

    `model_size`: rows of the model's word embedding; the vocabulary has as many entries, or, where `exact`
    is False (seeded weights know no words), at most as many. Raises: VocabularyError.
    """
    from tokenizers import BertWordPieceTokenizer

    entries = _read_entries(path)
    if len(entries) > model_size or (exact and len(entries) != model_size):
        raise VocabularyError(
            f"the vocabulary {path} has {len(entries)} entries, and the checkpoint has {model_size}",
            next_step="Give --vocab the vocab.txt that belongs to the checkpoint.",
            path=path,
        )
    try:
        fast = BertWordPieceTokenizer(vocab=str(path), lowercase=True)
    except (TypeError, ValueError, OSError) as err:
        raise VocabularyError(
            f"the vocabulary {path} cannot be opened by the tokenizer: {short(str(err))}",
            next_step="Give --vocab a WordPiece vocab.txt, lower case, one entry per line, unchanged.",
            path=path,
        ) from err

    def split(text: str) -> list[str]:
        found: list[str] = fast.encode(text, add_special_tokens=False).tokens
        return found

    # A tokenizer that reads no vocabulary, or another one, makes every word [UNK] without a word of warning.
    # So: ask it for tokens that must be there.
    known = [
        word for word in entries if word.isascii() and word.isalpha() and word.islower() and len(word) > 2
    ]
    sample = known[:: max(1, len(known) // 8)][:8]
    proof = fast.get_vocab_size() == len(entries) and split(" ".join(sample)) == sample and bool(sample)
    if len(entries) == _BERT_SIZE:
        proof = proof and split(_BERT_WORD) == _BERT_PIECES
    if not proof:
        raise VocabularyError(
            f"the tokenizer opened with {path} does not tokenize its own words as they stand there",
            next_step="Give --vocab a WordPiece vocab.txt, lower case, one entry per line, unchanged.",
            path=path,
            sample=sample,
            tokens=split(" ".join(sample)),
        )
    return Tokenizer(
        fast=fast,
        path=path,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        entries_sha256=hashlib.sha256("".join(f"{entry}\n" for entry in entries).encode()).hexdigest(),
        size=len(entries),
        padding=fast.token_to_id("[PAD]"),
        unknown=fast.token_to_id("[UNK]"),
    )


def tokenize(tokenizer: Tokenizer, texts: Sequence[tuple[str, str]], *, length: int) -> Tokens:
    """Pairs of sentences as tokens, cut (longest first) to `length` tokens.

    In one call for 16,384 pairs: what the package makes of a pair on the way takes some 5 kB.
    """
    tokenizer.fast.enable_truncation(length, strategy="longest_first")
    calls = [_call(tokenizer, texts[first : first + _AT_ONCE]) for first in range(0, len(texts), _AT_ONCE)]
    ids, counts, second, cut = (np.concatenate(parts) for parts in zip(*calls, strict=True))
    return Tokens(ids=ids, ends=counts.cumsum(), second=second, cut=cut)


def _call(tokenizer: Tokenizer, texts: Sequence[tuple[str, str]]) -> tuple[NDArray[Any], ...]:
    """Ids of all; tokens, where the second sentence begins, and whether it was cut, of each."""
    encoded = tokenizer.fast.encode_batch(list(texts))
    ids = [one.ids for one in encoded]
    counts = np.fromiter(map(len, ids), np.int64, len(ids))
    return (
        np.fromiter(chain.from_iterable(ids), np.int32, int(counts.sum())),
        counts,
        np.fromiter((len(one.type_ids) - sum(one.type_ids) for one in encoded), np.int32, len(ids)),
        np.fromiter((bool(one.overflowing) for one in encoded), np.bool_, len(ids)),
    )


def _read_entries(path: Path) -> list[str]:
    try:
        # As the tokenizer reads it: LF alone ends a line, and what is blank at its end is no part of it.
        text = path.read_bytes().decode("utf-8")
        entries = [line.rstrip() for line in text.removesuffix("\n").split("\n")]
    except OSError as err:
        raise VocabularyError(
            f"the vocabulary {path} cannot be read: {err.strerror}",
            next_step="Give --vocab a vocab.txt.",
            path=path,
        ) from err
    except UnicodeDecodeError as err:
        raise VocabularyError(
            f"the vocabulary {path} is not UTF-8 text", next_step="Give --vocab a vocab.txt.", path=path
        ) from err
    missing = [token for token in _SPECIAL if token not in entries]
    if missing:
        raise VocabularyError(
            f"the vocabulary {path} ({len(entries)} lines) lacks {', '.join(missing)}",
            next_step="Give --vocab a BERT vocab.txt, one entry per line.",
            path=path,
        )
    return entries
