"""The table of launches: every start of the device program, those that were repeated too."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from results import stats
from results.latency import LatencySummary
from results.launches import median_ns, no_samples, timed_samples
from results.outliers import Outliers, count_outliers
from results.plain import LONGEST_TEXT, short
from results.record import Launch, Record, SteadyKind
from results.report.model import MS_PER_NS, Cell, Quantity, Table, milliseconds
from results.report.words import counted
from results.samples import LaunchSamples
from results.series import compares_models, parity_of, series_of
from results.steady import FEWEST_SAMPLES

MOST_SHOWN = 40  # launches; of a longer run only the invalid ones are listed

PACES: dict[SteadyKind, str] = {
    "flat": "flat",
    "warmup": "warm-up",
    "slowdown": "slowdown",
    "no_steady_state": "unsteady",
    "unknown": "unknown",
}


def launches_table(
    record: Record, samples: Mapping[str, LaunchSamples], latencies: Sequence[LatencySummary]
) -> Table | None:
    """One row per launch of the record's series, in the order of the run; `latencies`: what they gave.

    `samples`: by `Launch.samples_file`. Raises RecordDamaged where they are other than the record says.
    """
    named = {(one.arm, one.model, one.recipe): one for one in series_of(record)}
    own_launches = [one for one in record.launches if (one.arm, one.model, one.recipe) in named]
    launches = sorted(own_launches, key=lambda one: one.order)
    if not launches:
        return None
    own = [one for one in latencies if one.series in named.values()]
    outliers = {
        launch.order: count_outliers(timed_samples(launch, samples)[1])
        for launch in launches
        if launch.summary is None
    }
    sensor = "CPU" if all(launch.before.skin_c is None for launch in launches) else "skin"
    compares = compares_models(record)
    title = "Launches, in the order of the run"
    rows = []
    for launch in launches:
        of = named[launch.arm, launch.model, launch.recipe]
        rows.append(
            (
                str(launch.order),
                of.model if compares else of.label,
                *_quantiles(launch, samples, fit=parity_of(record, of) == "passed"),
                PACES[launch.steady],
                outliers[launch.order].counts if launch.order in outliers else "-",
                _around(launch, sensor),
                "no" if launch.invalid else "yes",
            )
        )
    return Table(
        title=f"{title}, {record.settings.recipes[0]}" if compares else title,
        id="launches",
        columns=(
            *("no.", "model" if compares else "recipe", "p50", "p90"),
            *("pace", "outliers", f"{sensor} °C", "valid"),
        ),
        rows=tuple(
            row
            for row, launch in zip(rows, launches, strict=True)
            if launch.invalid or len(launches) <= MOST_SHOWN
        ),
        lines=(
            *_shortened(launches),
            *_counts(launches, outliers),
            *_unknown(record, launches),
            *(_why(record, launch) for launch in launches if launch.invalid),
            *_with_invalid(own),
            "Pace: one level (flat), slower at first (warm-up), slower later (slowdown), or at its last "
            "level for less than half of the launch (unsteady); a launch of the last two is invalid.",
        ),
    )


def _quantiles(launch: Launch, samples: Mapping[str, LaunchSamples], *, fit: bool) -> tuple[Cell, Cell]:
    """p50 and p90 of one launch; none where its device parity did not pass."""
    if not fit:
        return "-", "-"
    raw = launch.summary is None
    p90 = stats.quantile(timed_samples(launch, samples)[1], 0.9) if raw else None
    return _ms(median_ns(launch, samples)), _ms(p90)


def _ms(ns: float | None) -> Cell:
    if ns is None:
        return "-"
    value_ms = ns * MS_PER_NS
    return Quantity(value=value_ms, unit="ms", digits=2 if value_ms < 100 else 1)


def _around(launch: Launch, sensor: str) -> str:
    """Temperatures before and after a launch, °C."""
    moments = (launch.before, launch.after)
    found = [one.skin_c if sensor == "skin" else one.cpu_c for one in moments]
    return (
        "-" if found == [None, None] else " to ".join("?" if one is None else f"{one:.1f}" for one in found)
    )


def _shortened(launches: Sequence[Launch]) -> Iterator[str]:
    if len(launches) > MOST_SHOWN:
        invalid = sum(1 for launch in launches if launch.invalid)
        yield (
            f"Of {counted(len(launches), 'launch')} only the invalid ones are listed: {invalid}. "
            "The record and the samples files hold all."
        )


def _counts(launches: Sequence[Launch], outliers: Mapping[int, Outliers]) -> Iterator[str]:
    kinds = Counter(launch.steady for launch in launches)
    text = ", ".join(f"{kinds[kind]} {word}" for kind, word in PACES.items() if kinds[kind])
    yield f"{counted(len(launches), 'launch')}: {text}."
    known = [one for one in outliers.values() if one.reason is None]
    if known:
        inferences = sum(one.timed_inferences for one in launches if one.summary is None)
        mild, severe = sum(len(one.mild) for one in known), sum(len(one.severe) for one in known)
        yield (
            f"Outliers (mild / severe: more than 3.5 / 10 scaled MADs from the launch's median): {mild} / "
            f"{severe} of {counted(inferences, 'inference')}; none is taken out."
        )
    for reason, many in Counter(one.reason for one in outliers.values() if one.reason).items():
        yield f"{counted(many, 'launch')}: {reason}."


def _unknown(record: Record, launches: Sequence[Launch]) -> Iterator[str]:
    """Why some launches have no pace."""
    reasons: Counter[str] = Counter()
    for launch in launches:
        if launch.steady != "unknown":
            continue
        if launch.summary is not None:
            reasons[no_samples(record)] += 1
        elif launch.timed_inferences < FEWEST_SAMPLES:
            reasons[f"fewer than {FEWEST_SAMPLES} inferences"] += 1
        else:
            reasons["not looked at when it was measured"] += 1
    for reason, many in reasons.items():
        yield f"Pace unknown of {counted(many, 'launch')}: {reason}."


def _why(record: Record, launch: Launch) -> str:
    """An invalid launch, what made it so, and what became of it."""
    slot = (launch.arm, launch.model, launch.recipe, launch.index)
    later = [one for one in record.launches if (one.arm, one.model, one.recipe, one.index) == slot]
    after = [one for one in later if one.attempt > launch.attempt]
    done = f", done again as launch {after[0].order}" if after else ""
    return f"{launch.samples_file} is invalid{done}: {short('; '.join(launch.invalid), LONGEST_TEXT)}."


def _with_invalid(latencies: Sequence[LatencySummary]) -> Iterator[str]:
    """What the number would be with every launch: who repeats until it is valid, chooses."""
    for one in latencies:
        every = one.with_repeated
        if every is not None and every.value is not None:
            yield (
                f"{one.series.label}: p50 over all {every.n} launches that ran, invalid ones among them: "
                f"{milliseconds(every)} (90 % interval); a claim is decided only where both say the same."
            )
