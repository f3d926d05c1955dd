"""The small trained checkpoint: its task is what it says, and what it writes is what the harness reads."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

from examples import rule_task
from examples.rule_task import Pair, make_pairs
from export.checkpoint import open_checkpoint


def label_by_reading(pair: Pair) -> str:
    """The rule applied to the two sentences, without knowing how they were made."""
    _, colour, container, _, _, _, _, number, thing, _ = pair.premise.split()
    words = pair.hypothesis.split()
    if words[2] == "is":
        _, subject, _, said, _ = words
        known, fact = subject == container, colour
    else:
        said, subject, _, _, _, place, _ = words
        assert place == container
        known, fact = subject == thing, number
    if not known:
        return "neutral"
    return "entailment" if said == fact else "contradiction"


def test_labels_follow_the_rule_in_equal_shares() -> None:
    """A checkpoint trained on wrong labels would look like a broken export."""
    pairs = make_pairs(600, seed=1)
    assert all(pair.label == label_by_reading(pair) for pair in pairs)
    assert Counter(pair.label for pair in pairs) == dict.fromkeys(rule_task.LABELS, 200)


def test_a_hypothesis_alone_says_little() -> None:
    """Were the answer in the hypothesis, a model that never looks at the premise would pass."""
    by_hypothesis: dict[str, Counter[str]] = {}
    pairs = make_pairs(30_000, seed=1)
    for pair in pairs:
        by_hypothesis.setdefault(pair.hypothesis, Counter())[pair.label] += 1
    best = sum(max(counts.values()) for counts in by_hypothesis.values()) / len(pairs)
    assert best < 0.5


def test_held_out_pairs_are_held_out_and_repeatable() -> None:
    """Accuracy on rows that were trained on would be memory; rows that change cannot be compared."""
    held_out = make_pairs(500, seed=4)
    assert held_out == make_pairs(500, seed=4)
    assert held_out != make_pairs(500, seed=5)
    training = make_pairs(5_000, seed=4, without=frozenset(held_out))
    assert not set(training) & set(held_out)
    assert len(set(training)) == 5_000


def test_what_is_written_opens_as_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two steps of training suffice to go through every file: labels out of GLUE's order, MNLI's columns."""
    pytest.importorskip("torch")
    from examples import train_small

    monkeypatch.setattr(train_small, "_TRAINING_ROWS", 200)
    model, accuracy, held_out = train_small.train(seed=0, steps=2)
    train_small.save(model, held_out, tmp_path)
    opened = open_checkpoint(str(tmp_path))
    assert opened.labels == ("contradiction", "entailment", "neutral")
    assert opened.vocab_path is not None
    assert opened.vocab_path.read_text(encoding="utf-8").split("\n")[:4] == [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
    ]
    assert opened.config.max_position_embeddings == 128
    assert not opened.tensors["mobilebert.embeddings.word_embeddings.weight"][0].any()
    lines = (tmp_path / "pairs.tsv").read_text(encoding="utf-8").split("\n")
    assert lines[0] == "index\tsentence1\tsentence2\tgold_label"
    assert lines[1].split("\t") == ["0", held_out[0].premise, held_out[0].hypothesis, held_out[0].label]
    assert len(lines) == 3_000 + 2
    assert not math.isnan(accuracy)


def test_training_tokenizes_as_the_harness_does() -> None:
    """One id that differs between training and measuring, and the accuracy is chance."""
    transformers = pytest.importorskip("transformers")
    pytest.importorskip("torch")
    from examples import train_small

    pairs = make_pairs(200, seed=2)
    ids, types, _ = train_small.encode(pairs)
    vocabulary = {word: index for index, word in enumerate(rule_task.VOCABULARY)}
    tokenizer = transformers.BertTokenizerFast(vocab=vocabulary)
    encoded = tokenizer(
        [pair.premise for pair in pairs],
        [pair.hypothesis for pair in pairs],
        padding="max_length",
        max_length=ids.shape[1],
    )
    assert ids.tolist() == encoded["input_ids"]
    assert types.tolist() == encoded["token_type_ids"]
    assert ids[:, -1].count_nonzero() == 0  # padding behind every last token, as at length 128
