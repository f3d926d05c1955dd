"""Comparisons from run folders: of the two arms of one run, and of two runs."""

from __future__ import annotations

from pathlib import Path

from results.compare.arms import summarize_comparison
from results.compare.comparable import check_comparable
from results.compare.noise_floor import threshold_for
from results.compare.recorded import Recorded
from results.compare.runs import compare_runs
from results.errors import NotComparable
from results.recompute import Conclusion
from results.record import Record
from results.report.comparison import comparison_view
from results.report.model import View
from results.report.run_comparison import run_comparison_view
from results.report.text import as_text
from results.store import RunStore

_TWO = "Give two runs that were both measured; what two equal arms differ by: mobilebert-bench ab ARM --aa"


def conclude_comparison(store: RunStore, record: Record) -> Conclusion:
    """Compare, write comparison.json and report.txt, and return what they say, from the folder alone.

    Raises RecordDamaged, RecordNotSaved.
    """
    samples = store.load_samples(record)
    comparison = summarize_comparison(record, samples)
    store.save_comparison(comparison)
    view = comparison_view(record, samples, comparison)
    text = as_text(view)
    store.save_report(text)
    return Conclusion(status=comparison.status, view=view, report=text)


def compare_folders(first: Path, second: Path, threshold: float | None, noise_floor: Path | None) -> View:
    """The run in `second` against the one in `first`.

    `threshold`: the share, 0 to 1, below which a change does not matter, None for the default;
    `noise_floor`: the folder of an A/A run that says what cannot be seen on this device.
    Raises NotComparable, SchemaUnknown, RecordDamaged.
    """
    if first.resolve() == second.resolve():
        raise NotComparable(
            f"{first} and {second} are one run, which is as fast as itself.",
            next_step=_TWO,
        )
    a, b = _recorded(first), _recorded(second)
    if a.record == b.record:
        raise NotComparable(
            f"{first} and {second} hold the same record, down to the digest of every raw file: one is a copy "
            "of the other, and a run is as fast as itself.",
            next_step=_TWO,
        )
    check_comparable(a, b)
    limit = threshold_for(threshold, noise_floor, a.record.device, a.record.settings)
    return run_comparison_view(a, b, compare_runs(a, b, limit))


def _recorded(folder: Path) -> Recorded:
    store = RunStore.open(folder)
    record = store.load()
    return Recorded(
        name=str(folder),
        record=record,
        samples=store.load_samples(record),
        predictions=store.load_predictions(record),
    )
