"""Judge a run folder from what lies in it, at the end of a run or any time after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from results.claims import load_claims
from results.compare.arms import summarize_comparison
from results.encode import encode
from results.flips import flips_file, flips_of, write_flips
from results.history.summary import summarize_run
from results.report.model import View
from results.report.text import as_text
from results.report.view import build_view
from results.sequences import sequence_latencies, sequences_file, write_sequences
from results.series import series_of
from results.store import RunStore
from results.verdict import judge


def recompute(run_folder: Path) -> bytes:
    """The bytes of verdict.json, the same as the first time; of comparison.json where two arms are compared.

    Raises SchemaUnknown, RecordDamaged.
    """
    store = RunStore.open(run_folder)
    record = store.load()
    if record.comparing is not None:
        return encode(summarize_comparison(record, store.load_samples(record)))
    return encode(judge(record, store.load_samples(record), store.load_predictions(record), load_claims()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """A run judged: `status` in its verdict's own words, and its report, as data and as in report.txt."""

    status: str
    view: View
    report: str


def conclude(store: RunStore) -> Conclusion:
    """Judge, write verdict.json, summary.json, sequences-RECIPE.csv, flips-RECIPE.csv and report.txt;
    return what they say.

    Everything comes from the folder alone, so that a second time gives the same bytes.
    Raises SchemaUnknown, RecordDamaged, RecordNotSaved.
    """
    record = store.load()
    if record.comparing is not None:
        from results.compare.folders import conclude_comparison  # which is made of what stands here

        store.save_summary(summarize_run(record, store.load_samples(record)))
        return conclude_comparison(store, record)
    samples, predictions = store.load_samples(record), store.load_predictions(record)
    claims = load_claims()
    verdict = judge(record, samples, predictions, claims)
    store.save_verdict(verdict)
    store.save_summary(summarize_run(record, samples, verdict))
    for one in series_of(record):
        latencies = sequence_latencies(record, samples, one.recipe, one.model)
        if latencies is not None:
            store.add_raw(sequences_file(one), write_sequences(latencies))
    for flips in flips_of(record, predictions):
        store.add_raw(flips_file(flips.recipe), write_flips(flips))
    view = build_view(record, samples, predictions, verdict, claims)
    text = as_text(view)
    store.save_report(text)
    return Conclusion(status=verdict.verdict.status, view=view, report=text)
