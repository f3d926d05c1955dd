"""A recorded run in the forms that other tools and readers take, made from its folder alone."""

from __future__ import annotations

import json
from collections.abc import Iterable

from results.compare.arms import summarize_comparison
from results.compare.comparison_file import Comparison
from results.encode import encode
from results.errors import FormUnavailable
from results.history.summary import summarize_run
from results.report.comparison import comparison_view
from results.report.forms.by_name import Form, Texts, made
from results.report.forms.loaded import Loaded, load
from results.report.model import View
from results.report.view import build_view
from results.store import COMPARISON, RECORD, SUMMARY, VERDICT, RunStore


def run_view(store: RunStore) -> View:
    """The report of a run as data, without pictures. Raises SchemaUnknown, RecordDamaged."""
    run = load(store)
    return _view(run, _comparison(run), pictures=False)


def run_forms(store: RunStore, forms: Iterable[Form]) -> dict[str, Texts | FormUnavailable]:
    """Each form's texts by the form's name and the file's, or why this run has none of it.

    The run is read once. Raises SchemaUnknown, RecordDamaged.
    """
    run = load(store)
    comparison = _comparison(run)
    found: dict[str, Texts | FormUnavailable] = {}
    views: dict[bool, View] = {}
    for form in forms:
        pictures = form.name == "html"
        if pictures not in views:
            views[pictures] = _view(run, comparison, pictures=pictures)
        try:
            found[form.name] = made(
                form, views[pictures], run, _data(store, run, comparison) if pictures else None
            )
        except FormUnavailable as err:
            found[form.name] = err
    return found


def _comparison(run: Loaded) -> Comparison | None:
    """Of a run of two arms, which has no verdict."""
    return summarize_comparison(run.record, run.samples) if run.verdict is None else None


def _view(run: Loaded, comparison: Comparison | None, *, pictures: bool) -> View:
    if run.verdict is None:
        assert comparison is not None
        return comparison_view(run.record, run.samples, comparison)
    return build_view(run.record, run.samples, run.predictions, run.verdict, run.claims, pictures=pictures)


def _data(store: RunStore, run: Loaded, comparison: Comparison | None) -> bytes:
    """What a page offers for download: what was measured and what it comes to, raw samples left out."""
    texts = {
        RECORD: (store.folder / RECORD).read_bytes(),
        SUMMARY: encode(summarize_run(run.record, run.samples, run.verdict)),
    }
    if run.verdict is not None:
        texts[VERDICT] = encode(run.verdict)
    if comparison is not None:
        texts[COMPARISON] = encode(comparison)
    held = {name: json.loads(text) for name, text in texts.items()}
    return json.dumps(held, indent=1, allow_nan=False).encode()
