"""Pairs made ready for one model: which rows, their tokens, their gold labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.answers import Answers
from benchmark.config import Config
from benchmark.kept_tokens import tokens_of
from benchmark.locate import Located, locate_pairs, locate_vocabulary, refuse_another
from benchmark.pairs.doubts import gold_doubts
from benchmark.pairs.read import read_located
from benchmark.pairs.table import LABELS, take
from benchmark.tokenize import SPECIAL_PER_PAIR, Tokenizer, Tokens, open_tokenizer
from results.errors import LabelsError, VocabularyError
from results.evaluated import Pairs
from results.report.words import counted

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from android_runner.sequences import Sequences

# SHA-256 of BERT-base-uncased's vocabulary, which MobileBERT uses unchanged.
BERT_VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"
_BERT_SIZE = 30522
_CANDIDATES = 256  # as many as the parity check can use
_DOUBTED_UNKNOWN, _MOST_UNKNOWN = 0.01, 0.5  # shares of a run's tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Tokenized pairs. `gold`: shape (rows,), indices into `answers.names`; `doubts`: (code, sentence).

    `candidates`: rows for the parity check, of the whole set, however small its slice is.
    """

    pairs: Pairs
    sequences: Sequences
    candidates: Sequences
    gold: NDArray[np.int64]
    answers: Answers
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
    whole = read_located(config, found)
    table = take(whole, _slice(config, whole.rows_total), seed=config.seed)
    size = vocabulary_size if vocabulary_size is not None else 2**31 - 1
    vocabulary, tokenizer = open_vocabulary(
        config, of_checkpoint=checkpoint_vocabulary, model_size=size, exact=exact
    )
    few = take(whole, min(_CANDIDATES, whole.rows_total), seed=config.seed)
    # One call for both, over rows in file order; on a full run it is the whole file.
    ids = [set(some.frame["row"]) for some in (table, few)]
    both = whole.frame[whole.frame["row"].isin(ids[0] | ids[1])]
    rows = both["row"].to_numpy(dtype=np.int32)
    tokens = tokens_of(tokenizer, list(zip(both["premise"], both["hypothesis"], strict=True)), length=length)
    padded = tokens.padded(rows, tokenizer, length=length, model_size=vocabulary_size or tokenizer.size)
    used, candidates = (np.flatnonzero(np.isin(rows, list(some))) for some in ids)
    answers = Answers.of_file(labels, table.answers)
    number = {name: index for index, name in enumerate(answers.names)}
    doubts = list(gold_doubts(table))
    if table.kind == "example":
        doubts.append(("example-pairs", "No MNLI data at hand: these are example pairs, not MNLI."))
    if vocabulary.example:
        doubts.append(
            ("example-vocabulary", "No vocabulary at hand: the tokens are those of a small example.")
        )
    if tokenizer.size == _BERT_SIZE and tokenizer.entries_sha256 != BERT_VOCABULARY_SHA256:
        doubts.append(
            (
                "edited-vocabulary",
                f"{vocabulary.path.name} has BERT's size and is not BERT's file; copies differ.",
            )
        )
    words = int((tokens.counts[used] - SPECIAL_PER_PAIR).sum())
    unknown = int(tokens.unknown(tokenizer)[used].sum())
    doubts += unknown_words(words, unknown, vocabulary.path, exact=exact)
    doubts += _wordless(tokens, used)
    return Prepared(
        pairs=Pairs(
            kind=table.kind,
            name=table.name,
            origin=table.origin,
            sha256=table.sha256,
            rows_total=table.rows_total,
            rows_used=len(table.frame),
            truncated_rows=int(tokens.cut[used].sum()),
            vocabulary_sha256=tokenizer.sha256,
            vocabulary_size=tokenizer.size,
            form=table.form,
            left_out=table.left_out,
            answers=table.answers,
            tokens=words,
            unknown_tokens=unknown,
        ),
        sequences=padded if len(used) == len(rows) else padded.take(used),
        candidates=padded.take(candidates),
        gold=np.array([number[label] for label in table.frame["label"]]),
        answers=answers,
        doubts=tuple(doubts),
    )


def open_vocabulary(
    config: Config, *, of_checkpoint: Path | None, model_size: int, exact: bool
) -> tuple[Located, Tokenizer]:
    """The vocabulary of a call, found, opened and held against the checkpoint's own.

    `model_size`, `exact`: as of `open_tokenizer`. Raises: VocabularyError.
    """
    found = locate_vocabulary(config.vocab, of_checkpoint=of_checkpoint)
    tokenizer = open_tokenizer(found.path, model_size=model_size, exact=exact)
    refuse_another(found, of_checkpoint=of_checkpoint)
    return found, tokenizer


def _wordless(tokens: Tokens, rows: NDArray[np.int64]) -> list[tuple[str, str]]:
    """A doubt about sentences of signs that the tokenizer drops, such as accents without a letter."""
    first, second = tokens.second[rows] - 2, (tokens.counts - tokens.second)[rows] - 1
    wordless = int(((first == 0) | (second == 0)).sum())
    if not wordless:
        return []
    return [
        ("no-tokens", f"{counted(wordless, 'pair')} of {len(rows)} have a sentence without a single token.")
    ]


def unknown_words(tokens: int, unknown: int, path: Path, *, exact: bool) -> list[tuple[str, str]]:
    """A doubt where a text's words are not the vocabulary's; an error where most are not.

    Source of the threshold: of MNLI's tokens less than one in 10,000 is unknown to BERT's vocabulary.
    """
    share = unknown / max(tokens, 1)
    if exact and share >= _MOST_UNKNOWN:
        raise VocabularyError(
            f"{unknown} of the pairs' {tokens} tokens are unknown to {path} ([UNK])",
            next_step="Give --vocab the vocab.txt of the checkpoint, or --pairs in its language.",
            path=path,
        )
    if share < _DOUBTED_UNKNOWN:
        return []
    return [
        (
            "unknown-words",
            f"{share:.1%} of the pairs' tokens ({unknown} of {tokens}) are unknown to {path.name}, [UNK]: "
            "the vocabulary may not be that of these pairs or of this checkpoint.",
        )
    ]


def _slice(config: Config, rows: int) -> int | None:
    """How many pairs to take: what was asked for, to the row; else at most `most_rows`; else all (None)."""
    if config.slice_rows is not None or config.most_rows is None:
        return config.slice_rows
    return min(config.most_rows, rows)
