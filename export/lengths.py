"""Which lengths a file has signatures for, and which of them runs a sequence.

The rule of "shortest": the shortest signature that is longer than the sequence's real tokens, else the
longest. Longer, not as long: the embedding of a token reads its right neighbour, which for the last real
token is [PAD]'s in a longer padding and zeros at the end of the array. So a sequence has the logits that it
would have in the longest signature, but for rounding. The device program follows the same rule
(native/model.c), and every launch is checked against this one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from results.device import LengthPolicy
from results.errors import ConfigError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CLAIM_LENGTH = 128
# For MNLI's matched pairs (mean 39 tokens, median 36, 95 % up to 72): of all sets of four that end in 128, in
# steps of 8, the one with the lowest expected cost, 0.45 of the padded one; a test shows it.
DEFAULT_LENGTHS = (32, 48, 72, CLAIM_LENGTH)
# [CLS] and [SEP]; and where BERT's position embedding ends.
SHORTEST, LONGEST = 2, 512


def signature_lengths(asked: tuple[int, ...] | None, length: int | None) -> tuple[int, ...]:
    """The lengths to export, ascending: those asked for and `length`, or the default ones that are shorter.

    Raises: ConfigError for none, one twice, or one outside SHORTEST to LONGEST.
    """
    if asked is None:
        longest = CLAIM_LENGTH if length is None else length
        return (*(short for short in DEFAULT_LENGTHS if short < longest), longest)
    shown = ",".join(map(str, asked))
    if not asked or len(set(asked)) != len(asked):
        raise ConfigError(
            f'--lengths "{shown}" names no length, or one twice',
            next_step="Give one or more different lengths, separated by commas, such as 24,40,64,128.",
        )
    outside = [one for one in asked if not SHORTEST <= one <= LONGEST]
    if outside:
        raise ConfigError(
            f'--lengths "{shown}": {outside[0]} is outside {SHORTEST} to {LONGEST}',
            next_step="Give lengths in that range.",
        )
    return tuple(sorted({*asked, *(() if length is None else (length,))}))


def row_length(lengths: Sequence[int], length: int | None, policy: LengthPolicy) -> int:
    """The length to which rows are padded and cut, one of `lengths`: `length` where it is given.

    Else the claim's where it is there and the policy is "fixed", else the longest. Raises: ConfigError.
    """
    if length is None:
        return CLAIM_LENGTH if policy == "fixed" and CLAIM_LENGTH in lengths else max(lengths)
    if length not in lengths:
        raise ConfigError(
            f"the model has no signature for {length} tokens; it has {', '.join(map(str, sorted(lengths)))}",
            next_step="Give --length one of those, or leave it out.",
        )
    return length


def refuse_beyond(lengths: Sequence[int], positions: int) -> None:
    """Raise ConfigError where a length is beyond the checkpoint's `positions`."""
    if max(lengths) > positions:
        raise ConfigError(
            f"the checkpoint has positions for {positions} tokens, and {max(lengths)} were asked for",
            next_step=f"Give --length {positions} or less, and no longer --lengths.",
        )


def usable(lengths: Sequence[int], row_length: int, policy: LengthPolicy) -> tuple[int, ...]:
    """The lengths that may run a row of `row_length` tokens, padding included, ascending."""
    if policy == "fixed":
        return (row_length,)
    return tuple(sorted(length for length in lengths if length <= row_length))


def assign(mask: NDArray[np.int32], lengths: Sequence[int], policy: LengthPolicy) -> NDArray[np.int64]:
    """Which length runs each row, shape (rows,). `mask`: attention masks, shape (rows, row length)."""
    return _shortest(usable(lengths, mask.shape[1], policy), real_tokens(mask))


def real_tokens(mask: NDArray[np.int32]) -> NDArray[np.int64]:
    """Tokens of each row that are not padding, up to the last one that the mask lets through."""
    import numpy as np

    return np.where(mask.any(axis=1), mask.shape[1] - mask[:, ::-1].argmax(axis=1), 0)


def expected_cost(
    lengths: Sequence[int], tokens: NDArray[np.int64], *, fixed: float, per_token: float
) -> float:
    """Mean cost of a sequence under "shortest", where a signature of L tokens costs fixed + per_token * L.

    `tokens`: real tokens of each sequence, shape (rows,); longer ones are cut.
    """
    return fixed + per_token * float(_shortest(tuple(sorted(lengths)), tokens).mean())


def _shortest(lengths: tuple[int, ...], tokens: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rule; `lengths` ascending."""
    import numpy as np

    at = np.searchsorted(lengths, tokens, side="right")
    chosen: NDArray[np.int64] = np.array(lengths)[np.minimum(at, len(lengths) - 1)]
    return chosen
