"""Which length runs a row, which lengths are exported, and what is refused before anything starts."""

from __future__ import annotations

import numpy as np
import pytest

from export import lengths
from results.device import LengthPolicy
from results.errors import ConfigError


def masks(*tokens: int, length: int = 128) -> np.ndarray:
    """Attention masks of rows with so many real tokens."""
    return (np.arange(length) < np.array(tokens)[:, None]).astype(np.int32)


def test_the_shortest_that_is_longer() -> None:
    """A row that fills its signature has lost the padding that its last token reads: other logits."""
    rows = masks(0, 2, 23, 24, 25, 39, 40, 127, 128)
    chosen = lengths.assign(rows, (128, 24, 40), "shortest")
    assert chosen.tolist() == [24, 24, 24, 40, 40, 40, 128, 128, 128]
    assert set(lengths.assign(rows, (24, 40, 128), "fixed").tolist()) == {128}


def test_a_gap_in_the_mask_cuts_nothing_off() -> None:
    """Counting ones would choose 4 for the row 1 0 0 0 0 1, and lose its last token."""
    mask = np.array([[1, 0, 0, 0, 0, 1, 0, 0]], np.int32)
    assert lengths.real_tokens(mask).tolist() == [6]
    assert lengths.assign(mask, (4, 8), "shortest").tolist() == [8]


def test_rows_are_never_run_by_a_longer_signature_than_they_are_padded_to() -> None:
    """A row has no values beyond its padding; a file may have longer signatures all the same."""
    assert lengths.assign(masks(60, length=64), (24, 64, 128), "shortest").tolist() == [64]
    assert lengths.assign(masks(64, length=64), (24, 64, 128), "shortest").tolist() == [64]


@pytest.mark.parametrize(
    ("asked", "length", "exported"),
    [
        (None, None, lengths.DEFAULT_LENGTHS),
        (None, 50, (*(n for n in lengths.DEFAULT_LENGTHS if n < 50), 50)),
        (None, 256, (*lengths.DEFAULT_LENGTHS, 256)),
        ((64, 24), None, (24, 64)),
        ((64, 24), 32, (24, 32, 64)),
        ((64, 24), 64, (24, 64)),
    ],
)
def test_what_is_exported(
    asked: tuple[int, ...] | None, length: int | None, exported: tuple[int, ...]
) -> None:
    """--length is always among the signatures, or "fixed" could not run."""
    assert lengths.signature_lengths(asked, length) == exported


@pytest.mark.parametrize("asked", [(), (24, 24), (0, 128), (1,), (513,), (-5, 64)])
def test_lengths_that_are_refused(asked: tuple[int, ...]) -> None:
    """No conversion of a quarter of a minute before a wrong number is noticed."""
    with pytest.raises(ConfigError, match="--lengths"):
        lengths.signature_lengths(asked, None)


@pytest.mark.parametrize(
    ("has", "length", "policy", "padded_to"),
    [
        ((24, 128, 256), None, "fixed", 128),
        ((24, 128, 256), None, "shortest", 256),
        ((24, 64), None, "fixed", 64),
        ((24, 128), 24, "fixed", 24),
        ((24, 64, 128), 64, "shortest", 64),
    ],
)
def test_to_what_rows_are_padded(
    has: tuple[int, ...], length: int | None, policy: LengthPolicy, padded_to: int
) -> None:
    """Without --length: the claim's length where the file has it, so that any file is measured as claimed."""
    assert lengths.row_length(has, length, policy) == padded_to


def test_a_length_without_signature_is_refused() -> None:
    """A bare file has the lengths that it has; the nearest one would be another measurement."""
    with pytest.raises(ConfigError, match="no signature for 32 tokens; it has 24, 128"):
        lengths.row_length((128, 24), 32, "fixed")


def test_positions_end_somewhere() -> None:
    """A checkpoint with fewer positions than BERT's 512 says so before the conversion."""
    lengths.refuse_beyond((24, 64), 64)
    with pytest.raises(ConfigError, match="positions for 64 tokens, and 128"):
        lengths.refuse_beyond((24, 128), 64)


def test_expected_cost_is_that_of_the_rule() -> None:
    """Three rows, by hand: 10 tokens in 24, 24 tokens in 128 (not longer), 200 tokens cut to 128."""
    tokens = np.array([10, 24, 200])
    cost = lengths.expected_cost((128, 24), tokens, fixed=2.0, per_token=0.5)
    assert cost == pytest.approx(2 + 0.5 * (24 + 128 + 128) / 3)
