"""Runs as series, each judged by its gate: what has become slower, and from which run on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from results.history.gate import Finding, examine
from results.history.key import SeriesKey, Setting, changes_between, full_label, key_of
from results.history.levels_file import AcknowledgedLevel
from results.history.summaries import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """From `at` (a position in a series) on, `what` is another, and the series goes on all the same."""

    at: int
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSeries:
    """Runs that measured the same, oldest first: those that count, and those that are shown only.

    `finding`: positions in it are those of `readings`. `acknowledged`: the level that someone accepted;
    `since`: where that begins.
    """

    key: SeriesKey
    readings: tuple[Reading, ...]
    left_out: tuple[Reading, ...]
    breaks: tuple[Break, ...]
    finding: Finding
    acknowledged: AcknowledgedLevel | None
    since: int

    @property
    def changed(self) -> bool:
        """Whether it has a new level, which someone may accept."""
        return self.finding.kind in ("slower", "faster")

    @property
    def unjudged(self) -> Reading | None:
        """The newest run, where it does not count: what is said of the series is said of older ones."""
        if not self.left_out:
            return None
        last = self.left_out[-1]
        newer = [
            one for one in self.readings if (one.started_at, one.run_id) > (last.started_at, last.run_id)
        ]
        return None if newer else last

    @property
    def device(self) -> str:
        """How the newest run calls its device."""
        return (self.readings or self.left_out)[-1].setting.device

    @property
    def label(self) -> str:
        """The series in words that do not depend on which others there are."""
        return full_label(self.key, self.device)


def series_of_runs(
    readings: Iterable[Reading],
    across: tuple[str, ...],
    levels: Mapping[str, AcknowledgedLevel],
    threshold: float,
) -> tuple[RunSeries, ...]:
    """Every series in the order of its label, judged. `readings`: oldest first.

    `across`: as `check_across` gives it; `levels`: by a key's digest; `threshold`: a share, 0 to 1.
    """
    keys: dict[Setting, SeriesKey] = {}  # few among many readings
    grouped: dict[SeriesKey, list[Reading]] = {}
    for one in readings:
        key = keys.get(one.setting)
        if key is None:
            key = keys[one.setting] = key_of(one.setting, across)
        grouped.setdefault(key, []).append(one)
    found = [_judged(key, own, levels.get(key.digest), threshold) for key, own in grouped.items()]
    return tuple(sorted(found, key=lambda one: (one.label, one.key.digest)))


def _judged(
    key: SeriesKey, own: list[Reading], acknowledged: AcknowledgedLevel | None, threshold: float
) -> RunSeries:
    counting = tuple(one for one in own if one.counts)
    since = 0
    if acknowledged is not None:
        since = sum(one.started_at < acknowledged.since_started_at for one in counting)
    values = np.array([one.p50_ns for one in counting], dtype=np.float64)
    level_ns = None if acknowledged is None else acknowledged.level_ns
    return RunSeries(
        key=key,
        readings=counting,
        left_out=tuple(one for one in own if not one.counts),
        breaks=tuple(_breaks(counting)),
        finding=examine(values, threshold, since, level_ns),
        acknowledged=acknowledged,
        since=since,
    )


def _breaks(readings: tuple[Reading, ...]) -> Iterable[Break]:
    for at in range(1, len(readings)):
        before, after = readings[at - 1].setting, readings[at].setting
        if before is not after and (what := changes_between(before, after)):
            yield Break(at=at, what=what)


def acknowledge(series: Iterable[RunSeries], reason: str) -> dict[str, AcknowledgedLevel]:
    """The newest level of each of these series, by its key's digest, accepted for this reason."""
    accepted = {}
    for one in series:
        level = one.finding.levels[-1]
        first = one.readings[level.start]
        accepted[one.key.digest] = AcknowledgedLevel(
            key=one.key.digest,
            label=one.label,
            level_ns=round(level.value_ns, 1),
            since_run=first.run_id,
            since_started_at=first.started_at,
            commit=first.commit,
            reason=reason,
            acknowledged_at=one.readings[-1].started_at,
        )
    return accepted
