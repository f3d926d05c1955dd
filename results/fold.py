"""From the two judged claims to one status: the whole rule, and nothing else."""

from __future__ import annotations

from typing import Literal

Status = Literal["reproduced", "not_reproduced", "inconclusive", "not_comparable"]
ProtocolMatch = Literal["exact", "proxy", "mismatch"]

_WORST_LAST: tuple[ProtocolMatch, ...] = ("exact", "proxy", "mismatch")


def fold(latency: Status, accuracy: Status, *, parity_failed: bool, under_floor: bool) -> Status:
    """The status of latency and accuracy together.

    `parity_failed`: the device computes something else than the host. `under_floor`: the recipe's
    accuracy is shown to be further below float32's than the margin allows. A fast model with broken
    accuracy never passes.
    """
    both = (latency, accuracy)
    if parity_failed or under_floor or "not_reproduced" in both:
        return "not_reproduced"
    if both == ("reproduced", "reproduced"):
        return "reproduced"
    if "not_comparable" in both:
        return "not_comparable"
    return "inconclusive"


def worst(matches: tuple[ProtocolMatch, ...]) -> ProtocolMatch:
    """The weakest of several protocol matches."""
    return max(matches, key=_WORST_LAST.index)
