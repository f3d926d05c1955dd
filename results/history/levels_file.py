"""Acknowledged levels as they are written: a file for the repository whose latency is watched.

LEVELS_SCHEMA history:
  1  2026-11  first version
"""

from __future__ import annotations

from dataclasses import dataclass

LEVELS_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgedLevel:
    """A level of one series that someone has accepted, ns, and from which run on it holds.

    `key`: the series, as `SeriesKey.digest` has it; `label` is for readers. `since_run`, `since_started_at`
    and `commit` name the first run at this level; `acknowledged_at` is when the newest run began that was
    looked at then.
    """

    key: str
    label: str
    level_ns: float
    since_run: str
    since_started_at: str
    commit: str | None
    reason: str
    acknowledged_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """Everything that the file holds: at most one level of each series, in the order of their labels."""

    schema: int
    levels: tuple[AcknowledgedLevel, ...]
