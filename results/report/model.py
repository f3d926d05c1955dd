"""What a report consists of, before it has a form: lines, tables, notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from results.report.figures import Figure
from results.stats import Estimate, Interval

MS_PER_NS = 1e-6
LATENCY_TITLE = "MobileBERT on-device latency"
ACCURACY_TITLE = "MobileBERT accuracy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """A number as readers see it: value, unit, digits after the point, interval; or why there is none."""

    value: float | None
    unit: str
    digits: int
    interval: Interval | None = None
    reason: str | None = None

    def __str__(self) -> str:
        if self.value is None:
            return self.reason or "-"
        # z: a limit that rounds to nothing is 0, not -0.
        text = f"{self.value:z.{self.digits}f} {self.unit}"
        if self.interval is not None:
            text += f" [{self.interval.low:z.{self.digits}f}, {self.interval.high:z.{self.digits}f}]"
        return text


def quantity(estimate: Estimate, unit: str, digits: int, scale: float) -> Quantity:
    """An estimate in a reader's unit: its value times `scale`."""
    interval = estimate.interval
    if interval is not None:
        interval = Interval(low=interval.low * scale, high=interval.high * scale, level=interval.level)
    value = None if estimate.value is None else estimate.value * scale
    return Quantity(value=value, unit=unit, digits=digits, interval=interval, reason=estimate.reason)


def milliseconds(estimate: Estimate) -> Quantity:
    """An estimate in ns as milliseconds: to a hundredth below 100 ms, to a tenth above."""
    value_ms = (estimate.value or 0.0) * MS_PER_NS
    return quantity(estimate, "ms", 2 if value_ms < 100 else 1, MS_PER_NS)


Cell = str | Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A titled table, and sentences under it. `comparable`: what its numbers may be held against."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    comparable: str = ""
    lines: tuple[str, ...] = ()
    id: str = ""


Outcome = Literal["passed", "failed", "undecided", "error"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that a CI is told of: a claim, a series of a history, a metric of a comparison.

    `group`: as "claims.latency"; `seconds`: how long measuring it took, wall time, 0 where that is unknown.
    """

    group: str
    name: str
    outcome: Outcome
    message: str
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A report. `where` comes first: what was measured on, whatever the numbers look like.

    `floors`: a sentence directly under the verdict, of a run of accuracy alone; empty for others.
    `title`: for pages and lists; `outcome`: of the whole, in the words of a `Check`. `notes` are the
    footnotes [1], [2]... that the tables refer to. `figures`: for forms that can draw, each beside the table
    of the same `id`. `tables` of a run have ids: claims, latency, ... (each builder sets its own).
    """

    where: str
    verdict: str
    tables: tuple[Table, ...]
    notes: tuple[str, ...]
    files: tuple[str, ...]
    floors: str = ""
    title: str = LATENCY_TITLE
    outcome: Outcome = "undecided"
    checks: tuple[Check, ...] = ()
    figures: tuple[Figure, ...] = ()
