"""What a report draws, as plain numbers: any form that can draw makes the same picture of them.

Values are in the unit that the figure names; what has no value is left out, never drawn as zero.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A line at one value, such as the paper's 62 ms."""

    value: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A range of values with a name, such as a threshold to both sides."""

    low: float
    high: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Named values, shape (n,), in any order: of one recipe or arm, over its launches that count."""

    label: str
    values: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ecdf:
    """The share of inferences that took at most so long."""

    id: str
    title: str
    caption: str
    unit: str
    curves: tuple[Curve, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestRow:
    """A value with its interval: of one launch (no interval), or of all. `kind`: whether it counts."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    kind: str = "valid"  # "valid", "invalid", "overall"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """Values under each other on one axis, the whole last."""

    id: str
    title: str
    caption: str
    unit: str
    rows: tuple[ForestRow, ...]
    marks: tuple[Mark, ...] = ()
    band: Band | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A level of a series, from one place on its axis to another."""

    start: float
    end: float
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineLaunch:
    """One launch in order: offsets from the run's start (s) and durations, both of shape (n,).

    `warmup`: how many of them, the first ones, are warm-up. `levels`: of the classifier, more than one where
    it changed. `cpu_c`, `skin_c`: before and after, where the device tells. `top_clock`: the share of busy
    time at the top clock, 0 to 1, where it tells.
    """

    label: str
    valid: bool
    start_s: tuple[float, ...]
    values: tuple[float, ...]
    warmup: int
    levels: tuple[Step, ...] = ()
    cpu_c: tuple[float | None, float | None] = (None, None)
    skin_c: tuple[float | None, float | None] = (None, None)
    top_clock: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """Every inference in the order in which it ran, launch by launch, and the device's state below."""

    id: str
    title: str
    caption: str
    unit: str
    launches: tuple[TimelineLaunch, ...]
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthPoint:
    """What sequences of so many real tokens took: the median over them, and how many they are."""

    tokens: int
    value: float
    sequences: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ByTokens:
    """Latency by a sequence's real tokens, padding left out: one dot a length, one group a recipe."""

    id: str
    title: str
    caption: str
    unit: str
    groups: tuple[tuple[str, tuple[LengthPoint, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPoint:
    """One run of a series. `kind`: "usual", "suspect" or "change" (a change point begins here)."""

    label: str
    value: float
    low: float | None
    high: float | None
    kind: str = "usual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """A series over many runs, oldest first; `levels` are in positions of `points`."""

    id: str
    title: str
    caption: str
    unit: str
    points: tuple[HistoryPoint, ...]
    levels: tuple[Step, ...] = ()
    marks: tuple[Mark, ...] = ()


Figure = Ecdf | Forest | Timeline | ByTokens | Trend
