"""Pairs made ready for one model: which rows, their tokens, their gold labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.config import Config
from benchmark.locate import locate_pairs, locate_vocabulary
from benchmark.mnli import LABELS, read_pairs, take
from benchmark.tokenize import open_tokenizer, tokenize
from results.errors import LabelsError
from results.record import Pairs

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from android_runner.sequences import Sequences

# SHA-256 of BERT-base-uncased's vocabulary, which MobileBERT uses unchanged.
BERT_VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
_BERT_SIZE = 30522
_CANDIDATES = 256  # as many as the parity check can use


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Tokenized pairs. `gold`: shape (rows,), indices into the model's labels; `doubts`: (code, sentence).

    `candidates`: rows for the parity check, of the whole set, however small its slice is.
    """

    pairs: Pairs
    sequences: Sequences
    candidates: Sequences
    gold: NDArray[np.int64]
    doubts: tuple[tuple[str, str], ...]


def prepare(
    config: Config,
    *,
    length: int,
    labels: tuple[str, ...],
    vocabulary_size: int | None,
    exact: bool,
    checkpoint_vocabulary: Path | None,
) -> Prepared:
    """Find, read, slice and tokenize the pairs of a run.

    `vocabulary_size`: the model's, None where it is unknown (a bare .tflite). Raises: PairsError,
    LabelsError, VocabularyError.
    """
    import numpy as np

    if set(labels) != set(LABELS):
        shown = ", ".join(labels[:5]) + (f" and {len(labels) - 5} more" if len(labels) > 5 else "")
        raise LabelsError(
            f"the checkpoint's labels are {shown}, and the pairs' are {', '.join(LABELS)}",
            next_step="Use a checkpoint fine-tuned on MNLI, whose config.json names these in id2label; "
            "export takes any labels, and latency what it wrote.",
        )
    found = locate_pairs(config.pairs)
    whole = read_pairs(found.path, origin=found.origin, example=found.example)
    table = take(whole, _slice(config, whole.rows_total), seed=config.seed)
    vocabulary = locate_vocabulary(config.vocab, of_checkpoint=checkpoint_vocabulary)
    size = vocabulary_size if vocabulary_size is not None else 2**31 - 1
    tokenizer = open_tokenizer(vocabulary.path, model_size=size, exact=exact)
    sequences, truncated = tokenize(
        tokenizer, table, length=length, model_size=vocabulary_size or tokenizer.size
    )
    few = take(whole, min(_CANDIDATES, whole.rows_total), seed=config.seed)
    candidates, _ = tokenize(tokenizer, few, length=length, model_size=vocabulary_size or tokenizer.size)
    number = {name: index for index, name in enumerate(labels)}
    doubts = []
    if table.kind == "example":
        doubts.append(("example-pairs", "No MNLI data at hand: these are example pairs, not MNLI."))
    if vocabulary.example:
        doubts.append(
            ("example-vocabulary", "No vocabulary at hand: the tokens are those of a small example.")
        )
    if tokenizer.size == _BERT_SIZE and tokenizer.sha256 != BERT_VOCABULARY_SHA256:
        doubts.append(
            (
                "edited-vocabulary",
                f"{vocabulary.path.name} has BERT's size and is not BERT's file; copies differ.",
            )
        )
    return Prepared(
        pairs=Pairs(
            kind=table.kind,
            name=table.name,
            origin=table.origin,
            sha256=table.sha256,
            rows_total=table.rows_total,
            rows_used=len(table.frame),
            truncated_rows=truncated,
            vocabulary_sha256=tokenizer.sha256,
            vocabulary_size=tokenizer.size,
        ),
        sequences=sequences,
        candidates=candidates,
        gold=np.array([number[label] for label in table.frame["label"]]),
        doubts=tuple(doubts),
    )


def _slice(config: Config, rows: int) -> int | None:
    """How many pairs to take: what was asked for, to the row; else at most `most_rows`; else all (None)."""
    if config.slice_rows is not None or config.most_rows is None:
        return config.slice_rows
    return min(config.most_rows, rows)
