"""From a judged run to its summary: one point per series, for histories of many runs."""

from __future__ import annotations

from collections.abc import Mapping

from results.device import Device
from results.doubts import THERMAL_UNKNOWN
from results.encode import digest
from results.evaluated import Accuracy
from results.fold import Status
from results.history.summary_file import SUMMARY_SCHEMA, Point, RunSummary, SummaryDevice
from results.latency import LatencySummary, summarize_series
from results.manner import manner_of
from results.record import Record
from results.samples import LaunchSamples
from results.series import Series, judged_model, series_of
from results.stats import Estimate
from results.verdict_file import Verdict


def summarize_run(
    record: Record, samples: Mapping[str, LaunchSamples], verdict: Verdict | None = None
) -> RunSummary:
    """What a history needs of a run. `samples` by `Launch.samples_file`; `verdict` None: of a comparison.

    Raises RecordDamaged where raw data and record disagree.
    """
    settings = record.settings
    latencies = [summarize_series(record, samples, of) for of in series_of(record)]
    return RunSummary(
        schema=SUMMARY_SCHEMA,
        run_id=record.run_id,
        started_at=record.started_at,
        ended_at=record.ended_at,
        commit=settings.commit,
        harness=record.versions.get("mobilebert-bench"),
        record_sha256=digest(record),
        compares=record.comparing is not None,
        device=_device(record.device),
        runner=settings.runner,
        length=settings.length,
        lengths=settings.lengths,
        batch=settings.batch,
        fixed_performance=settings.fixed_performance,
        pairs_sha256=None if record.pairs is None else record.pairs.sha256,
        points=tuple(_point(record, one, verdict) for one in latencies if one is not None),
    )


def _point(record: Record, latency: LatencySummary, verdict: Verdict | None) -> Point:
    of = latency.series
    manner = manner_of(record, of)
    program, accuracy = manner.program, _accuracy(record, of)
    (p50, p50_low, p50_high), (p90, p90_low, p90_high) = _ns(latency.p50), _ns(latency.p90)
    unknown = () if latency.p50.value is not None or latency.p50.reason is None else (latency.p50.reason,)
    doubts = tuple(dict.fromkeys((*latency.doubts, *unknown)))
    return Point(
        model=of.model,
        recipe=of.recipe,
        arm=of.arm,
        model_sha256=manner.model_sha256,
        runtime=None if program is None else program.runtime,
        runtime_version=None if program is None else program.runtime_version,
        runtime_sha256=None if program is None else program.runtime_sha256,
        threads=manner.threads,
        cores=manner.cores,
        delegate=manner.delegate,
        length_policy=manner.length_policy,
        p50_ns=p50,
        p50_low_ns=p50_low,
        p50_high_ns=p50_high,
        p90_ns=p90,
        p90_low_ns=p90_low,
        p90_high_ns=p90_high,
        medians_ns=tuple(round(median, 1) for median in latency.medians_ns),
        launches_valid=latency.launches_valid,
        launches_total=latency.launches_total,
        # A device without a thermal service has none in any run: what is held against all is no difference.
        counts=p50 is not None and set(doubts) <= {THERMAL_UNKNOWN},
        doubts=doubts,
        claim=_claim(record, of, verdict),
        correct=None if accuracy is None else accuracy.correct,
        rows=None if accuracy is None else accuracy.rows,
    )


def _ns(estimate: Estimate) -> tuple[float | None, float | None, float | None]:
    """Value and limits to a tenth of a nanosecond, far below what a clock tells."""
    value = None if estimate.value is None else round(estimate.value, 1)
    if estimate.interval is None:
        return value, None, None
    return value, round(estimate.interval.low, 1), round(estimate.interval.high, 1)


def _accuracy(record: Record, of: Series) -> Accuracy | None:
    """The host's accuracy, which is always of the judged model."""
    if of.model != judged_model(record):
        return None
    return next((one for one in record.accuracies if one.recipe == of.recipe), None)


def _claim(record: Record, of: Series, verdict: Verdict | None) -> Status | None:
    """What became of the paper's latency claim, which is about the judged model."""
    if verdict is None or of.model != judged_model(record):
        return None
    mine = (one for one in verdict.claims if one.role == "claim" and one.unit == "ms")
    return next((one.status for one in mine if one.recipe == of.recipe), None)


def _device(device: Device | None) -> SummaryDevice | None:
    if device is None:
        return None
    return SummaryDevice(
        kind=device.kind,
        manufacturer=device.manufacturer,
        model=device.model,
        soc=device.soc,
        abi=device.abi,
        fingerprint=device.fingerprint,
        kernel=device.kernel,
        serial_sha256=device.serial_sha256,
    )
