"""A recorded run with its raw data, as its folder gives them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from results.predictions import Predictions
from results.record import Record
from results.samples import LaunchSamples


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One run. `name`: how the call named it; `samples` by `Launch.samples_file`, `predictions` by recipe."""

    name: str
    record: Record
    samples: Mapping[str, LaunchSamples]
    predictions: Mapping[str, Predictions]
