"""What a run of two arms comes to: each metric of B against A over the pairs of launches that count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from results import stats
from results.arms import Comparing, Threshold
from results.compare.comparison import (
    FEWEST,
    MetricChange,
    compare_paired,
    confirmed,
    decide,
    missing,
    overall,
    withheld,
)
from results.compare.comparison_file import (
    COMPARISON_SCHEMA,
    Comparison,
    ComparisonStatus,
    MeasuredOn,
    SequenceShift,
)
from results.compare.metrics import METRICS, metric_of, why_missing
from results.compare.words import in_percent, verdict_of
from results.doubts import latency_remarks, state_doubts
from results.errors import RecordDamaged
from results.launches import counted, keeps_samples, timed_samples
from results.plain import short
from results.record import Launch, Record
from results.rounds import Rounds, left_out, of_both, over_attempts, pair_rounds
from results.samples import LaunchSamples
from results.series import Series, parity_of, series_of

Pair = tuple[Launch, Launch]

_SHOWN_PERCENTILES = (10, 50, 90)


def summarize_comparison(record: Record, samples: Mapping[str, LaunchSamples]) -> Comparison:
    """The comparison that a record of `ab` holds; `samples` by `Launch.samples_file`.

    Raises RecordDamaged where the record has not two arms, or raw data and record disagree.
    """
    comparing, sides = arms_of(record)
    rounds = pair_rounds(record, *sides)
    threshold = comparing.threshold
    unfit = [
        f"{side.label}: device parity {word}"
        for side in sides
        if (word := parity_of(record, side)) != "passed"
    ]
    with_every: tuple[MetricChange, ...] = ()
    sequences: SequenceShift | None = None
    if unfit:
        floor = threshold.beyond
        why = "; ".join(unfit)
        changes = tuple(missing(metric, threshold.share, why, floor=floor) for metric in METRICS)
    else:
        changes = decide([_over_pairs(record, samples, rounds, metric, threshold) for metric in METRICS])
        if any(launch.invalid for own in rounds.attempts for launch in own):
            with_every = decide([_over_every(samples, rounds, metric, threshold) for metric in METRICS])
            changes = confirmed(changes, with_every)
        for reason in _unended(record, rounds):
            changes = tuple(withheld(change, reason) for change in changes)
        sequences = _shift(sequence_ratios(rounds.pairs, samples))
    status: ComparisonStatus = "not_comparable" if unfit else overall(changes)
    learnt = _noise_floor(record, (changes[:1], with_every[:1]), status) if comparing.same else None
    reasons = [change.reason for change in changes[:1] if change.reason is not None]
    return Comparison(
        schema=COMPARISON_SCHEMA,
        run_id=record.run_id,
        same=comparing.same,
        arms=comparing.arms,
        measured_on=_measured_on(record, comparing),
        threshold=threshold,
        rounds=len(rounds.every),
        pairs=len(rounds.whole),
        repeated=rounds.repeated,
        status=status,
        sentence=_sentence(comparing, changes, status, learnt),
        changes=changes,
        with_every=with_every,
        sequences=sequences,
        noise_floor=learnt,
        pairs_to_decide=None if unfit else _pairs_to_decide(changes[0]),
        reasons=tuple(unfit or [*reasons, *_fault(comparing, status)]),
        remarks=(*left_out(rounds), *_remarks(record, samples, sides, rounds)),
    )


def arms_of(record: Record) -> tuple[Comparing, tuple[Series, Series]]:
    """What a run compares, and its two series. Raises RecordDamaged where these are not A and B."""
    comparing = record.comparing
    if comparing is None or [arm.name for arm in comparing.arms] != ["a", "b"]:
        raise RecordDamaged(
            f"The record of run {record.run_id} does not hold two arms, a and b, so nothing is compared.",
            next_step="Run again: mobilebert-bench ab A B",
        )
    first, second = series_of(record)
    return comparing, (first, second)


def sequence_ratios(pairs: Sequence[Pair], samples: Mapping[str, LaunchSamples]) -> dict[int, float]:
    """B over A by row id: the median over the pairs that timed the row in both of their launches.

    Empty where the program keeps no raw samples.
    """
    if not all(keeps_samples(pair) for pair in pairs):
        return {}
    logs: dict[int, list[float]] = {}
    for a, b in pairs:
        of_a, of_b = _medians_by_row(a, samples), _medians_by_row(b, samples)
        for row in of_a.keys() & of_b.keys():
            logs.setdefault(row, []).append(float(np.log(of_b[row] / of_a[row])))
    return {row: float(np.exp(np.median(logs[row]))) for row in sorted(logs)}


def _medians_by_row(launch: Launch, samples: Mapping[str, LaunchSamples]) -> dict[int, float]:
    rows, durations = timed_samples(launch, samples)
    order = np.argsort(rows, kind="stable")
    ids, starts = np.unique(rows[order], return_index=True)
    parts = np.split(durations[order], starts[1:]) if ids.size else []
    return {row: float(np.median(part)) for row, part in zip(ids.tolist(), parts, strict=True)}


def _shift(ratios: dict[int, float]) -> SequenceShift | None:
    if not ratios:
        return None
    p10, p50, p90 = np.percentile(list(ratios.values()), _SHOWN_PERCENTILES)
    return SequenceShift(sequences=len(ratios), p10=float(p10), p50=float(p50), p90=float(p90))


def _over_pairs(
    record: Record, samples: Mapping[str, LaunchSamples], rounds: Rounds, metric: str, threshold: Threshold
) -> MetricChange:
    """One metric over the rounds whose launches count."""
    values = [tuple(metric_of(launch, samples, metric) for launch in pair) for pair in rounds.pairs]
    if any(one is None for pair in values for one in pair):
        launches = [launch for pair in rounds.pairs for launch in pair]
        n, why = len(values), why_missing(record, launches, metric)
        return missing(metric, threshold.share, why, n_a=n, n_b=n, floor=threshold.beyond)
    a, b = np.array(values, dtype=np.float64).reshape(-1, 2).T
    return compare_paired(metric, a, b, threshold.share, threshold.beyond)


def _over_every(
    samples: Mapping[str, LaunchSamples], rounds: Rounds, metric: str, threshold: Threshold
) -> MetricChange:
    """One metric over every launch that ran: a side's value in a round is the geometric mean of its tries."""
    values = []
    for index in rounds.every:
        pair = [
            over_attempts(own, index, lambda one: metric_of(one, samples, metric)) for own in rounds.attempts
        ]
        if None not in pair:
            values.append(pair)
    a, b = np.array(values, dtype=np.float64).reshape(-1, 2).T
    return compare_paired(metric, a, b, threshold.share, threshold.beyond)


def _unended(record: Record, rounds: Rounds) -> list[str]:
    """Stopping where it looks good is choosing: a run that did not end shows nothing."""
    if record.ended_at is not None and len(rounds.every) >= record.settings.launches:
        return []
    return [f"{len(rounds.every)} of {record.settings.launches} rounds were made: the run did not end"]


def _measured_on(record: Record, comparing: Comparing) -> MeasuredOn | None:
    device = record.device
    if device is None:
        return None
    settings, first = record.settings, comparing.arms[0]
    return MeasuredOn(
        kind=device.kind,
        serial_sha256=device.serial_sha256,
        soc=device.soc,
        fingerprint=device.fingerprint,
        length=settings.length,
        length_policy=first.length_policy,
        threads=first.threads,
        cores=first.cores,
        delegate=first.delegate,
        runner=settings.runner,
        fixed_performance=settings.fixed_performance,
        batch=settings.batch,
    )


def _noise_floor(
    record: Record, main: tuple[tuple[MetricChange, ...], ...], status: ComparisonStatus
) -> float | None:
    """How far apart two equal arms may come out here, as a share; None where that is not shown.

    `main`: the p50 over the launches that count, and over all that ran where those are others. The wider one
    is the floor: what repeating takes away is noise of this device as well.
    """
    if status in ("slower", "faster", "not_comparable") or record.ended_at is None:
        return None
    (counting,), every = main
    if counting.ratio.interval is None or counting.n_a < FEWEST:
        return None
    intervals = [one.ratio.interval for one in (counting, *every)]
    return max(abs(limit - 1) for own in intervals if own is not None for limit in (own.low, own.high))


def _fault(comparing: Comparing, status: ComparisonStatus) -> list[str]:
    if comparing.same and status in ("slower", "faster"):
        return ["two equal arms came out different, so this is no noise floor"]
    return []


def _sentence(
    comparing: Comparing,
    changes: tuple[MetricChange, ...],
    status: ComparisonStatus,
    floor: float | None,
) -> str:
    if status == "not_comparable":
        return f"Not comparable: {changes[0].reason}."
    text = verdict_of(changes)
    if not comparing.same:
        a, b = comparing.arms
        return f"{text} A: {short(a.said)}; B: {short(b.said)}."
    if status in ("slower", "faster"):
        text += " Both arms are the same, so this is a fault of the set-up: look at conditions and launches."
    elif floor is not None:
        text += " Both arms are the same: the noise floor of this device at these settings is "
        text += f"{in_percent(floor)}."
    return f"A/A: {text}"


def _pairs_to_decide(main: MetricChange) -> int | None:
    """How many pairs would, at the spread that was seen and 80 % power, where the interval did not."""
    if main.decision != "not_shown" or main.ratio.value is None or main.ratio.interval is None:
        return None
    ratios, value = np.array(main.ratios), main.ratio.value
    if abs(value - 1) <= main.threshold:
        limits = [1 - main.threshold, 1 + main.threshold]
    elif abs(value - 1) > main.beyond:
        limits = [1 + main.beyond if value > 1 else 1 - main.beyond]
    else:
        return None  # between the threshold and the noise floor, where nothing decides
    counts = [stats.launches_to_decide(ratios, limit, alpha=0.025) for limit in limits]
    known = [count for count in counts if count is not None]
    needed = max(known) if known and len(known) == len(counts) else None
    return needed if needed is not None and needed > main.n_a else None


def _remarks(
    record: Record, samples: Mapping[str, LaunchSamples], sides: tuple[Series, Series], rounds: Rounds
) -> tuple[str, ...]:
    """What is to be known of the launches: a state that both arms share shifts their ratio little."""
    told = []
    for own in rounds.attempts:
        last = [launch for launch in counted(own) if not launch.invalid]
        raw = [timed_samples(launch, samples)[1] for launch in last if launch.summary is None]
        slow = sum(stats.first_is_slow(durations) for durations in raw)
        told.append((*state_doubts(record, last, slow), *latency_remarks(record, own)))
    names = (sides[0].arm.upper(), sides[1].arm.upper())
    return tuple(of_both(names, told))
