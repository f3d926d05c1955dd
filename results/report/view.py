"""From a judged run to its report: which numbers, in which order, with which words beside them."""

from __future__ import annotations

from collections.abc import Mapping

from results.accuracy import float32_of, is_float32, summarize_accuracy
from results.by_group import group_accuracies
from results.by_length import length_latencies
from results.by_tokens import token_latencies
from results.claims import Claims
from results.device_accuracy import summarize_device_accuracy
from results.flips import flips_file
from results.latency import summarize_latency
from results.plain import plainly
from results.predictions import Predictions
from results.record import Record
from results.report.accuracy import accuracy_table, confusion_tables, evaluation_table, on_cluster
from results.report.by_group import groups_table
from results.report.by_length import lengths_table
from results.report.by_sequence import sequences_table
from results.report.by_tokens import tokens_table
from results.report.checks import outcome_of, run_checks
from results.report.conditions import conditions_table
from results.report.flips import flips_tables
from results.report.happened import interruptions_table, left_changed_table
from results.report.judged import Notes, claim_tables
from results.report.launches import launches_table
from results.report.measured import latency_table, quantiles_table
from results.report.model import ACCURACY_TITLE, LATENCY_TITLE, View
from results.report.on_device import device_accuracy_table
from results.report.pictures import run_figures
from results.report.reference_runs import reference_runs_table
from results.report.runtimes import runtime_checks, runtimes_table
from results.report.setting import (
    by_recipe,
    device_name,
    device_table,
    model_table,
    parity_table,
    settings_table,
)
from results.report.table_four import compared_tables
from results.runtime_accuracy import summarize_runtimes
from results.samples import LaunchSamples
from results.sequences import SequenceLatencies, sequence_latencies, sequences_file
from results.series import compares_models, judged_model, series_of
from results.verdict_file import Verdict

UNENDED = "The run did not end."


def build_view(
    record: Record,
    samples: Mapping[str, LaunchSamples],
    predictions: Mapping[str, Predictions],
    verdict: Verdict,
    claims: Claims | None = None,
    *,
    pictures: bool = False,
) -> View:
    """The report of one run. `samples` by `Launch.samples_file`, `predictions` as `judge` has them.

    `claims`: those of the verdict, with the paper's rows; of use where the run compares models.
    `pictures`: with the figures, and the pairs that quantizing flips, for forms that have room for them.
    Raises RecordDamaged where raw data and record disagree.
    """
    notes = Notes()
    latencies = [
        latency
        for one in series_of(record)
        if (latency := summarize_latency(record, samples, one.recipe, one.model)) is not None
    ]
    evaluated = dict.fromkeys((*record.settings.recipes, *(a.recipe for a in record.accuracies)))
    accuracies = [
        accuracy
        for recipe in evaluated
        if (accuracy := summarize_accuracy(record, predictions, recipe)) is not None
    ]
    sequences = [
        of_recipe
        for one in series_of(record)
        if (of_recipe := sequence_latencies(record, samples, one.recipe, one.model)) is not None
    ]
    lengths = [
        by_length
        for one in series_of(record)
        if (by_length := length_latencies(record, samples, one.recipe, one.model)) is not None
    ]
    on_device = [
        summary
        for one in record.device_accuracies
        if (summary := summarize_device_accuracy(record, predictions, one.recipe, one.model)) is not None
    ]
    by_runtime = summarize_runtimes(record, predictions)
    measured = frozenset(
        [("ms", latency.recipe) for latency in latencies if latency.series.model == judged_model(record)]
        + [("percent", accuracy.recipe) for accuracy in accuracies]
    )
    compared = (
        compared_tables(record, samples, latencies, verdict, claims, notes)
        if claims is not None and compares_models(record)
        else []
    )
    by_tokens = [
        of_series
        for one in series_of(record)
        if (of_series := token_latencies(record, samples, one)) is not None
    ]
    by_group = [
        groups_table(record, recipe, group_accuracies(record, predictions, recipe))
        for recipe in _worth_groups(record)
    ]
    of_one_model = (
        latency_table(record, latencies, verdict),
        lengths_table(record, lengths, verdict),
        tokens_table(record, by_tokens, verdict),
        sequences_table(record, sequences, verdict),
        quantiles_table(latencies),
    )
    tables = [
        left_changed_table(record),
        *compared,
        *claim_tables(verdict, measured, notes, record.settings.interval),
        *(() if compared else of_one_model),
        accuracy_table(record, accuracies),
        reference_runs_table(record, accuracies),
        *by_group,
        *confusion_tables(record),
        evaluation_table(record),
        *(flips_tables(record, predictions) if pictures else ()),
        runtimes_table(record, by_runtime),
        device_accuracy_table(record, on_device),
        *(parity_table(part) for part in by_recipe(record)),
        interruptions_table(record),
        *(launches_table(part, samples, latencies) for part in by_recipe(record)),
        conditions_table(record),
        device_table(record),
        *(model_table(part) for part in by_recipe(record)),
        settings_table(record),
    ]
    for doubt in record.doubts:
        notes.add(doubt.text)
    view = View(
        title=LATENCY_TITLE if record.device else ACCURACY_TITLE,
        floors=_floors(verdict) if record.device is None else "",
        where=where(record) + ("" if record.ended_at else " " + UNENDED),
        verdict=verdict.overall.sentence,
        tables=tuple(table for table in tables if table is not None),
        notes=tuple(notes.texts),
        files=_files(record, sequences),
        outcome=outcome_of(verdict),
        checks=(*run_checks(record, verdict, measured), *runtime_checks(record, by_runtime)),
        figures=run_figures(record, samples, latencies, sequences, verdict) if pictures else (),
    )
    return plainly(view)


def where(record: Record) -> str:
    device = record.device
    if device is None:
        on = "a Dask cluster" if on_cluster(record) else "this machine (host)"
        return f"Accuracy on {on}; no device, so no latency was measured."
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


def _floors(verdict: Verdict) -> str:
    """Recipes that were compared with float32 on the same pairs; empty where none was."""
    judged = [one for one in verdict.floors if one.difference_points is not None]
    if not judged:
        return ""
    statuses = ", ".join(f"{one.recipe} {one.status}" for one in judged)
    return f"Floor: {statuses} (at most {judged[0].margin_points:g} point less accurate than float32)."


def _files(record: Record, sequences: list[SequenceLatencies]) -> tuple[str, ...]:
    predictions = [accuracy.predictions_file for accuracy in record.accuracies]
    predictions += [one.predictions_file for one in record.runtime_accuracies]
    predictions += [accuracy.predictions_file for accuracy in record.device_accuracies]
    by_sequence = [sequences_file(of_recipe.series) for of_recipe in sequences]
    if float32_of(record) is not None:
        quantized = [one.recipe for one in record.accuracies if not is_float32(record, one.recipe)]
        predictions += [flips_file(recipe) for recipe in quantized]
    return ("record.json", "verdict.json", "report.txt", *_samples(record), *by_sequence, *predictions)


def _worth_groups(record: Record) -> list[str]:
    """Recipes with a table of groups: float32 has a column in the others' tables, if there are any."""
    recipes = [accuracy.recipe for accuracy in record.accuracies]
    return [recipe for recipe in recipes if not is_float32(record, recipe)] or recipes


def _samples(record: Record) -> list[str]:
    raw = [launch.samples_file for launch in record.launches]
    if len(raw) < 2:
        return raw
    span = "launch-NNN-MODEL-RECIPE.samples" if compares_models(record) else f"{raw[0]} ... {raw[-1]}"
    return [f"{span} ({len(raw)} files)"]
