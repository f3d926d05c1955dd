"""The parity check on the device: a few rows there and here; only what agrees is timed."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from android_runner.run import launch
from benchmark.bench import (
    Bench,
    Ready,
    model_on_device,
    on_device,
    order_of,
    row_lengths,
    series_of_files,
)
from benchmark.device_parity import compare, far_apart, sample_for
from benchmark.host_logits import host_logits
from benchmark.journal import Journal
from benchmark.listener import Listener
from results.launches import launches_of
from results.series import Series, parity_of

if TYPE_CHECKING:
    from android_runner.sequences import Sequences
    from export.artifact import ArtifactFiles
    from results.device import LengthPolicy
    from results.record import Artifact, DeviceParity

_TIMEOUT_S = 600.0


def check_parity(
    bench: Bench, files: ArtifactFiles, reference: ArtifactFiles | None, journal: Journal
) -> Ready | None:
    """Run a few rows of an artifact on the device and here; None where they disagree.

    `reference`: the float32 artifact of the same weights, None where there is none (command `latency`). What
    a resumed run has shown and timed already is not shown again.
    """
    series = series_of_files(files, bench.arm)
    known, made = parity_of(journal.record, series), launches_of(journal.record, series)
    if known in ("failed", "void"):
        return None  # of a run that is gone on with: it has no second try
    model = model_on_device(bench, files)
    if made and known == "passed":
        slowest_ns = max(one.first_inference_ns for one in made)
        return Ready(bench=bench, files=files, model=model, inference_s=slowest_ns / 1e9)
    parity, inference_s = _compare(bench, files, reference, model, journal)
    others = [one for one in journal.record.parities if _series(one) != series]
    journal.add("device parity", parities=(*others, parity))
    if parity.status == "passed":
        return Ready(bench=bench, files=files, model=model, inference_s=inference_s)
    journal.doubt(f"parity-{parity.status}", _no_latency(parity))
    return None


def _compare(
    bench: Bench, files: ArtifactFiles, reference: ArtifactFiles | None, model: str, journal: Journal
) -> tuple[DeviceParity, float]:
    """The check's outcome, and the longest inference in seconds."""
    settings = journal.record.settings
    policy = bench.length_policy
    artifact = files.artifact
    sample = sample_for(artifact.precision, same_kernels=bench.same_kernels)
    candidates = _candidates(bench, artifact, policy, sample.candidates)
    host = _here(files, candidates, bench, policy)
    rows = far_apart(host, sample.rows, row_lengths(artifact, candidates, policy))
    chosen = candidates.take(rows)
    series = series_of_files(files, bench.arm)
    with on_device(bench, chosen, journal, f"parity-{series.stem}.seq") as sequences:
        asked = order_of(bench, files, model, chosen, sequences, settings, timeout_s=_TIMEOUT_S)
        samples, _ = bench.session.endure(
            lambda: launch(bench.place, asked), during=f"the parity check of {series.label}"
        )
    parity = compare(
        artifact.recipe,
        np.array([samples.logits[int(row)] for row in chosen.row_ids], np.float32),
        host[rows],
        _here(reference or files, chosen, bench, policy, built_in_kernels=reference is None),
        artifact.precision,
        same_kernels=bench.same_kernels,
        measured_by="the conversion error" if reference else "the built-in kernels' difference",
    )
    return dataclasses.replace(parity, model=artifact.model, arm=bench.arm), float(
        samples.duration_ns.max()
    ) / 1e9


def _candidates(bench: Bench, artifact: Artifact, policy: LengthPolicy, count: int) -> Sequences:
    """The first `count` candidates, and a row that is timed for each signature that runs none of them."""
    candidates = bench.candidates.take(np.arange(min(count, bench.candidates.rows)))
    timed = row_lengths(artifact, bench.sequences, policy)
    seen = row_lengths(artifact, candidates, policy)
    more = [int(np.argmax(timed == length)) for length in np.unique(timed) if length not in seen]
    return candidates.and_more(bench.sequences.take(np.array(more))) if more else candidates


def _here(
    files: ArtifactFiles,
    sequences: Sequences,
    bench: Bench,
    policy: LengthPolicy,
    *,
    built_in_kernels: bool = False,
) -> NDArray[np.float32]:
    logits, _ = host_logits(
        files,
        sequences,
        runtime="ai-edge-litert",
        threads=bench.host_threads,
        listener=Listener(),
        policy=policy,
        built_in_kernels=built_in_kernels,
    )
    return logits


def _no_latency(parity: DeviceParity) -> str:
    found = "; ".join(parity.reasons)
    return (
        f"{_series(parity).label}: device parity {parity.status} ({found}), so no latency is reported for it."
    )


def _series(parity: DeviceParity) -> Series:
    return Series(model=parity.model, recipe=parity.recipe, arm=parity.arm)
