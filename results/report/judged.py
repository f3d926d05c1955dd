"""The tables of the paper's claims: one per claim, one row per recipe."""

from __future__ import annotations

from results.evaluated import IntervalMethod
from results.report.model import Cell, Quantity, Table
from results.report.words import p_value, ranges
from results.shares import METHODS
from results.verdict_file import JudgedClaim, Reading, Verdict


class Notes:
    """Footnotes in order of first mention; the same text is one note."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> int:
        """The number of a note, from 1."""
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text) + 1


def claim_tables(
    verdict: Verdict,
    measured: frozenset[tuple[str, str]],
    notes: Notes,
    method: IntervalMethod = "wilson",
) -> list[Table]:
    """Every claim against what was measured. `measured`: (unit, recipe) of which there is a measurement.

    A claim of which nothing was measured has no rows, and says so: its differences in protocol are those
    of an experiment that was not made.
    """
    tables = []
    # A ratio is of two models: table_four.py has it.
    for claim_id in dict.fromkeys(claim.id for claim in verdict.claims if claim.unit != "ratio"):
        claims = [claim for claim in verdict.claims if claim.id == claim_id]
        tables.append(_table(verdict, claims, measured, notes, METHODS[method]))
    return tables


def _table(
    verdict: Verdict,
    claims: list[JudgedClaim],
    measured: frozenset[tuple[str, str]],
    notes: Notes,
    method: str,
) -> Table:
    first = claims[0]
    citation = first.claim_citation
    unit = "ms" if first.unit == "ms" else "%"
    shown = [claim for claim in claims if (claim.unit, claim.recipe) in measured]
    lines = [
        _reading(claim, reading) for claim in shown for reading in claim.readings if _said(claim, reading)
    ]
    if not shown:
        lines.append("Not measured.")
    elif first.role == "reference":
        lines.append(f"For reference only: not in the verdict. {citation.notes}")
    else:
        lines.append(f"The verdict is about {verdict.overall.recipe}.")
    level = "90 % interval" if first.unit == "ms" else f"{method} 95 %"
    return Table(
        title=(
            f"{citation.column[:1].upper()}{citation.column[1:]} against the paper's "
            f"{citation.reported_value:g} {unit} ({citation.section}, row {citation.row})"
            + (f" [{level}]" if shown else "")
        ),
        id=f"claims-{first.id}",
        columns=("recipe", "measured", "status", "protocol", "sure", "notes"),
        rows=tuple(_row(claim, [notes.add(reason) for reason in claim.reasons]) for claim in shown),
        lines=tuple(lines),
    )


def _row(claim: JudgedClaim, marks: list[int]) -> tuple[Cell, ...]:
    digits, unit = (2, "ms") if claim.unit == "ms" else (1, "%")
    return (
        claim.recipe,
        Quantity(value=claim.value, unit=unit, digits=digits, interval=claim.interval),
        claim.status,
        claim.protocol_match,
        _sure(claim.confidence),
        spans(marks),
    )


def spans(marks: list[int]) -> str:
    """Footnote numbers as a cell of a table has them: "1-3 7"."""
    return ranges(marks).replace(", ", " ")


def _said(claim: JudgedClaim, reading: Reading) -> bool:
    """Whether a reading says more than the claim does: an undecided one where the claim is decided."""
    decided = ("reproduced", "not_reproduced")
    return reading.p is not None and (
        reading.status in decided or (reading.status == "inconclusive" and claim.status in decided)
    )


def _reading(claim: JudgedClaim, reading: Reading) -> str:
    assert reading.p is not None
    low, high = reading.low, reading.high
    assert high is not None
    span = f"{high:g} ms" if low is None else f"{low:.1f}-{high:.1f} ms"
    name = "strict (no margin)" if reading.name == "strict" else "equivalent"
    return f"{claim.recipe}, {name}, {span}: {reading.status}, {p_value(reading.p)}."


def _sure(confidence: float) -> str:
    if confidence == 0:
        return "-"
    return "> 0.999" if confidence > 0.999 else f"{confidence:.3f}"
