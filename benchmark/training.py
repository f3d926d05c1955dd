"""Training pairs made ready for calibration: found, held apart from what is evaluated, tokenized."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmark.config import Config
from benchmark.inputs import open_vocabulary, unknown_words
from benchmark.kept_tokens import tokens_of
from benchmark.locate import Located, locate_pairs, locate_training
from benchmark.pairs.faults import told
from benchmark.pairs.known import bare
from benchmark.pairs.read import read_located
from benchmark.pairs.table import PairTable, take
from benchmark.tokenize import SPECIAL_PER_PAIR
from export.calibration import TrainingRows
from results.errors import PairsError
from results.report.words import counted

if TYPE_CHECKING:
    from export.checkpoint import Checkpoint

# Ranges settle long before; every row costs a tenth of a second.
_MOST_ROWS = 256


def training_rows(config: Config, checkpoint: Checkpoint) -> TrainingRows:
    """At most 256 training pairs as tokens of the longest signature.

    Raises: PairsError for a file that cannot be used, above all one with pairs that are evaluated;
    VocabularyError.
    """
    import numpy as np

    found = locate_training(config.calibration)
    whole = read_located(config, found, "--calibration")
    evaluated = locate_pairs(config.pairs)
    _refuse_evaluated(whole, found, evaluated, config)
    table = take(whole, min(_MOST_ROWS, whole.rows_total), seed=config.seed)
    size = checkpoint.config.vocab_size
    exact = checkpoint.weights.kind != "seeded"
    vocabulary, tokenizer = open_vocabulary(
        config, of_checkpoint=checkpoint.vocab_path, model_size=size, exact=exact
    )
    texts = list(zip(table.frame["premise"], table.frame["hypothesis"], strict=True))
    tokens = tokens_of(tokenizer, texts, length=config.signature_lengths[-1])
    rows = table.frame["row"].to_numpy(dtype=np.int32)
    sequences = tokens.padded(rows, tokenizer, length=config.signature_lengths[-1], model_size=size)
    words = int((tokens.counts - SPECIAL_PER_PAIR).sum())
    unknown = int(tokens.unknown(tokenizer).sum())
    doubts = [text for _, text in unknown_words(words, unknown, vocabulary.path, exact=exact)]
    if whole.left_out:
        doubts.append(f"Rows of {found.path.name} left out of the calibration: {told(whole.left_out)}.")
    doubts += ["Calibrated on this project's example pairs, not on MNLI's."] if found.example else []
    if found.example and evaluated.example:
        doubts.append("The same pairs are evaluated, which flatters it.")
    if vocabulary.example:
        doubts.append("Calibrated on tokens of a small example vocabulary.")
    return TrainingRows(
        ids=sequences.input_ids,
        mask=sequences.attention_mask,
        types=sequences.token_type_ids,
        name=table.name if found.example else found.path.name,
        sha256=table.sha256,
        doubts=tuple(doubts),
    )


def _refuse_evaluated(training: PairTable, found: Located, evaluated: Located, config: Config) -> None:
    """Ranges fitted to the evaluated pairs would flatter the recipe. The example has but one file."""
    if training.kind.endswith("_dev"):
        raise _shared(found, training.rows_total, training, training.name)
    if found.example:
        return
    other = read_located(config, evaluated)
    evaluated_texts = set(_texts(other))
    if shared := sum(text in evaluated_texts for text in _texts(training)):
        raise _shared(found, shared, training, other.name)


def _shared(found: Located, count: int, training: PairTable, name: str) -> PairsError:
    return PairsError(
        f"{count} of the {counted(training.rows_total, 'pair')} of {found.path} "
        f"{'is' if count == 1 else 'are'} evaluated too, in {name}",
        next_step="Give --calibration pairs of the training set.",
        path=found.path,
    )


def _texts(table: PairTable) -> Iterator[tuple[str, str]]:
    """Pairs by their letters and digits, so that other white space and case do not hide one."""
    columns = (table.frame["premise"], table.frame["hypothesis"])
    return ((bare(premise), bare(hypothesis)) for premise, hypothesis in zip(*columns, strict=True))
