"""What is compared of a launch: its p50, its p90 and how long the model took to load, all in ns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from results import stats
from results.launches import NO_MEDIAN, keeps_samples, median_ns, no_samples, timed_samples
from results.record import Launch, Record
from results.samples import LaunchSamples
from results.stats import SAMPLES_NEEDED

P50, P90, LOAD = "p50", "p90", "load time"
METRICS = (P50, P90, LOAD)  # the main one first


def metric_of(launch: Launch, samples: Mapping[str, LaunchSamples], metric: str) -> float | None:
    """One metric of one launch, ns; None where it has too few samples, or its program does not tell.

    Raises RecordDamaged where its samples are missing or other in number than the record says.
    """
    if metric == P50:
        return median_ns(launch, samples)
    if metric == LOAD:
        return float(launch.load_ns) if launch.load_ns > 0 else None
    if launch.summary is not None:
        return None
    return stats.quantile(timed_samples(launch, samples)[1], 0.9)


def why_missing(record: Record, launches: Sequence[Launch], metric: str) -> str:
    """Why some of these launches, of which there is one at least, have no such metric."""
    if metric == LOAD:
        return "the program does not tell how long the model took to load"
    needed = SAMPLES_NEEDED[0.5 if metric == P50 else 0.9]
    fewest = min(launch.timed_inferences for launch in launches)
    if metric == P90 and not keeps_samples(launches):
        return no_samples(record)
    if fewest < needed:
        return f"n too small (need >= {needed} per launch, has {fewest})"
    return NO_MEDIAN
