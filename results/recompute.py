"""Judge a run folder from what lies in it, at the end of a run or any time after."""

from __future__ import annotations

from pathlib import Path

from results.claims import load_claims
from results.encode import encode
from results.report.text import as_text
from results.report.view import build_view
from results.sequences import sequence_latencies, sequences_file, write_sequences
from results.series import series_of
from results.store import RunStore
from results.verdict import judge
from results.verdict_file import Verdict


def recompute(run_folder: Path) -> bytes:
    """The bytes of verdict.json, the same as the first time. Raises SchemaUnknown, RecordDamaged."""
    store = RunStore.open(run_folder)
    record = store.load()
    return encode(judge(record, store.load_samples(record), store.load_predictions(record), load_claims()))


def conclude(store: RunStore) -> tuple[Verdict, str]:
    """Judge, write verdict.json, sequences-RECIPE.csv and report.txt, and return verdict and report.

    Everything comes from the folder alone, so that a second time gives the same bytes.
    Raises SchemaUnknown, RecordDamaged, RecordNotSaved.
    """
    record = store.load()
    samples, predictions = store.load_samples(record), store.load_predictions(record)
    claims = load_claims()
    verdict = judge(record, samples, predictions, claims)
    store.save_verdict(verdict)
    for one in series_of(record):
        latencies = sequence_latencies(record, samples, one.recipe, one.model)
        if latencies is not None:
            store.add_raw(sequences_file(one), write_sequences(latencies))
    text = as_text(build_view(record, samples, predictions, verdict, claims))
    store.save_report(text)
    return verdict, text
