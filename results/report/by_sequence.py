"""The table of single sequences: the fastest, the middle and the slowest of each recipe."""

from __future__ import annotations

from results.record import Record
from results.report.model import MS_PER_NS, Cell, Table, milliseconds
from results.report.words import against_claim, counted, same_runs
from results.sequences import SequenceLatencies, SequenceLatency
from results.verdict_file import JudgedClaim, Verdict


def sequences_table(record: Record, sequences: list[SequenceLatencies], verdict: Verdict) -> Table | None:
    """Three sequences per recipe, and how many are within the claim's figure; the CSV files hold all."""
    if not sequences:
        return None
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    for of_recipe in sequences:
        ordered = of_recipe.by_median
        # The lower middle, so that it is a sequence that was run.
        places = {"fastest": 0, "middle": (len(ordered) - 1) // 2, "slowest": len(ordered) - 1}
        rows += [_row(of_recipe.recipe, name, ordered[at]) for name, at in places.items()]
        lines += _lines(of_recipe, verdict)
    return Table(
        title="Latency by sequence, median over launches [95 % interval over launches, each sequence's own]",
        id="sequences",
        columns=("recipe", "sequence", "row id", "median", "single inferences", "launches"),
        rows=tuple(rows),
        lines=tuple(lines),
        comparable=same_runs(record) + against_claim(verdict),
    )


def _row(recipe: str, name: str, one: SequenceLatency) -> tuple[Cell, ...]:
    return (
        recipe,
        name,
        str(one.row),
        milliseconds(one.typical),
        f"{one.fastest_ns * MS_PER_NS:.2f}-{one.slowest_ns * MS_PER_NS:.2f} ms",
        str(one.launches),
    )


def _lines(of_recipe: SequenceLatencies, verdict: Verdict) -> list[str]:
    recipe, total = of_recipe.recipe, len(of_recipe.sequences)
    lines = []
    for claim in verdict.claims:
        if claim.unit == "ms" and claim.role == "claim" and claim.recipe == recipe:
            lines.append(_within(of_recipe, claim, total))
    if of_recipe.only_invalid:
        lines.append(
            f"{recipe}: no launch was valid, so these are of {counted(of_recipe.launches, 'invalid launch')}."
        )
    fewest = min(of_recipe.sequences, key=lambda one: one.launches).typical
    if fewest.interval is None:
        lines.append(f"{recipe}: {fewest.reason}.")
    return lines


def _within(of_recipe: SequenceLatencies, claim: JudgedClaim, total: int) -> str:
    limit_ms = claim.claim_citation.reported_value
    limit_ns = limit_ms / MS_PER_NS
    text = (
        f"{of_recipe.recipe}: {of_recipe.within(limit_ns)} of {counted(total, 'sequence')} within "
        f"{limit_ms:g} ms by their median, {of_recipe.always_within(limit_ns)} in every inference"
    )
    if claim.protocol_match == "mismatch":
        return f"{text}; not comparable with the claim ({'; '.join(claim.decided_by)})."
    return f"{text}."
