"""The predictions file: what is written comes back, and nothing else gets in."""

from __future__ import annotations

import numpy as np
import pytest

from results.errors import RecordDamaged
from results.predictions import Predictions, read_predictions, write_predictions

LABELS = ("entailment", "neutral", "contradiction")
LOGITS = np.array([[0.1, -2.5, 1e-7], [3.0, 1 / 3, -0.0]], dtype=np.float32)
TWO = Predictions(
    labels=LABELS,
    row=np.array([7, 3]),
    label=np.array([0, 2]),
    predicted=np.array([0, 0]),
    tokens=np.array([12, 31]),
    logits=LOGITS,
)
GOOD = write_predictions(TWO).decode()


def test_float32_logits_survive() -> None:
    """Flips and margins are recomputed from this file: not a bit may change."""
    back = read_predictions(GOOD.encode(), "p.csv")
    assert back.logits.tobytes() == LOGITS.tobytes()
    assert (back.row.tolist(), back.label.tolist(), back.predicted.tolist()) == ([7, 3], [0, 2], [0, 0])
    assert (back.labels, back.tokens.tolist()) == (LABELS, [12, 31])


def test_confusion_is_true_label_by_prediction() -> None:
    """Row and column swapped would turn every missed contradiction into a missed entailment."""
    assert TWO.confusion == ((1, 0, 0), (0, 0, 0), (1, 0, 0))
    assert TWO.right.tolist() == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("row,label", "id,label", "line 1 is not the header"),
        ("neutral,", "entailment,", "line 1 is not the header"),
        ("7,entailment", "7,maybe", "line 2 is not"),
        ("7,entailment", "x,entailment", "line 2 is not"),
        ("entailment,12", "entailment,-1", "line 2 is not"),
        ("entailment,12", "entailment,few", "line 2 is not"),
        ("3,contradiction", "7,contradiction", "repeats a row id"),
        (",3,", ",nan,", "line 3 has not 3 finite logits"),
        (",3,", ",", "line 3 has not 3 finite logits"),
        ("7,entailment", '7,"entailment', "line 1 or a later one cannot be read"),
    ],
)
def test_a_damaged_file_is_refused_by_line(old: str, new: str, message: str) -> None:
    """A shifted column or an unknown label must not become a wrong prediction."""
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    with pytest.raises(RecordDamaged, match=message):
        read_predictions(text.encode(), "p.csv")


def test_an_empty_file_is_refused() -> None:
    """An empty file has no rows and no header either."""
    with pytest.raises(RecordDamaged, match="header"):
        read_predictions(b"", "p.csv")
