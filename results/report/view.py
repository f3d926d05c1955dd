"""From a judged run to its report: which numbers, in which order, with which words beside them."""

from __future__ import annotations

from collections.abc import Mapping

from results.predictions import Predictions
from results.record import Record
from results.report.by_sequence import sequences_table
from results.report.judged import Notes, claim_tables
from results.report.measured import accuracy_table, confusion_tables, latency_table, quantiles_table
from results.report.model import View
from results.report.setting import (
    conditions_table,
    device_name,
    device_table,
    model_table,
    parity_table,
    settings_table,
)
from results.samples import LaunchSamples
from results.sequences import SequenceLatencies, sequence_latencies, sequences_file
from results.summary import summarize_accuracy, summarize_latency
from results.verdict_file import Verdict

UNENDED = "The run did not end."


def build_view(
    record: Record,
    samples: Mapping[str, LaunchSamples],
    predictions: Mapping[str, Predictions],
    verdict: Verdict,
) -> View:
    """The report of one run. `samples` by `Launch.samples_file`, `predictions` by recipe.

    Raises RecordDamaged where raw data and record disagree.
    """
    notes = Notes()
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
    sequences = [
        of_recipe
        for recipe in record.settings.recipes
        if (of_recipe := sequence_latencies(record, samples, recipe)) is not None
    ]
    measured = frozenset(
        [("ms", latency.recipe) for latency in latencies]
        + [("percent", accuracy.recipe) for accuracy in accuracies]
    )
    tables = [
        *claim_tables(verdict, measured, notes),
        latency_table(record, latencies, verdict),
        sequences_table(record, sequences, verdict),
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
        where=_where(record) + ("" if record.ended_at else " " + UNENDED),
        verdict=verdict.overall.sentence,
        tables=tuple(table for table in tables if table is not None),
        notes=tuple(notes.texts),
        files=_files(record, sequences),
    )


def _where(record: Record) -> str:
    device = record.device
    if device is None:
        return "Accuracy on this machine (host); no device, so no latency was measured."
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


def _files(record: Record, sequences: list[SequenceLatencies]) -> tuple[str, ...]:
    raw = [launch.samples_file for launch in record.launches]
    shown = [f"{raw[0]} ... {raw[-1]} ({len(raw)} files)"] if len(raw) > 1 else raw
    predictions = [accuracy.predictions_file for accuracy in record.accuracies]
    by_sequence = [sequences_file(of_recipe.recipe) for of_recipe in sequences]
    return ("record.json", "verdict.json", "report.txt", *shown, *by_sequence, *predictions)
