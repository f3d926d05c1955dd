"""Flips that rounding explains: two builds of one file may differ where a prediction is nearly a tie."""

from __future__ import annotations

import numpy as np

from results.predictions import Predictions

# By which multiple of the tolerance two logits may be apart for rounding to swap them, by the statistic that
# the tolerance is about. Source: docs/parity.md.
REACH = {"largest": 1, "rms": 4}


def unexplained_flips(mine: Predictions, reference: Predictions, reach: float) -> int:
    """Rows predicted otherwise on which the reference's two largest logits are further apart than `reach`."""
    return int(np.sum((mine.predicted != reference.predicted) & (reference.lead > reach)))


def predicts_otherwise(unexplained: int) -> str:
    """So many of them, as the end of a sentence."""
    pairs = "1 pair" if unexplained == 1 else f"{unexplained} pairs"
    return f"predicts otherwise on {pairs} that rounding does not explain"
