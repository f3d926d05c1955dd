"""The latency of every sequence: what each row of the sequences file takes, over the launches of one series.

Every launch runs the same rows in an order of its own, so that a row's place in a launch averages out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results import stats
from results.launches import counted, keeps_samples, launches_of, timed_samples
from results.record import Record
from results.samples import LaunchSamples
from results.series import Series, parity_of, series
from results.stats import SHOWN_LEVEL, Estimate

HEADER = "row,median_ms,slowest_ms,fastest_ms,launches,signature"
NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceLatency:
    """One row's latency, ns, over `launches` launches that timed it.

    `median_ns`: the median over launches of the row's median in each, so that one interrupted inference or
    one odd launch does not move it. `medians_ns`: those, one per launch. `slowest_ns`, `fastest_ns`: single
    inferences. `signature`: key of the one that ran it, the same in every launch.
    """

    row: int
    signature: str
    median_ns: float
    slowest_ns: int
    fastest_ns: int
    medians_ns: tuple[float, ...]

    @property
    def launches(self) -> int:
        """The number of launches that timed this row."""
        return len(self.medians_ns)

    @property
    def typical(self) -> Estimate:
        """The median with the distribution-free interval of these launches, this row's own."""
        return stats.median_over_launches(np.array(self.medians_ns), SHOWN_LEVEL)


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceLatencies:
    """Every timed row of one series, in order of row id; never empty.

    `launches`: how many they rest on. `only_invalid`: no launch was valid, so these are the invalid ones.
    """

    series: Series
    launches: int
    only_invalid: bool
    sequences: tuple[SequenceLatency, ...]

    @property
    def recipe(self) -> str:
        """How it was converted."""
        return self.series.recipe

    @property
    def by_median(self) -> tuple[SequenceLatency, ...]:
        """The sequences from fastest to slowest; equal ones by row id."""
        return tuple(sorted(self.sequences, key=lambda one: (one.median_ns, one.row)))

    def within(self, limit_ns: float) -> int:
        """How many sequences have a median of at most `limit_ns`."""
        return sum(one.median_ns <= limit_ns for one in self.sequences)

    def always_within(self, limit_ns: float) -> int:
        """How many sequences never took longer than `limit_ns`, in any inference."""
        return sum(one.slowest_ns <= limit_ns for one in self.sequences)


def sequence_latencies(
    record: Record, samples: Mapping[str, LaunchSamples], recipe: str, model: str | None = None
) -> SequenceLatencies | None:
    """The latency of every sequence; None without raw samples, or where device parity did not pass.

    `samples`: by `Launch.samples_file`; `model` None: the judged one. Only valid launches count; where none
    is, the last attempt of each does, and it says so.
    Raises RecordDamaged where a launch's samples are missing or other in number than the record says.
    """
    of = series(record, recipe, model)
    launches = counted(launches_of(record, of))
    if not keeps_samples(launches):
        return None
    valid = [launch for launch in launches if not launch.invalid]
    # The record's order is that of the run, so that the result does not depend on how samples are held.
    timed = [timed_samples(launch, samples) for launch in valid or launches]
    if parity_of(record, of) != "passed" or not any(rows.size for rows, _ in timed):
        return None
    held = [samples[launch.samples_file] for launch in valid or launches if launch.timed_inferences]
    ran: dict[int, str] = {}
    for one in held:
        ran.update(zip(one.row.tolist(), one.signature.tolist(), strict=True))
    medians: dict[int, list[float]] = {}
    extremes: dict[int, tuple[int, int]] = {}
    for rows, durations in timed:
        for row, own in _by_row(rows, durations):
            medians.setdefault(row, []).append(float(np.median(own)))
            slowest, fastest = int(own.max()), int(own.min())
            before = extremes.get(row, (slowest, fastest))
            extremes[row] = (max(before[0], slowest), min(before[1], fastest))
    return SequenceLatencies(
        series=of,
        launches=len(timed),
        only_invalid=not valid,
        sequences=tuple(
            SequenceLatency(
                row=row,
                signature=ran[row],
                median_ns=float(np.median(medians[row])),
                slowest_ns=extremes[row][0],
                fastest_ns=extremes[row][1],
                medians_ns=tuple(medians[row]),
            )
            for row in sorted(medians)
        ),
    )


def sequences_file(of: Series) -> str:
    """The name of a series' file in the run folder."""
    return f"sequences-{of.stem}.csv"


def write_sequences(latencies: SequenceLatencies) -> bytes:
    """The CSV file's bytes, LF line ends; milliseconds with six digits, which is whole nanoseconds."""
    lines = [HEADER]
    for one in latencies.sequences:
        figures = (one.median_ns, one.slowest_ns, one.fastest_ns)
        milliseconds = (f"{ns / NS_PER_MS:.6f}" for ns in figures)
        lines.append(",".join((str(one.row), *milliseconds, str(one.launches), one.signature)))
    return ("\n".join(lines) + "\n").encode()


def _by_row(rows: NDArray[np.int64], durations: NDArray[np.int64]) -> list[tuple[int, NDArray[np.int64]]]:
    """One launch's durations by row id, rows ascending."""
    order = np.argsort(rows, kind="stable")
    ids, starts = np.unique(rows[order], return_index=True)
    return list(zip(ids.tolist(), np.split(durations[order], starts[1:]), strict=True)) if ids.size else []
