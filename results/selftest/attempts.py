"""Launches that are repeated where they were not steady, as a run does it, with every attempt kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.selftest.trials import Analyses
from results.steady import INVALID

REPEATS = 2  # of a launch that was not steady, as a run's default has it

# So many launches of timed inferences, ns, one a row.
Draw = Callable[[int], NDArray[np.int64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One launch that was asked for: its attempts' timed inferences, ns; `valid`: whether the last is."""

    attempts: tuple[NDArray[np.int64], ...]
    valid: bool


def run_slots(count: int, draw: Draw, analyses: Analyses) -> tuple[Slot, ...]:
    """So many launches, each repeated until it is steady, or often enough."""
    attempts: list[list[NDArray[np.int64]]] = [[] for _ in range(count)]
    valid = [False] * count
    for _ in range(1 + REPEATS):
        again = [at for at in range(count) if not valid[at]]
        if not again:
            break
        for at, launch in zip(again, draw(len(again)), strict=True):
            attempts[at].append(launch)
            valid[at] = analyses.classify(launch).kind not in INVALID
    return tuple(Slot(attempts=tuple(own), valid=ok) for own, ok in zip(attempts, valid, strict=True))


def counting(slots: Sequence[Slot]) -> list[NDArray[np.int64]]:
    """The launches that count: the last attempts, where they are valid."""
    return [slot.attempts[-1] for slot in slots if slot.valid]


def chosen(slots: Sequence[Slot]) -> bool:
    """Whether any launch was left out, so that what counts was chosen."""
    return any(len(slot.attempts) > 1 or not slot.valid for slot in slots)


def every(slots: Sequence[Slot]) -> list[NDArray[np.int64]]:
    """Every attempt."""
    return [launch for slot in slots for launch in slot.attempts]
