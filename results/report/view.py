"""From a judged run to its report: which numbers, in which order, with which words beside them."""

from __future__ import annotations

from collections.abc import Mapping

from results.predictions import Predictions
from results.record import Record
from results.report.measured import accuracy_table, confusion_tables, latency_table, quantiles_table
from results.report.model import Cell, Quantity, Table, View
from results.report.setting import (
    conditions_table,
    device_name,
    device_table,
    model_table,
    parity_table,
    settings_table,
)
from results.samples import LaunchSamples
from results.summary import summarize_accuracy, summarize_latency
from results.verdict_file import JudgedClaim, Verdict


def build_view(
    record: Record,
    samples: Mapping[str, LaunchSamples],
    predictions: Mapping[str, Predictions],
    verdict: Verdict,
) -> View:
    """The report of one run. `samples` by `Launch.samples_file`, `predictions` by recipe.

    Raises RecordDamaged where raw data and record disagree.
    """
    notes = _Notes()
    latencies = [
        latency
        for recipe in record.settings.recipes
        if (latency := summarize_latency(record, samples, recipe)) is not None
    ]
    evaluated = dict.fromkeys((*record.settings.recipes, *(a.recipe for a in record.accuracies)))
    accuracies = [
        accuracy
        for recipe in evaluated
        if (accuracy := summarize_accuracy(record, predictions, recipe)) is not None
    ]
    tables = [
        _claims_table(verdict, notes),
        latency_table(record, latencies, verdict),
        quantiles_table(latencies),
        accuracy_table(record, accuracies),
        *confusion_tables(record),
        parity_table(record),
        conditions_table(record),
        device_table(record),
        model_table(record),
        settings_table(record),
    ]
    for doubt in record.doubts:
        notes.add(doubt.text)
    return View(
        where=_where(record),
        verdict=verdict.overall.sentence,
        tables=tuple(table for table in tables if table is not None),
        notes=tuple(notes.texts),
        files=_files(record),
    )


class _Notes:
    """Footnotes in order of first mention; the same text is one note."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, text: str) -> str:
        if text not in self.texts:
            self.texts.append(text)
        return str(self.texts.index(text) + 1)


def _where(record: Record) -> str:
    device = record.device
    if device is None:
        return "No device: nothing was timed. Accuracy is measured on this machine (host)."
    name = device_name(device)
    match device.kind:
        case "host":
            return f"Measured on this machine (host), not a phone: {name}."
        case "virtual_phone":
            return f"Measured on a virtual phone, not a phone: {name}."
        case "emulator":
            return f"Measured on an emulator, not a phone: {name}."
        case "phone":
            return f"Measured on {name}."


def _claims_table(verdict: Verdict, notes: _Notes) -> Table:
    rows: list[tuple[Cell, ...]] = []
    lines: list[str] = []
    for claim in verdict.claims:
        rows.append(_claim_row(claim, " ".join(notes.add(reason) for reason in claim.reasons)))
        for reading in claim.readings:
            if reading.p is not None and reading.status not in ("not_comparable", "inconclusive"):
                span = (
                    f"{reading.high:g} ms"
                    if reading.low is None
                    else f"{reading.low:.1f}-{reading.high:.1f} ms"
                )
                name = "strict (no margin)" if reading.name == "strict" else "equivalent"
                lines.append(f"{claim.recipe}, {name}, {span}: {reading.status}, {_p(reading.p)}.")
    lines.append(f"The verdict is about {verdict.overall.recipe}; rows of role reference are not in it.")
    return Table(
        title=f"Claims of arXiv {verdict.paper.arxiv_id} [latency: 90 % interval, accuracy: Wilson 95 %]",
        columns=("claim", "recipe", "paper", "measured", "status", "protocol", "sure", "notes"),
        rows=tuple(rows),
        lines=tuple(lines),
    )


def _claim_row(claim: JudgedClaim, marks: str) -> tuple[Cell, ...]:
    citation = claim.claim_citation
    digits = 2 if claim.unit == "ms" else 1
    unit = "ms" if claim.unit == "ms" else "%"
    return (
        citation.column + (" (reference)" if claim.role == "reference" else ""),
        claim.recipe,
        f"{citation.reported_value:g} {unit}",
        Quantity(value=claim.value, unit=unit, digits=digits, interval=claim.interval),
        claim.status,
        claim.protocol_match,
        _sure(claim.confidence),
        marks,
    )


def _sure(confidence: float) -> str:
    if confidence == 0:
        return "-"
    return "> 0.999" if confidence > 0.999 else f"{confidence:.3f}"


def _p(p: float) -> str:
    return "p < 0.0001" if p < 0.0001 else f"p {p:.2g}"


def _files(record: Record) -> tuple[str, ...]:
    raw = [launch.samples_file for launch in record.launches]
    shown = [f"{raw[0]} ... {raw[-1]} ({len(raw)} files)"] if len(raw) > 1 else raw
    predictions = [accuracy.predictions_file for accuracy in record.accuracies]
    return ("record.json", "verdict.json", "report.txt", *shown, *predictions)
