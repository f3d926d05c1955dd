"""Two series of one run, launch against launch: in each round both had a turn, in an order by chance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from results.launches import counted, launches_of
from results.record import Launch, Record
from results.series import Series


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounds:
    """What two series have of each round, by `Launch.index`.

    `attempts`: every launch of each side, in the order of the run. `every`: rounds with a launch of either;
    `whole`: those in which the last attempts of both are valid; both ascending.
    """

    attempts: tuple[tuple[Launch, ...], tuple[Launch, ...]]
    every: tuple[int, ...]
    whole: tuple[int, ...]

    @property
    def pairs(self) -> tuple[tuple[Launch, Launch], ...]:
        """The launches that count of each whole round."""
        first, second = ({launch.index: launch for launch in counted(own)} for own in self.attempts)
        return tuple((first[index], second[index]) for index in self.whole)

    @property
    def repeated(self) -> int:
        """How many launches of both sides a later one stands in for."""
        return sum(len(own) - len(counted(own)) for own in self.attempts)


def pair_rounds(record: Record, first: Series, second: Series) -> Rounds:
    """The rounds of two series of one run."""
    attempts = (tuple(launches_of(record, first)), tuple(launches_of(record, second)))
    by_round = [{launch.index: launch for launch in counted(own)} for own in attempts]
    every = sorted({index for launches in by_round for index in launches})
    return Rounds(
        attempts=attempts,
        every=tuple(every),
        whole=tuple(index for index in every if all(_valid(launches, index) for launches in by_round)),
    )


def over_attempts(
    launches: Sequence[Launch], index: int, value: Callable[[Launch], float | None]
) -> float | None:
    """The geometric mean of `value` over every attempt in one round that has one; None where none has."""
    values = [value(launch) for launch in launches if launch.index == index]
    known = np.array([one for one in values if one is not None])
    return float(np.exp(np.mean(np.log(known)))) if known.size else None


def of_both(names: tuple[str, str], texts: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """What is said of either side, once, and named where only one has it."""
    said: dict[str, None] = {}
    for name, own, other in zip(names, texts, reversed(texts), strict=True):
        for text in own:
            said[text if text in other else f"{name}: {text}"] = None
    yield from said


def left_out(rounds: Rounds) -> Iterator[str]:
    """A sentence where rounds do not count."""
    if len(rounds.whole) < len(rounds.every):
        missing = len(rounds.every) - len(rounds.whole)
        yield f"{missing} of {len(rounds.every)} rounds left out: a launch in them is missing or invalid"


def _valid(launches: dict[int, Launch], index: int) -> bool:
    return index in launches and not launches[index].invalid
