"""Bencher Metric Format: benchmark, measure, value with its limits; latencies in ns, accuracy 0 to 1.

Source: its JSON Schema, draft-07; the built-in measure "latency" is in nanoseconds.
"""

from __future__ import annotations

import json

from results.accuracy import summarize_accuracy
from results.report.forms.keys import accuracy_key, latency_key
from results.report.forms.loaded import Loaded, timed, unavailable, untimed
from results.series import series
from results.stats import Estimate


def as_bencher(run: Loaded) -> str:
    """The JSON of one run. Raises FormUnavailable where nothing was measured, RecordDamaged."""
    benchmarks: dict[str, dict[str, dict[str, float]]] = {}

    def add(benchmark: str, measure: str, at: Estimate, digits: int) -> None:
        if at.value is None:
            return
        metric = {"value": round(at.value, digits or None)}
        if at.interval is not None:
            metric |= {
                "lower_value": round(at.interval.low, digits or None),
                "upper_value": round(at.interval.high, digits or None),
            }
        benchmarks.setdefault(benchmark, {})[measure] = metric

    for one in timed(run):
        key = latency_key(run.record, one.series)
        add(key, "latency", one.p50, 0)
        add(key, "latency-p90", one.p90, 0)
    for done in run.record.accuracies:
        summary = summarize_accuracy(run.record, run.predictions, done.recipe)
        if summary is not None:
            add(
                accuracy_key(run.record, series(run.record, done.recipe)),
                "accuracy",
                summary.accuracy,
                6,
            )
    if not benchmarks:
        raise unavailable("bencher", run, f"{untimed(run)}, and no accuracy was evaluated")
    return json.dumps(benchmarks, indent=1, allow_nan=False) + "\n"
