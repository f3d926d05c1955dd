"""Latency by signature: what each length of a file takes, and the mean over all sequences.

Only where a launch ran several signatures, each sequence by one of them.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureLatency:
    """One signature: how many sequences it ran, and the p50, ns, of a typical launch over its inferences."""

    key: str
    sequences: int
    inferences: int
    p50: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthLatencies:
    """One series by signature, shortest first.

    `mean`: over sequences, ns, each sequence counted once, of a typical launch.
    """

    series: Series
    signatures: tuple[SignatureLatency, ...]
    mean: Estimate


def length_latencies(
    record: Record, samples: Mapping[str, LaunchSamples], recipe: str, model: str | None = None
) -> LengthLatencies | None:
    """The valid launches of one series by signature; None under the policy "fixed" or without samples.

    `samples`: by `Launch.samples_file`; `model`: None is the judged one. Raises RecordDamaged where a
    launch's samples are missing or other in number than the record says.
    """
    of = series(record, recipe, model)
    valid = [launch for launch in counted(launches_of(record, of)) if not launch.invalid]
    if record.settings.length_policy == "fixed" or parity_of(record, of) != "passed":
        return None
    if not valid or not keeps_samples(valid):
        return None
    timed = []
    for launch in valid:
        rows, durations = timed_samples(launch, samples)
        held = samples[launch.samples_file]
        timed.append((rows, durations, held.signature[held.timed]))
    keys = np.unique(np.concatenate([signatures for _, _, signatures in timed])).tolist()
    lengths = {one.key: one.length for artifact in record.artifacts for one in artifact.signatures}
    return LengthLatencies(
        series=of,
        signatures=tuple(
            SignatureLatency(
                key=key,
                sequences=len(set().union(*(rows[ran == key].tolist() for rows, _, ran in timed))),
                inferences=sum(int((ran == key).sum()) for _, _, ran in timed),
                p50=stats.typical([durations[ran == key] for _, durations, ran in timed], 0.5, SHOWN_LEVEL),
            )
            for key in sorted(keys, key=lambda key: (lengths.get(key, 0), key))
        ),
        mean=stats.over_launches(np.array([_mean(rows, took) for rows, took, _ in timed]), SHOWN_LEVEL),
    )


def _mean(rows: NDArray[np.int64], durations: NDArray[np.int64]) -> float:
    """The mean over sequences of one launch, where some may have been timed more often than others."""
    _, position, counts = np.unique(rows, return_inverse=True, return_counts=True)
    return float(np.mean(np.bincount(position, weights=durations) / counts))
