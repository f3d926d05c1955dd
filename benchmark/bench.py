"""A device made ready, and what is put on it for one step and taken away again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from android_runner.run import Order, Workplace, remove, send
from export import lengths
from results.series import Series

if TYPE_CHECKING:
    from android_runner.binary import Binary
    from android_runner.sequences import Sequences
    from benchmark.journal import Journal
    from benchmark.session import Session
    from export.artifact import ArtifactFiles
    from results.device import Delegate, LengthPolicy, Program
    from results.record import Artifact, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """A device made ready: the place, the threads and cores, and the rows that every launch runs.

    `candidates`: rows from which the parity check chooses, of the whole set and not of its slice.
    `same_kernels`: the device's processor is this host's, so that the runtime picks the same kernels.
    `binary`: another device program than ours, which does the timing. `arm`: "a" or "b" where the run
    compares two, each on a bench of its own.
    """

    session: Session
    place: Workplace
    threads: int
    cores: tuple[int, ...]
    sequences: Sequences
    candidates: Sequences
    host_threads: int
    same_kernels: bool
    binary: Binary | None = None
    delegate: Delegate = "cpu"
    length_policy: LengthPolicy = "fixed"
    arm: str = ""

    @property
    def program(self) -> Program:
        """What does the timing."""
        return self.place.bundle.program if self.binary is None else self.binary.program


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """One artifact whose device logits are those of this host, and how long an inference took there."""

    bench: Bench
    files: ArtifactFiles
    model: str
    inference_s: float

    @property
    def series(self) -> Series:
        """What its launches are of."""
        return series_of_files(self.files, self.bench.arm)


def series_of_files(files: ArtifactFiles, arm: str = "") -> Series:
    """Which model by which recipe, and for which arm of a run that compares two."""
    return Series(model=files.artifact.model, recipe=files.artifact.recipe, arm=arm)


def model_on_device(bench: Bench, files: ArtifactFiles) -> str:
    """Send the model, unless it is there; its path on the device. It is sent again where it got lost."""
    artifact = files.artifact

    def put() -> str:
        name = f"{artifact.model_sha256[:16]}.tflite"
        return send(bench.place, files.model_path, name, sha256=artifact.model_sha256)

    path = bench.session.endure(put, during=f"sending {series_of_files(files, bench.arm).label}")
    bench.session.again.append(put)
    return path


@contextmanager
def on_device(bench: Bench, sequences: Sequences, journal: Journal, name: str) -> Iterator[str]:
    """Rows as a file in the run folder and on the device, where it is removed at the end; its path there."""
    digest = journal.store.add_raw(name, sequences.to_bytes())

    def put() -> str:
        return send(bench.place, journal.store.folder / name, f"{digest[:16]}.seq", sha256=digest)

    remote = bench.session.endure(put, during="sending the rows")
    bench.session.again.append(put)
    try:
        yield remote
    finally:
        bench.session.again.remove(put)
        remove(bench.place, remote)


def order_of(
    bench: Bench,
    files: ArtifactFiles,
    model: str,
    rows: Sequences,
    remote: str,
    settings: Settings,
    *,
    timeout_s: float,
) -> Order:
    """One pass over `rows`, which lie at `remote`, by the file at `model`: what every launch shares."""
    policy = bench.length_policy
    return Order(
        model=model,
        model_sha256=files.artifact.model_sha256,
        sequences=remote,
        row_ids=rows.row_ids,
        threads=bench.threads,
        cores=bench.cores,
        seed=settings.seed,
        inferences=rows.rows,
        warmup_inferences=0,
        warmup_s=0.0,
        timeout_s=timeout_s,
        length_policy=policy,
        signatures=signatures(files.artifact, rows, policy),
    )


def row_lengths(artifact: Artifact, sequences: Sequences, policy: LengthPolicy) -> NDArray[np.int64]:
    """The length of the signature that runs each row, shape (rows,)."""
    return lengths.assign(
        sequences.attention_mask, [signature.length for signature in artifact.signatures], policy
    )


def signatures(artifact: Artifact, sequences: Sequences, policy: LengthPolicy) -> tuple[str, ...]:
    """The key of the signature that has to run each row."""
    keys = {signature.length: signature.key for signature in artifact.signatures}
    return tuple(keys[length] for length in row_lengths(artifact, sequences, policy).tolist())
