"""github-action-benchmark's own JSON: one list in which smaller is better, one in which bigger is.

Source: the documented shape of its tools customSmallerIsBetter and customBiggerIsBetter. `name` joins the
runs and `unit` stays the same, for both are what it draws a line through; `range` is "± x".
"""

from __future__ import annotations

import json

from results.accuracy import summarize_accuracy
from results.report.forms.keys import accuracy_key, latency_key
from results.report.forms.loaded import Loaded, timed, unavailable, untimed
from results.report.model import MS_PER_NS, milliseconds
from results.series import series
from results.stats import Estimate

LATENCY, ACCURACY = "github-benchmark-latency.json", "github-benchmark-accuracy.json"


def as_github_benchmark(run: Loaded) -> dict[str, str]:
    """The texts of both files by name; a file of which nothing was measured is left out.

    Raises FormUnavailable where that leaves none, RecordDamaged.
    """
    verdict = "" if run.verdict is None else f"\nverdict {run.verdict.overall.status}"
    latency = [
        _entry(f"{latency_key(run.record, one.series)}/{name}", at, "ms", MS_PER_NS, f"{extra}{verdict}")
        for one in timed(run)
        for name, at, extra in (
            (
                "p50",
                one.p50,
                f"{_p90(one.p90)}\nvalid launches {len(one.launches)} of {one.total}",
            ),
            ("p90", one.p90, f"valid launches {len(one.launches)} of {one.total}"),
        )
        if at.value is not None
    ]
    accuracy = [
        _entry(
            accuracy_key(run.record, series(run.record, done.recipe)),
            summary.accuracy,
            "%",
            100,
            f"{summary.correct} of {summary.rows} pairs{verdict}",
        )
        for done in run.record.accuracies
        if (summary := summarize_accuracy(run.record, run.predictions, done.recipe)) is not None
        and summary.accuracy.value is not None
    ]
    files = {name: entries for name, entries in ((LATENCY, latency), (ACCURACY, accuracy)) if entries}
    if not files:
        raise unavailable("github-benchmark", run, f"{untimed(run)}, and no accuracy was evaluated")
    return {name: json.dumps(entries, indent=1, allow_nan=False) + "\n" for name, entries in files.items()}


def _p90(at: Estimate) -> str:
    return f"no p90: {at.reason}" if at.value is None else f"p90 {milliseconds(at)}"


def _entry(name: str, at: Estimate, unit: str, scale: float, extra: str) -> dict[str, str | float]:
    assert at.value is not None
    entry: dict[str, str | float] = {"name": name, "unit": unit, "value": round(at.value * scale, 6)}
    if at.interval is not None:
        # Its one number for both sides is the longer one: an interval on a log scale is not symmetric.
        half = max(at.value - at.interval.low, at.interval.high - at.value) * scale
        entry["range"] = f"± {half:.3f}"
    return entry | {"extra": extra}
