"""Text to token ids: transformers' fast tokenizer, opened with proof that it read its vocabulary."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from android_runner.sequences import Sequences
from results.errors import VocabularyError

if TYPE_CHECKING:
    from benchmark.mnli import PairTable

_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
# BERT's own vocabulary splits this word so (https://github.com/google-research/bert, README).
_BERT_SIZE, _BERT_WORD, _BERT_PIECES = 30522, "unaffable", ["una", "##ffa", "##ble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokenizer:
    """A WordPiece tokenizer and what its vocabulary file is. `size` in entries."""

    fast: Any
    path: Path
    sha256: str
    size: int


def open_tokenizer(path: Path, *, model_size: int, exact: bool) -> Tokenizer:
    """Open a vocabulary and prove that it is in use.

    `model_size`: rows of the model's word embedding; the vocabulary has as many entries, or, where `exact`
    is False (seeded weights know no words), at most as many. Raises: VocabularyError.
    """
    # It would advise to install PyTorch, which tokenizing does not need.
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from transformers import BertTokenizerFast  # type: ignore[attr-defined] # made when asked for

    entries = _read_entries(path)
    if len(entries) > model_size or (exact and len(entries) != model_size):
        raise VocabularyError(
            f"the vocabulary {path} has {len(entries)} entries, and the checkpoint has {model_size}",
            next_step="Give --vocab the vocab.txt that belongs to the checkpoint.",
            path=path,
        )
    fast = BertTokenizerFast(vocab=str(path), do_lower_case=True)
    # transformers 5 ignores an argument name that it does not know and then reads no vocabulary at all:
    # every word becomes [UNK], without a word of warning. So: ask it for tokens that must be there.
    known = [
        word for word in entries if word.isascii() and word.isalpha() and word.islower() and len(word) > 2
    ]
    sample = known[:: max(1, len(known) // 8)][:8]
    proof = len(fast) == len(entries) and fast.tokenize(" ".join(sample)) == sample and bool(sample)
    if len(entries) == _BERT_SIZE:
        proof = proof and fast.tokenize(_BERT_WORD) == _BERT_PIECES
    if not proof:
        raise VocabularyError(
            f"the tokenizer opened with {path} does not tokenize its own words as they stand there",
            next_step="Give --vocab a WordPiece vocab.txt, lower case, one entry per line, unchanged.",
            path=path,
            sample=sample,
            tokens=fast.tokenize(" ".join(sample)),
        )
    return Tokenizer(
        fast=fast, path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), size=len(entries)
    )


def tokenize(
    tokenizer: Tokenizer, table: PairTable, *, length: int, model_size: int
) -> tuple[Sequences, int]:
    """All pairs of a table, padded and cut (longest first) to `length` tokens; and how many were cut."""
    import numpy as np

    frame = table.frame
    encoded = tokenizer.fast(
        frame["premise"].tolist(),
        frame["hypothesis"].tolist(),
        padding="max_length",
        truncation="longest_first",
        max_length=length,
        return_tensors="np",
    )
    sequences = Sequences(
        row_ids=frame["row"].to_numpy(dtype=np.int32),
        input_ids=encoded["input_ids"].astype(np.int32),
        attention_mask=encoded["attention_mask"].astype(np.int32),
        token_type_ids=encoded["token_type_ids"].astype(np.int32),
        vocabulary_size=model_size,
    )
    return sequences, sum(bool(encoding.overflowing) for encoding in encoded.encodings)


def _read_entries(path: Path) -> list[str]:
    try:
        entries = path.read_text(encoding="utf-8").removesuffix("\n").split("\n")
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
