"""The figures of one run, as plain numbers: shares, order of the inferences, launches, real tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from results.latency import LatencySummary
from results.launches import counted, keeps_samples, launches_of, median_ns, timed_samples
from results.record import Launch, Record
from results.report.figures import (
    ByTokens,
    Curve,
    Ecdf,
    Figure,
    Forest,
    ForestRow,
    LengthPoint,
    Mark,
    Step,
    Timeline,
    TimelineLaunch,
)
from results.report.model import MS_PER_NS
from results.row_tokens import tokens_by_row
from results.samples import LaunchSamples
from results.sequences import SequenceLatencies
from results.series import CLAIMED_MODEL, Series
from results.steady import classify_launch
from results.verdict_file import Verdict

NEAR = 3.0  # times the width of the values: what lies further off would leave nothing of them
MOST_SERIES = 6  # drawn one by one; a run of the whole Table 4 has more
UNIT = "ms"


def run_figures(
    record: Record,
    samples: Mapping[str, LaunchSamples],
    latencies: Sequence[LatencySummary],
    sequences: Sequence[SequenceLatencies],
    verdict: Verdict,
) -> tuple[Figure, ...]:
    """Every figure that the run's data allow. `samples` by `Launch.samples_file`.

    A series whose device parity did not pass has none: what was timed is not the model.
    Raises RecordDamaged where samples and record disagree.
    """
    shown = [one for one in latencies if one.parity == "passed"]
    raw = [one for one in shown if keeps_samples(launches_of(record, one.series))]
    held: list[Figure | None] = [_shares(record, samples, raw, verdict)]
    for one in raw[:MOST_SERIES]:
        held.append(_order(record, samples, one, _marks(verdict, one.series)))
    for one in shown[:MOST_SERIES]:
        held.append(_launches(record, samples, one, _marks(verdict, one.series)))
    held.append(_by_tokens(sequences, tokens_by_row(samples)))
    return tuple(figure for figure in held if figure is not None)


def _marks(verdict: Verdict, of: Series) -> tuple[Mark, ...]:
    """The paper's figure for this series; where the protocol differs the line says that it judges nothing."""
    found = {
        claim.claim_citation.reported_value: claim.protocol_match
        for claim in verdict.claims
        if claim.unit == UNIT and claim.role == "claim" and claim.recipe == of.recipe
    }
    if of.model != CLAIMED_MODEL:
        return ()
    return tuple(
        Mark(
            value=value,
            label=f"paper: {value:g} ms"
            + {"mismatch": ", not comparable", "proxy": ", proxy"}.get(match, ""),
        )
        for value, match in found.items()
    )


def _near(marks: tuple[Mark, ...], values: Sequence[float]) -> tuple[tuple[Mark, ...], str]:
    """Those marks that leave something of the values, and a sentence about the others."""
    low, high = min(values), max(values)
    room = NEAR * max(high - low, 0.01 * high)
    near = tuple(mark for mark in marks if low - room <= mark.value <= high + room)
    far = [mark.label for mark in marks if mark not in near]
    return near, "".join(f" Far outside of the picture: {label}." for label in far)


def _shares(
    record: Record,
    samples: Mapping[str, LaunchSamples],
    latencies: Sequence[LatencySummary],
    verdict: Verdict,
) -> Ecdf | None:
    curves: list[Curve] = []
    marks: list[Mark] = []
    for one in latencies:
        valid = [launch for launch in counted(launches_of(record, one.series)) if not launch.invalid]
        values = [timed_samples(launch, samples)[1] for launch in valid]
        if any(each.size for each in values):
            curves.append(Curve(label=one.series.label, values=_milliseconds(np.concatenate(values))))
            marks += _marks(verdict, one.series)
    if not curves:
        return None
    # One line at one value: where series differ in how comparable they are, the tables say it.
    labels = {
        value: {mark.label for mark in marks if mark.value == value} for value in {m.value for m in marks}
    }
    lines = [
        Mark(value=value, label=of.pop() if len(of) == 1 else f"paper: {value:g} ms")
        for value, of in sorted(labels.items())
    ]
    return Ecdf(
        id="ecdf",
        title="Share of inferences that took at most so long",
        caption="All inferences of the valid launches, pooled; the interval of a typical launch stands in "
        "the tables, for pooled inferences have none.",
        unit=UNIT,
        curves=tuple(curves),
        marks=tuple(lines),
    )


def _order(
    record: Record, samples: Mapping[str, LaunchSamples], one: LatencySummary, marks: tuple[Mark, ...]
) -> Timeline | None:
    launches = [
        _in_order(record, launch, samples[launch.samples_file])
        for launch in launches_of(record, one.series)
        if launch.samples_file in samples and samples[launch.samples_file].duration_ns.size
    ]
    if not launches:
        return None
    near, far = _near(marks, [value for each in launches for value in _usual(each)])
    return Timeline(
        id=f"timeline-{one.series.stem}",
        title=f"Every inference in its order, {one.series.label}",
        caption="Launch by launch, repeated and invalid ones (x) too. The line is the level that the "
        "classifier found; an upright line is where it changed." + far,
        unit=UNIT,
        launches=tuple(launches),
        marks=near,
    )


def _usual(launch: TimelineLaunch) -> tuple[float, float]:
    """Between which values a launch mostly ran: warm-up and the slowest of a hundred aside."""
    timed = launch.values[launch.warmup :] or launch.values
    return float(np.min(timed)), float(np.quantile(timed, 0.99))


def _in_order(record: Record, launch: Launch, held: LaunchSamples) -> TimelineLaunch:
    start_s = _since(record.started_at, launch.started_at) + held.start_ns / 1e9
    warmup = int((~held.timed).sum())
    timed_s = start_s[warmup:]
    return TimelineLaunch(
        label=str(launch.order),
        valid=not launch.invalid,
        start_s=tuple(start_s.tolist()),
        values=_milliseconds(held.duration_ns),
        warmup=warmup,
        levels=tuple(
            Step(
                start=float(timed_s[level.start]),
                end=float(timed_s[min(level.end, timed_s.size - 1)]),
                value=level.median_ns * MS_PER_NS,
            )
            for level in classify_launch(held).levels
        ),
        cpu_c=(launch.before.cpu_c, launch.after.cpu_c),
        skin_c=(launch.before.skin_c, launch.after.skin_c),
        top_clock=_top_clock(record, launch),
    )


def _since(start: str, moment: str) -> float:
    """Seconds between two moments of a record; 0 where one of them is none."""
    try:
        return (datetime.fromisoformat(moment) - datetime.fromisoformat(start)).total_seconds()
    except (ValueError, TypeError):
        return 0.0


def _top_clock(record: Record, launch: Launch) -> float | None:
    """The share of the launch at the top clock, of the cores that ran it: the least of their clusters."""
    tops = {core.index: core.max_khz for core in (record.device.cores if record.device else ())}
    shares = []
    for use in launch.clocks:
        if launch.cores and not set(use.cores) & set(launch.cores):
            continue
        known = [khz for core in use.cores if (khz := tops.get(core)) is not None]
        top = max(known, default=max(use.shares, default=0))
        shares.append(use.shares.get(top, 0.0))
    return min(shares, default=None)


def _launches(
    record: Record, samples: Mapping[str, LaunchSamples], one: LatencySummary, marks: tuple[Mark, ...]
) -> Forest | None:
    rows = []
    for launch in launches_of(record, one.series):
        value = median_ns(launch, samples)
        if value is not None:
            kind = "invalid" if launch.invalid else "valid"
            rows.append(ForestRow(label=f"launch {launch.order}", value=value * MS_PER_NS, kind=kind))
    if not rows:
        return None
    near, far = _near(marks, [row.value for row in rows])
    if one.p50.value is not None:
        interval = one.p50.interval
        rows.append(
            ForestRow(
                label="typical launch",
                value=one.p50.value * MS_PER_NS,
                low=None if interval is None else interval.low * MS_PER_NS,
                high=None if interval is None else interval.high * MS_PER_NS,
                kind="overall",
            )
        )
    return Forest(
        id=f"forest-{one.series.stem}",
        title=f"Median of each launch, {one.series.label}",
        caption="Last row: a typical launch, with its 95 % interval over the valid ones."
        + (" An invalid launch is drawn, and not in it." if any(r.kind == "invalid" for r in rows) else "")
        + far,
        unit=UNIT,
        rows=tuple(rows),
        marks=near,
    )


def _by_tokens(sequences: Sequence[SequenceLatencies], tokens: Mapping[int, int]) -> ByTokens | None:
    """The median over the sequences of each number of real tokens; None where those are not known."""
    groups = []
    for of_recipe in sequences:
        values: dict[int, list[float]] = {}
        for one in of_recipe.sequences:
            if one.row in tokens:
                values.setdefault(tokens[one.row], []).append(one.median_ns * MS_PER_NS)
        if values:
            points = tuple(
                LengthPoint(tokens=count, value=float(np.median(held)), sequences=len(held))
                for count, held in sorted(values.items())
            )
            groups.append((of_recipe.series.label, points))
    if not groups:
        return None
    return ByTokens(
        id="tokens",
        title="Latency by a sequence's real tokens",
        caption="Median over launches of each sequence; where several have the same number of tokens, the "
        "median over them.",
        unit=UNIT,
        groups=tuple(groups),
    )


def _milliseconds(durations_ns: NDArray[np.int64]) -> tuple[float, ...]:
    return tuple((durations_ns * MS_PER_NS).tolist())
