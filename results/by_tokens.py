"""Latency by how many real tokens a sequence has: padding costs as much as words, and this shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from results import stats
from results.launches import counted, keeps_samples, launches_of, timed_samples
from results.record import Record
from results.samples import LaunchSamples
from results.series import Series, parity_of
from results.stats import SHOWN_LEVEL, Estimate

# Upper ends of the bands, tokens; most sentence pairs have 20 to 60.
BANDS = (16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """Sequences of `fewest` to `most` real tokens, as they occur; p50, ns, of a typical launch over them."""

    fewest: int
    most: int
    sequences: int
    inferences: int
    p50: Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenLatencies:
    """One series by real tokens, fewest first; never empty."""

    series: Series
    bands: tuple[Band, ...]


def token_latencies(
    record: Record, samples: Mapping[str, LaunchSamples], of: Series
) -> TokenLatencies | None:
    """The valid launches of one series; None where tokens are not known or nothing counts.

    `samples`: by `Launch.samples_file`. Raises RecordDamaged where a launch's samples are missing or other in
    number than the record says.
    """
    valid = [launch for launch in counted(launches_of(record, of)) if not launch.invalid]
    if not valid or not keeps_samples(valid) or parity_of(record, of) != "passed":
        return None
    timed = []
    for launch in valid:
        rows, durations = timed_samples(launch, samples)
        held = samples[launch.samples_file]
        if held.tokens is None:
            return None
        timed.append((rows, durations, held.tokens[held.timed]))
    bands = []
    for above, up_to in zip((0, *BANDS), (*BANDS, math.inf), strict=True):
        within = [(tokens > above) & (tokens <= up_to) for _, _, tokens in timed]
        seen = np.concatenate([tokens[chosen] for (_, _, tokens), chosen in zip(timed, within, strict=True)])
        if not seen.size:
            continue
        rows_seen = [rows[chosen] for (rows, _, _), chosen in zip(timed, within, strict=True)]
        durations_seen = [took[chosen] for (_, took, _), chosen in zip(timed, within, strict=True)]
        bands.append(
            Band(
                fewest=int(seen.min()),
                most=int(seen.max()),
                sequences=int(np.unique(np.concatenate(rows_seen)).size),
                inferences=int(seen.size),
                p50=stats.typical(durations_seen, 0.5, SHOWN_LEVEL),
            )
        )
    return TokenLatencies(series=of, bands=tuple(bands)) if bands else None
