"""The tables of latency: typical of the launches, and where the spread comes from."""

from __future__ import annotations

from collections.abc import Sequence

from results.latency import LatencySummary
from results.launches import no_samples
from results.record import Launch, Record
from results.report.model import MS_PER_NS, Cell, Table, milliseconds
from results.report.words import against_claim, counted, percent, same_runs, valid_of
from results.variance import WIDE
from results.verdict_file import Verdict


def latency_table(record: Record, latencies: list[LatencySummary], verdict: Verdict) -> Table | None:
    """p50 and p90 of a typical launch, one row per recipe."""
    if not latencies:
        return None
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    for one in latencies:
        rows.append(
            (
                one.recipe,
                *(
                    milliseconds(estimate) if one.parity == "passed" and (one.raw or estimate.value) else "-"
                    for estimate in (one.p50, one.p90)
                ),
                valid_of(one),
                str(one.inferences),
            )
        )
        lines += _unknown(one)
        lines += _unavailable(record, one)
        lines += _spread(one)
        lines += _start_up(record, one.recipe)
        if one.slow_starts:
            lines.append(
                f"{one.recipe}: in {counted(one.slow_starts, 'launch')} the first timed inference was an "
                "outlier; a longer warm-up would help."
            )
    return Table(
        title="Latency of one sequence, typical of the valid launches [95 % interval over launches]",
        id="latency",
        columns=("recipe", "p50", "p90", "valid", "inferences"),
        rows=tuple(rows),
        lines=tuple(lines),
        comparable=same_runs(record) + against_claim(verdict),
    )


def quantiles_table(latencies: list[LatencySummary]) -> Table | None:
    """p95 and p99, only where a launch has enough inferences for them; else it says how many it needs."""
    measured = [one for one in latencies if one.p50.value is not None and one.raw]
    if not measured:
        return None
    shown = [one for one in measured if one.p95.value is not None]
    return Table(
        title="Slowest inferences, typical of the valid launches [95 % interval over launches]",
        id="quantiles",
        columns=("recipe", "p95", "p99"),
        rows=tuple(
            (one.recipe, *("-" if at.value is None else milliseconds(at) for at in (one.p95, one.p99)))
            for one in shown
        ),
        lines=tuple(
            f"{one.recipe}: no {name}: {at.reason}."
            for one in measured
            for name, at in (("p95", one.p95), ("p99", one.p99))
            if at.value is None
        ),
    )


def _unknown(one: LatencySummary) -> list[str]:
    """Why a shown value has no interval."""
    if one.p50.interval is not None or (one.p50.value is None and one.parity == "passed"):
        return []
    return [f"{one.recipe}: {one.p50.reason}."]


def _unavailable(record: Record, one: LatencySummary) -> list[str]:
    """What a program that prints a summary leaves unknown."""
    if one.raw:
        return []
    return [
        f"{one.recipe}: no p90, p95 or p99, no latency by sequence or by length, and no check of the first "
        f"inference: {no_samples(record)}."
    ]


def _spread(one: LatencySummary) -> list[str]:
    """Where the spread comes from, and what would narrow the interval."""
    of = one.variance
    if of is None or of.between is None or of.within is None or of.half_width is None:
        return []
    text = (
        f"{one.recipe}: launches differ by {percent(of.between)} and inferences within one by "
        f"{percent(of.within)} (standard deviations); p50 is known to +-{percent(of.half_width)}"
    )
    if of.advice == "enough":
        return [f"{text}, which is enough."]
    needed = f" (about {of.launches_needed} for +-{WIDE * 100:g} %)" if of.launches_needed else ""
    more = f"more launches{needed}" if of.advice == "more launches" else "more inferences per launch"
    return [f"{text}, and {more} would narrow it."]


def peak_memory(launches: Sequence[Launch]) -> str:
    """The largest that any of them told, in words."""
    peaks = [launch.peak_rss_bytes for launch in launches if launch.peak_rss_bytes is not None]
    return f"peak memory {max(peaks) / 1e6:.1f} MB" if peaks else "peak memory not told"


def _start_up(record: Record, recipe: str) -> list[str]:
    launches = [launch for launch in record.launches if launch.recipe == recipe and not launch.invalid]
    if not launches:
        return []
    load = sorted(launch.load_ns for launch in launches)[len(launches) // 2] * MS_PER_NS
    first = sorted(launch.first_inference_ns for launch in launches)[len(launches) // 2] * MS_PER_NS
    memory = peak_memory(launches)
    cores = sorted({core for launch in launches for core in launch.cores})
    where = f"cores {', '.join(map(str, cores))}" if cores else "cores not restricted"
    return [
        f"{recipe}: load {load:.1f} ms, first inference {first:.1f} ms (medians of "
        f"{counted(len(launches), 'launch')}), {memory}, "
        f"{where}."
    ]
