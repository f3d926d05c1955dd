"""The launches of one series: which of them count, and what each of them timed.

A slot is one `index` of a series. An invalid launch may be repeated there, and a slot counts by its last
attempt; what a repeat replaced is kept, and shown, and held against what counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from results import stats
from results.errors import RecordDamaged
from results.record import Launch, Record
from results.samples import LaunchSamples
from results.series import Series
from results.stats import SAMPLES_NEEDED, Estimate

NO_MEDIAN = "the program gives no median"


def launches_of(record: Record, of: Series) -> list[Launch]:
    """The launches of one series, every attempt of each, in the order of the run."""
    wanted = (of.model, of.recipe, of.arm)
    return [one for one in record.launches if (one.model, one.recipe, one.arm) == wanted]


def counted(launches: Sequence[Launch]) -> list[Launch]:
    """The last attempt of each slot of one series, in the order of the run."""
    last = {launch.index: launch for launch in launches}
    return [launch for launch in launches if last[launch.index] is launch]


def replaced(launches: Sequence[Launch]) -> list[Launch]:
    """The attempts of one series that a later one stands in for, in the order of the run."""
    last = {launch.index: launch for launch in launches}
    return [launch for launch in launches if last[launch.index] is not launch]


def keeps_samples(launches: Sequence[Launch]) -> bool:
    """Whether their program keeps every inference; a run has one program, so that one launch tells of all."""
    return all(launch.summary is None for launch in launches)


def no_samples(record: Record) -> str:
    """Why there is no more than a median where a program keeps no raw samples."""
    name = (record.settings.runner.split() or ["the device program"])[0]
    return f"{name} keeps no raw samples"


def timed_samples(
    launch: Launch, samples: Mapping[str, LaunchSamples]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row ids and durations, ns, of a launch's timed inferences in measured order, both of shape (n,).

    Raises RecordDamaged where they are not as many as the record says.
    """
    held = samples.get(launch.samples_file)
    nothing = np.empty(0, dtype=np.int64)
    rows, durations = (nothing, nothing) if held is None else (held.row[held.timed], held.timed_ns)
    if durations.size != launch.timed_inferences:
        raise RecordDamaged(
            f"{launch.samples_file} has {durations.size} timed inferences, the record says "
            f"{launch.timed_inferences}.",
            next_step="Measure again; neither file is ever edited.",
            path=launch.samples_file,
        )
    return rows, durations


def median_ns(launch: Launch, samples: Mapping[str, LaunchSamples]) -> float | None:
    """The median of one launch, ns; None where it has too few samples, or its program gives none.

    Raises RecordDamaged as `timed_samples` does.
    """
    if launch.summary is not None:
        return launch.summary.median_ns if launch.timed_inferences >= SAMPLES_NEEDED[0.5] else None
    return stats.quantile(timed_samples(launch, samples)[1], 0.5)


def typical(
    record: Record, launches: Sequence[Launch], samples: Mapping[str, LaunchSamples], q: float, level: float
) -> Estimate:
    """The quantile of a typical one of these launches of one series, ns, as `stats.typical` has it.

    Of a program that keeps no raw samples there is its own median of each launch, and no other quantile.
    """
    if keeps_samples(launches):
        return stats.typical([timed_samples(launch, samples)[1] for launch in launches], q, level)
    reason = no_samples(record)
    if q == 0.5:
        medians = [launch.summary.median_ns for launch in launches if launch.summary is not None]
        known = np.array([one for one in medians if one is not None])
        fewest = min(launch.timed_inferences for launch in launches)
        if fewest < SAMPLES_NEEDED[q]:
            reason = f"n too small (need >= {SAMPLES_NEEDED[q]} per launch, has {fewest})"
        elif known.size < len(launches):
            reason = NO_MEDIAN
        else:
            return stats.over_launches(known, level)
    return Estimate(value=None, interval=None, n=len(launches), reason=reason)
