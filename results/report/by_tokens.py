"""The table of real tokens: what short and long sequences take."""

from __future__ import annotations

from results.by_tokens import TokenLatencies
from results.record import Record
from results.report.model import Cell, Table, milliseconds
from results.report.words import against_claim, padding, same_runs
from results.verdict_file import Verdict


def tokens_table(record: Record, latencies: list[TokenLatencies], verdict: Verdict) -> Table | None:
    """Sequences and p50 of each band of real tokens, per series."""
    if not latencies:
        return None
    rows: list[tuple[Cell, ...]] = []
    lines = [f"Padding left out; every sequence is padded to {padding(record.settings)}."]
    for of in latencies:
        for one in of.bands:
            span = str(one.most) if one.fewest == one.most else f"{one.fewest}-{one.most}"
            p50 = "-" if one.p50.value is None else milliseconds(one.p50)
            rows.append((of.series.label, span, str(one.sequences), p50, str(one.inferences)))
            if one.p50.interval is None:
                lines.append(f"{of.series.label}, {span} tokens: {one.p50.reason}.")
    return Table(
        title="Latency by real tokens, typical of the valid launches [95 % interval over launches]",
        id="tokens",
        columns=("recipe", "tokens", "sequences", "p50", "inferences"),
        rows=tuple(rows),
        lines=tuple(lines),
        comparable=same_runs(record) + against_claim(verdict),
    )
