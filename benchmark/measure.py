"""Everything that happens on the device: parity first, then launches, recipes interleaved."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from android_runner.probe import conditions
from android_runner.run import Order, Workplace, launch, remove, send
from benchmark.accuracy import host_logits
from benchmark.device_parity import compare, far_apart, sample_for
from benchmark.journal import Journal, now
from benchmark.listener import Listener
from results.record import Artifact, Conditions, DeviceParity, Launch

if TYPE_CHECKING:
    from android_runner.parse import Samples
    from android_runner.sequences import Sequences
    from export.artifact import ArtifactFiles

log = logging.getLogger(__name__)

_PARITY_TIMEOUT_S = 600.0
_START_TIMEOUT_S = 120.0
_SLOWDOWN = 10  # a launch may take so many times what its parity check promised


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A device made ready: the place, the threads and cores, and the rows that every launch runs.

    `candidates`: rows from which the parity check chooses.

    `same_kernels`: the device's processor is this host's, so that the runtime picks the same kernels.
    """

    place: Workplace
    threads: int
    cores: tuple[int, ...]
    sequences: Sequences
    candidates: Sequences
    host_threads: int
    same_kernels: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """One artifact whose device logits are those of this host, and how long an inference took there."""

    files: ArtifactFiles
    model: str
    inference_s: float


def check_parity(
    bench: Bench, measured: tuple[ArtifactFiles, ...], reference: ArtifactFiles | None, journal: Journal
) -> tuple[Ready, ...]:
    """Run a few rows of each artifact on the device and here; only those that agree are returned.

    `reference`: the float32 artifact of the same weights, None for a bare .tflite.
    """
    ready = []
    for files in measured:
        sample = sample_for(files.artifact.precision, same_kernels=bench.same_kernels)
        candidates = bench.candidates.take(np.arange(min(sample.candidates, bench.candidates.rows)))
        host = _here(files, candidates, bench)
        rows = far_apart(host, sample.rows)
        chosen = candidates.take(rows)
        model = send(
            bench.place, files.model_path, _model_name(files.artifact), sha256=files.artifact.model_sha256
        )
        sequences = _send_sequences(
            bench.place, chosen, journal.store.folder / f"parity-{files.artifact.recipe}.seq"
        )
        samples, _ = launch(
            bench.place,
            Order(
                model=model,
                model_sha256=files.artifact.model_sha256,
                sequences=sequences,
                row_ids=chosen.row_ids,
                threads=bench.threads,
                cores=bench.cores,
                seed=journal.record.settings.seed,
                inferences=len(rows),
                warmup_inferences=0,
                warmup_s=0.0,
                timeout_s=_PARITY_TIMEOUT_S,
            ),
        )
        remove(bench.place, sequences)
        parity = compare(
            files.artifact.recipe,
            np.array([samples.logits[int(row)] for row in chosen.row_ids], np.float32),
            host[rows],
            None if reference is None else _here(reference, chosen, bench),
            files.artifact.precision,
            same_kernels=bench.same_kernels,
        )
        journal.add("device parity", parities=(*journal.record.parities, parity))
        if parity.status == "passed":
            ready.append(Ready(files=files, model=model, inference_s=float(samples.duration_ns.max()) / 1e9))
        else:
            journal.doubt(f"parity-{parity.status}", _no_latency(parity))
    return tuple(ready)


def measure(bench: Bench, ready: tuple[Ready, ...], journal: Journal, listener: Listener) -> None:
    """K launches of each artifact in rounds of random order; each is saved as it ends.

    The rows are the same in every launch, in an order shuffled by a seed of the launch's own, so that drift
    is not read as an effect of length.
    """
    settings = journal.record.settings
    remote = _send_sequences(bench.place, bench.sequences, journal.store.folder / "timed.seq")
    generator = np.random.default_rng(settings.seed)
    total, order = settings.launches * len(ready), 0
    for index in range(settings.launches):
        for turn in generator.permutation(len(ready)):
            listener.on_progress(order, total, "launches")
            one = ready[turn]
            before = conditions(bench.place.link)
            began, seed = now(), settings.seed + order + 1
            inferences = settings.inferences + settings.warmup_inferences
            samples, raw = launch(
                bench.place,
                Order(
                    model=one.model,
                    model_sha256=one.files.artifact.model_sha256,
                    sequences=remote,
                    row_ids=bench.sequences.row_ids,
                    threads=bench.threads,
                    cores=bench.cores,
                    seed=seed,
                    inferences=settings.inferences,
                    warmup_inferences=settings.warmup_inferences,
                    warmup_s=settings.warmup_s,
                    timeout_s=_START_TIMEOUT_S
                    + _SLOWDOWN * (settings.warmup_s + inferences * one.inference_s),
                ),
            )
            done = _launch(samples, raw, one.files.artifact, index, order, seed, began, before, bench)
            name = f"launch-{order:03d}-{done.recipe}.samples"
            journal.store.add_raw(name, raw)
            done = dataclasses.replace(done, samples_file=name)
            journal.add("launches", launches=(*journal.record.launches, done))
            order += 1
    listener.on_progress(total, total, "launches")
    remove(bench.place, remote)


def timing_rows(sequences: Sequences, inferences: int, seed: int) -> Sequences:
    """The rows that are timed: as many as there are inferences in a launch, or all; a seeded choice."""
    rows = len(sequences.row_ids)
    if rows <= inferences:
        return sequences
    return sequences.take(np.sort(np.random.default_rng(seed).choice(rows, inferences, replace=False)))


def _launch(
    samples: Samples,
    raw: bytes,
    artifact: Artifact,
    index: int,
    order: int,
    seed: int,
    began: str,
    before: Conditions,
    bench: Bench,
) -> Launch:
    after = conditions(bench.place.link)
    return Launch(
        index=index,
        order=order,
        recipe=artifact.recipe,
        started_at=began,
        seed=seed,
        threads=samples.threads,
        cores=samples.cores,
        load_ns=samples.load_ns,
        first_inference_ns=samples.first_inference_ns,
        peak_rss_bytes=samples.peak_rss_bytes,
        warmup_inferences=samples.warmup_count,
        timed_inferences=samples.timed_count,
        samples_file="",
        samples_sha256=hashlib.sha256(raw).hexdigest(),
        before=before,
        after=after,
        invalid=_why_invalid(before, after),
    )


def _why_invalid(before: Conditions, after: Conditions) -> tuple[str, ...]:
    """Evidence of throttling, or that the evidence was tampered with (Android: any status above 0 counts)."""
    reasons = []
    for when, state in (("before", before), ("after", after)):
        if state.thermal_status is not None and state.thermal_status > 0:
            reasons.append(f"thermal status {state.thermal_status} {when} the launch")
        if state.thermal_overridden:
            reasons.append(f"thermal status was overridden {when} the launch")
    lowered = [
        core for core, khz in after.max_khz_by_core.items() if khz < before.max_khz_by_core.get(core, khz)
    ]
    if lowered:
        reasons.append(f"the top clock of cores {', '.join(map(str, lowered))} was lowered during the launch")
    return tuple(reasons)


def _here(files: ArtifactFiles, sequences: Sequences, bench: Bench) -> NDArray[np.float32]:
    logits, _ = host_logits(
        files, sequences, runtime="ai-edge-litert", threads=bench.host_threads, listener=Listener()
    )
    return logits


def _send_sequences(place: Workplace, sequences: Sequences, local: Path) -> str:
    sequences.write(local)
    digest = hashlib.sha256(local.read_bytes()).hexdigest()
    return send(place, local, f"{digest[:16]}.seq", sha256=digest)


def _model_name(artifact: Artifact) -> str:
    return f"{artifact.model_sha256[:16]}.tflite"


def _no_latency(parity: DeviceParity) -> str:
    found = "; ".join(parity.reasons)
    return f"{parity.recipe}: device parity {parity.status} ({found}), so no latency is reported for it."
