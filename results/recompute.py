"""Judge a run folder from what lies in it, at the end of a run or any time after."""

from __future__ import annotations

from pathlib import Path

from results.claims import load_claims
from results.encode import encode
from results.report.text import as_text
from results.report.view import build_view
from results.store import RunStore
from results.verdict import judge
from results.verdict_file import Verdict


def verdict_of(store: RunStore) -> Verdict:
    """The verdict, computed from the folder alone. Raises SchemaUnknown, RecordDamaged."""
    record = store.load()
    return judge(record, store.load_samples(record), store.load_predictions(record), load_claims())


def recompute(run_folder: Path) -> bytes:
    """The bytes of verdict.json, the same as the first time. Raises SchemaUnknown, RecordDamaged."""
    return encode(verdict_of(RunStore.open(run_folder)))


def conclude(store: RunStore) -> tuple[Verdict, str]:
    """Judge, write verdict.json and report.txt into the folder, and return both.

    Raises SchemaUnknown, RecordDamaged, RecordNotSaved.
    """
    verdict = verdict_of(store)
    store.save_verdict(verdict)
    record = store.load()
    view = build_view(record, store.load_samples(record), store.load_predictions(record), verdict)
    text = as_text(view)
    store.save_report(text)
    return verdict, text
