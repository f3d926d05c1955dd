"""Everything that happens on the device: parity first, then launches, recipes interleaved."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from android_runner.probe import conditions
from android_runner.run import Order, Workplace, launch, remove, send
from benchmark.accuracy import host_logits
from benchmark.device_parity import compare, far_apart, sample_for
from benchmark.journal import Journal, now
from benchmark.listener import Listener
from export import lengths
from results.device import Conditions
from results.errors import HarnessError, NoSpaceOnDevice, RunFailed
from results.record import Artifact, DeviceParity, Launch, LengthPolicy
from results.series import Series
from results.summary import launches_of

if TYPE_CHECKING:
    from android_runner.sequences import Sequences
    from export.artifact import ArtifactFiles

# What one file can meet where others run: too little memory or disk, or an operation that is not there.
NOT_RUN = (RunFailed, NoSpaceOnDevice)

_PARITY_TIMEOUT_S = 600.0
_START_TIMEOUT_S = 120.0
_SLOWDOWN = 10  # a launch may take so many times what its parity check promised


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A device made ready: the place, the threads and cores, and the rows that every launch runs.

    `candidates`: rows from which the parity check chooses, of the whole set and not of its slice.
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

    `reference`: the float32 artifact of the same weights, None where there is none (command `latency`).
    """
    ready = []
    policy = journal.record.settings.length_policy
    for files in measured:
        sample = sample_for(files.artifact.precision, same_kernels=bench.same_kernels)
        candidates = _candidates(bench, files.artifact, policy, sample.candidates)
        host = _here(files, candidates, bench, policy)
        rows = far_apart(host, sample.rows, _lengths(files.artifact, candidates, policy))
        chosen = candidates.take(rows)
        model = send(
            bench.place, files.model_path, _model_name(files.artifact), sha256=files.artifact.model_sha256
        )
        name = f"parity-{_series(files).stem}.seq"
        with _on_device(bench.place, chosen, journal, name) as sequences:
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
                    length_policy=policy,
                    signatures=_signatures(files.artifact, chosen, policy),
                ),
            )
        parity = compare(
            files.artifact.recipe,
            np.array([samples.logits[int(row)] for row in chosen.row_ids], np.float32),
            host[rows],
            _here(reference or files, chosen, bench, policy, built_in_kernels=reference is None),
            files.artifact.precision,
            same_kernels=bench.same_kernels,
            measured_by="the conversion error" if reference else "the built-in kernels' difference",
        )
        parity = dataclasses.replace(parity, model=files.artifact.model)
        journal.add("device parity", parities=(*journal.record.parities, parity))
        if parity.status == "passed":
            ready.append(Ready(files=files, model=model, inference_s=float(samples.duration_ns.max()) / 1e9))
        else:
            journal.doubt(f"parity-{parity.status}", _no_latency(parity))
    return tuple(ready)


def measure(
    bench: Bench, ready: tuple[Ready, ...], journal: Journal, listener: Listener, *, spare: bool = False
) -> None:
    """K launches of each artifact in rounds of random order; each is saved as it ends.

    The rows are the same in every launch, in an order shuffled by a seed of the launch's own, so that drift
    is not read as an effect of length. `spare`: an artifact that the device cannot run is left out from then
    on, while another one is left.
    """
    settings = journal.record.settings
    generator = np.random.default_rng(settings.seed)
    rounds = [ready[turn] for _ in range(settings.launches) for turn in generator.permutation(len(ready))]
    start = conditions(bench.place.link)
    _note_caps(start, journal)
    with _on_device(bench.place, bench.sequences, journal, "timed.seq") as sequences:
        lost: list[Ready] = []
        for turn, one in enumerate(rounds):
            listener.on_progress(turn, len(rounds), "launches")
            if one in lost:
                continue
            try:
                _measure_once(bench, one, sequences, len(journal.record.launches), start, journal)
            except NOT_RUN as err:
                if not spare or len(lost) + 1 == len(ready):
                    raise
                lost.append(one)
                done = turn // len(ready)
                give_up(one.files, f"failed in round {done + 1} and was not launched again", err, journal)
    listener.on_progress(len(rounds), len(rounds), "launches")


def timing_rows(sequences: Sequences, inferences: int, seed: int) -> Sequences:
    """The rows that are timed: as many as there are inferences in a launch, or all; a seeded choice."""
    rows = len(sequences.row_ids)
    if rows <= inferences:
        return sequences
    return sequences.take(np.sort(np.random.default_rng(seed).choice(rows, inferences, replace=False)))


def give_up(files: ArtifactFiles, how: str, err: HarnessError, journal: Journal) -> None:
    """Say of an artifact that the device could not run it, and why: the others go on without it."""
    journal.doubt("not-run", f"{_series(files).label} {how}: {err.what}.")


def _measure_once(
    bench: Bench, one: Ready, sequences: str, order: int, start: Conditions, journal: Journal
) -> None:
    """One launch, with the device's state before and after it; saved before it returns."""
    settings, series = journal.record.settings, _series(one.files)
    before = conditions(bench.place.link)
    began, seed = now(), settings.seed + order + 1
    inferences = settings.inferences + settings.warmup_inferences
    samples, raw = launch(
        bench.place,
        Order(
            model=one.model,
            model_sha256=one.files.artifact.model_sha256,
            sequences=sequences,
            row_ids=bench.sequences.row_ids,
            threads=bench.threads,
            cores=bench.cores,
            seed=seed,
            inferences=settings.inferences,
            warmup_inferences=settings.warmup_inferences,
            warmup_s=settings.warmup_s,
            timeout_s=_START_TIMEOUT_S + _SLOWDOWN * (settings.warmup_s + inferences * one.inference_s),
            length_policy=settings.length_policy,
            signatures=_signatures(one.files.artifact, bench.sequences, settings.length_policy),
        ),
    )
    after = conditions(bench.place.link)
    name = f"launch-{order:03d}-{series.stem}.samples"
    done = Launch(
        index=len(launches_of(journal.record, series)),
        order=order,
        recipe=series.recipe,
        model=series.model,
        started_at=began,
        seed=seed,
        threads=samples.threads,
        cores=samples.cores,
        load_ns=samples.load_ns,
        first_inference_ns=samples.first_inference_ns,
        peak_rss_bytes=samples.peak_rss_bytes,
        warmup_inferences=samples.warmup_count,
        timed_inferences=samples.timed_count,
        samples_file=name,
        samples_sha256=journal.store.add_raw(name, raw),
        before=before,
        after=after,
        invalid=_why_invalid(start, before, after),
    )
    journal.add("launches", launches=(*journal.record.launches, done))


def _series(files: ArtifactFiles) -> Series:
    return Series(model=files.artifact.model, recipe=files.artifact.recipe)


def _lengths(artifact: Artifact, sequences: Sequences, policy: LengthPolicy) -> NDArray[np.int64]:
    """The length of the signature that runs each row."""
    return lengths.assign(
        sequences.attention_mask, [signature.length for signature in artifact.signatures], policy
    )


def _signatures(artifact: Artifact, sequences: Sequences, policy: LengthPolicy) -> tuple[str, ...]:
    """The key of the signature that has to run each row."""
    keys = {signature.length: signature.key for signature in artifact.signatures}
    return tuple(keys[length] for length in _lengths(artifact, sequences, policy).tolist())


def _candidates(bench: Bench, artifact: Artifact, policy: LengthPolicy, count: int) -> Sequences:
    """The first `count` candidates, and a row that is timed for each signature that runs none of them."""
    candidates = bench.candidates.take(np.arange(min(count, bench.candidates.rows)))
    timed = _lengths(artifact, bench.sequences, policy)
    seen = _lengths(artifact, candidates, policy)
    more = [int(np.argmax(timed == length)) for length in np.unique(timed) if length not in seen]
    return candidates.and_more(bench.sequences.take(np.array(more))) if more else candidates


def _why_invalid(start: Conditions, before: Conditions, after: Conditions) -> tuple[str, ...]:
    """Evidence of throttling, or that the evidence was tampered with (Android: any status above 0 counts).

    `start`: before the run's first launch; a top clock below that one's was lowered by the device.
    """
    reasons = []
    for when, state in (("before", before), ("after", after)):
        if state.thermal_status is not None and state.thermal_status > 0:
            reasons.append(f"thermal status {state.thermal_status} {when} the launch")
        if state.thermal_overridden:
            reasons.append(f"thermal status was overridden {when} the launch")
        lowered = [
            core for core, khz in state.max_khz_by_core.items() if khz < start.max_khz_by_core.get(core, khz)
        ]
        if lowered:
            reasons.append(f"the top clock of cores {_listed(lowered)} was lowered {when} the launch")
    return tuple(reasons)


def _note_caps(start: Conditions, journal: Journal) -> None:
    """Say where the device holds cores below their top clock from the start (battery saver, an old cap)."""
    device = journal.record.device
    tops = {core.index: core.max_khz for core in device.cores} if device else {}
    capped = [core for core, khz in start.max_khz_by_core.items() if (top := tops.get(core)) and khz < top]
    if capped:
        journal.doubt(
            "capped-clocks",
            f"Cores {_listed(capped)} were held below their top clock from the start on.",
        )


def _listed(cores: list[int]) -> str:
    return ", ".join(map(str, sorted(cores)))


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


@contextmanager
def _on_device(place: Workplace, sequences: Sequences, journal: Journal, name: str) -> Iterator[str]:
    """Rows as a file in the run folder and on the device, where it is removed at the end; its path there."""
    digest = journal.store.add_raw(name, sequences.to_bytes())
    remote = send(place, journal.store.folder / name, f"{digest[:16]}.seq", sha256=digest)
    try:
        yield remote
    finally:
        remove(place, remote)


def _model_name(artifact: Artifact) -> str:
    return f"{artifact.model_sha256[:16]}.tflite"


def _no_latency(parity: DeviceParity) -> str:
    found = "; ".join(parity.reasons)
    label = Series(model=parity.model, recipe=parity.recipe).label
    return f"{label}: device parity {parity.status} ({found}), so no latency is reported for it."
