"""The comparison of logits: what passes, what fails, and that nothing is made to look finite."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from export import parity
from results.errors import ExportParityError
from tests.export.conftest import SMALL

REFERENCE = np.array([[1.0, -2.0, 0.5], [0.25, 0.5, 4.0]], np.float32)


def shifted(by: float) -> np.ndarray:
    """REFERENCE with one logit moved."""
    logits = REFERENCE.copy()
    logits[0, 1] += np.float32(by)
    return logits


def test_figures_of_a_small_error() -> None:
    """The record's numbers: the largest error, the scale, the allowance and the shared predictions."""
    converted = REFERENCE.copy()
    converted[0] = (0.25, -2.0, 0.5)  # the argmax of one row of two moves
    figures = parity.compare(REFERENCE, converted, "dynamic_int8")
    assert (figures.rows, figures.max_abs_error, figures.logit_scale) == (2, 0.75, 4.0)
    assert (figures.tolerance, figures.agreement) == (3.0, 0.5)


@pytest.mark.parametrize(("precision", "near", "far"), [("float32", 3e-4, 5e-4), ("dynamic_int8", 2.9, 3.1)])
def test_errors_beyond_the_tolerance_fail(precision: parity.Precision, near: float, far: float) -> None:
    """A float32 file may differ by its order of sums, an 8-bit one by its rounding; no file by more."""
    parity.compare(REFERENCE, shifted(near), precision)
    with pytest.raises(ExportParityError, match="is off by"):
        parity.compare(REFERENCE, shifted(far), precision)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["float graph", "converted file"])
def test_values_that_are_not_finite_fail(value: float, side: str) -> None:
    """NaN compares as false with any tolerance, so it would pass a careless check."""
    broken = shifted(value)
    reference, converted = (broken, REFERENCE) if side == "float graph" else (REFERENCE, broken)
    with pytest.raises(ExportParityError, match=f"The {side} gives 1 of 6 logits that are not finite"):
        parity.compare(reference, converted, "float32")


def test_float32s_own_rounding_is_allowed_for_but_only_where_it_is_that_large() -> None:
    """Activations of 1e7 cost more than the tolerance before any conversion; the file is not to blame."""
    figures = parity.compare(REFERENCE, shifted(1e-2), "float32", rounding_error=lambda: 0.6e-2)
    assert figures.tolerance == pytest.approx(1.2e-2)
    with pytest.raises(ExportParityError):
        parity.compare(REFERENCE, shifted(1e-2), "float32", rounding_error=lambda: 0.4e-2)


def test_sequences_cover_the_lengths_and_fit_the_model() -> None:
    """An id out of range reads foreign memory, and one length alone would leave the mask untested."""
    sequences = parity.draw_sequences(SMALL, 40, 16)
    lengths = [int(s.mask.sum()) for s in sequences]
    assert lengths[0] == 2
    assert lengths[-1] == 40
    assert len(set(lengths)) == 16
    for s, real in zip(sequences, lengths, strict=True):
        assert s.mask[:real].all()
        assert 0 < s.ids[:real].min() <= s.ids.max() < SMALL.vocab_size
        assert set(s.types[:real]) == {0, 1}
        assert not s.ids[real:].any()
        assert not s.types[real:].any()


def test_the_first_token_stands_first_and_nowhere_else() -> None:
    """A checkpoint that never saw [CLS] in the middle, or none at all, answers such a question with noise."""
    for first in (1, 7):
        for s in parity.draw_sequences(dataclasses.replace(SMALL, vocab_size=20), 40, 16, first=first):
            real = s.ids[s.mask == 1]
            assert real[0] == first
            assert not (real[1:] == first).any()
            assert real.min() > 0
