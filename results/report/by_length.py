"""The table of signatures, where each sequence ran by the shortest one that holds it."""

from __future__ import annotations

from results.by_length import LengthLatencies
from results.record import Record
from results.report.model import Cell, Table, milliseconds
from results.report.words import against_claim, counted, same_runs
from results.verdict_file import Verdict


def lengths_table(record: Record, latencies: list[LengthLatencies], verdict: Verdict) -> Table | None:
    """Sequences and p50 of each signature, and the mean over all sequences of each series."""
    if not latencies:
        return None
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    for of in latencies:
        label = of.series.label
        for one in of.signatures:
            p50 = "-" if one.p50.value is None else milliseconds(one.p50)
            rows.append((label, one.key, str(one.sequences), p50, str(one.inferences)))
            if one.p50.interval is None:
                lines.append(f"{label}, {one.key}: {one.p50.reason}.")
        total = sum(one.sequences for one in of.signatures)
        lines.append(f"{label}: mean over {counted(total, 'sequence')} {milliseconds(of.mean)}.")
        if of.mean.interval is None:
            lines.append(f"{label}: {of.mean.reason}.")
    return Table(
        title="Latency by signature, typical of the valid launches [95 % interval over launches]",
        id="lengths",
        columns=("recipe", "signature", "sequences", "p50", "inferences"),
        rows=tuple(rows),
        lines=tuple(lines),
        comparable=same_runs(record) + against_claim(verdict),
    )
