"""Latency by signature: which inferences count where, and when there is no such table."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from results.by_length import LengthLatencies, length_latencies
from results.report.text import as_text
from results.report.view import build_view
from results.samples import LaunchSamples
from tests.results.make_run import Run, make_run, parity
from tests.results.test_verdict import verdict_of

MS = 1_000_000
SHORT, LONG = range(6), range(6, 12)  # rows by the signature that runs them


def shortest_run(**changes: object) -> Run:
    """Two launches of twelve rows, half by s24 in 2 ms, half by s128 in 10 ms; the second is 21 % slower."""
    run = make_run(launches=2, inferences=12, **changes)  # type: ignore[arg-type]
    for launch, factor in zip(run.record.launches, (1.0, 1.21), strict=True):
        lines = ["mobilebert-samples 1"]
        start = 0
        # The warm-up inference must count nowhere.
        for index, row in enumerate((11, *reversed(range(12)))):
            key, ms = ("s24", 2) if row in SHORT else ("s128", 10)
            duration = round(ms * MS * factor) if index else 1000 * MS
            lines.append(f"inference {index} {'t' if index else 'w'} {row} {key} {start} {duration} 0")
            start += duration
        lines += ["logits 0 0.5 1.5 2", "end warmup=1 timed=12 logits=1", ""]
        run.raw[launch.samples_file] = "\n".join(lines).encode()
    run = run.each_launch(timed_inferences=12)
    return run.settings(length_policy="shortest", lengths=(24, 64, 128))


def by_length(run: Run, samples: dict[str, LaunchSamples] | None = None) -> LengthLatencies | None:
    return length_latencies(run.record, run.samples if samples is None else samples, "float32")


def test_each_signature_has_its_own_rows() -> None:
    """The point of several lengths is what each costs; a mix of them would say nothing."""
    found = by_length(shortest_run())
    assert found is not None
    by_key = {one.key: one for one in found.signatures}
    assert list(by_key) == ["s24", "s128"]
    assert [by_key[key].sequences for key in ("s24", "s128")] == [6, 6]
    assert [by_key[key].inferences for key in ("s24", "s128")] == [12, 12]
    assert by_key["s24"].p50.value == pytest.approx(2 * MS * 1.1)
    assert by_key["s128"].p50.value == pytest.approx(10 * MS * 1.1)
    assert by_key["s24"].p50.interval is not None


def test_the_mean_counts_each_sequence_once() -> None:
    """A row that is timed twice because the last pass was cut short would else weigh double."""
    run = shortest_run()
    assert by_length(run).mean.value == pytest.approx(6 * MS * 1.1)  # type: ignore[union-attr]
    again = {}
    for name, held in run.samples.items():
        first = np.append(np.arange(held.row.size), 1)  # row 11 once more
        fields = {f.name: getattr(held, f.name) for f in dataclasses.fields(held)}
        arrays = {name: held[first] for name, held in fields.items() if isinstance(held, np.ndarray)}
        again[name] = dataclasses.replace(held, **arrays)
    twice = by_length(run.each_launch(timed_inferences=13), again)
    assert twice is not None
    assert twice.mean.value == pytest.approx(6 * MS * 1.1)


def test_too_few_inferences_are_said() -> None:
    """A rare length has no p50 of six inferences; a dash without a reason would look like a fault."""
    run = shortest_run()
    name = run.record.launches[0].samples_file
    run.raw[name] = run.raw[name].replace(b" 0 s24", b" 0 s64")
    found = by_length(run)
    assert found is not None
    rare = next(one for one in found.signatures if one.key == "s64")
    assert rare.p50.value is None
    assert "n too small" in str(rare.p50.reason)


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run.settings(length_policy="fixed"),
        lambda run: run.change(parities=(parity("float32", status="failed"),)),
        lambda run: run.each_launch(invalid=("thermal status 2",)),
    ],
    ids=["fixed", "parity failed", "invalid"],
)
def test_nothing_to_say(change: object) -> None:
    """One length is one row; and what is not the model's latency is not shown by length either."""
    assert by_length(change(shortest_run())) is None  # type: ignore[operator]


def test_the_report_tells_the_policy() -> None:
    """A p50 over short sequences must not be read as one over padded ones, here or beside the paper's."""
    run = shortest_run()
    text = as_text(build_view(run.record, run.samples, run.predictions, verdict_of(run)))
    flat = " ".join(text.split())
    assert "Latency by signature" in text
    assert "the shortest of lengths 24, 64, 128 that is longer than a sequence" in flat
    assert "mean over 12 sequences 6.60 ms" in text
    assert "other length policy" in text
    assert "not with the paper's 62 ms" in flat
