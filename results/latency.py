"""What a run timed, per series: the latency of a typical launch, over the launches that count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from results import stats
from results.doubts import latency_doubts, latency_remarks
from results.launches import (
    counted,
    keeps_samples,
    launches_of,
    median_ns,
    timed_samples,
    typical,
)
from results.record import Record
from results.samples import LaunchSamples
from results.series import ParityWord, Series, parity_of, series
from results.stats import DECIDING_LEVEL, SHOWN_LEVEL, Estimate
from results.variance import Variance, split


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySummary:
    """One series' latency, ns: p50 to p99 of a typical launch with 95 % intervals.

    `launches_total`: slots, each of which counts by its last attempt; `launches_repeated`: attempts that a
    later one stands in for. `medians_ns`: one per valid launch. `deciding`: p50 with the interval that
    decides (90 %); `with_repeated`: the same over every launch that timed enough, those that are invalid or
    were repeated among them; None where none is. `inferences`: timed ones in valid launches. `raw`: the
    program keeps every inference. `variance`: None without them, or without parity. `doubts`: why it can be
    inconclusive at best; `remarks` decide nothing.
    """

    series: Series
    parity: ParityWord
    launches_total: int
    launches_valid: int
    launches_repeated: int
    inferences: int
    p50: Estimate
    p90: Estimate
    p95: Estimate
    p99: Estimate
    deciding: Estimate
    with_repeated: Estimate | None
    medians_ns: tuple[float, ...]
    slow_starts: int
    raw: bool
    variance: Variance | None = None
    doubts: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def recipe(self) -> str:
        """How it was converted."""
        return self.series.recipe


def summarize_latency(
    record: Record, samples: Mapping[str, LaunchSamples], recipe: str, model: str | None = None
) -> LatencySummary | None:
    """The latency of one recipe's series, as `summarize_series` has it; `model` None: the judged one."""
    return summarize_series(record, samples, series(record, recipe, model))


def summarize_series(
    record: Record, samples: Mapping[str, LaunchSamples], of: Series
) -> LatencySummary | None:
    """The latency of one series; None where nothing of it was launched and no parity was checked.

    `samples`: by `Launch.samples_file`. A series whose device parity did not pass has no latency: what was
    timed is not the model.
    Raises RecordDamaged where a launch's samples are missing or other in number than the record says.
    """
    launches = launches_of(record, of)
    parity = parity_of(record, of)
    if not launches and parity == "missing":
        return None
    last = counted(launches)
    valid = [launch for launch in last if not launch.invalid]
    medians = [median_ns(launch, samples) for launch in valid]
    raw = keeps_samples(launches)
    slow_starts = sum(stats.first_is_slow(timed_samples(launch, samples)[1]) for launch in valid if raw)
    with_repeated: Estimate | None = None
    variance = split([timed_samples(launch, samples)[1] for launch in valid]) if raw and valid else None
    if parity != "passed":
        reason = f"device parity {parity}: no latency is reported"
        none = Estimate(value=None, interval=None, n=0, reason=reason)
        p50 = p90 = p95 = p99 = deciding = none
        medians, variance = [], None
    else:
        p50, p90, p95, p99 = (typical(record, valid, samples, q, SHOWN_LEVEL) for q in (0.5, 0.9, 0.95, 0.99))
        deciding = typical(record, valid, samples, 0.5, DECIDING_LEVEL)
        every = [launch for launch in launches if median_ns(launch, samples) is not None]
        if any(launch.invalid for launch in every):
            with_repeated = typical(record, every, samples, 0.5, DECIDING_LEVEL)
    known = [one for one in medians if one is not None]
    doubts = (
        latency_doubts(record, launches, slow_starts)
        if parity == "passed"
        else (f"device parity {parity}: it is not shown that the device computes what the host does",)
    )
    return LatencySummary(
        series=of,
        parity=parity,
        launches_total=len(last),
        launches_valid=len(valid),
        launches_repeated=len(launches) - len(last),
        inferences=sum(launch.timed_inferences for launch in valid),
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        deciding=deciding,
        with_repeated=with_repeated,
        medians_ns=tuple(known) if len(known) == len(medians) else (),
        slow_starts=slow_starts,
        raw=raw,
        variance=variance,
        doubts=doubts,
        remarks=latency_remarks(record, launches),
    )
