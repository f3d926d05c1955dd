"""Logits of a few rows in this process, several threads: for checks, not for whole sets (accuracy.py)."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export import lengths
from export.runtime import open_signatures
from results.device import LengthPolicy
from results.errors import ExportParityError

if TYPE_CHECKING:
    from android_runner.sequences import Sequences
    from benchmark.listener import Listener
    from export.artifact import ArtifactFiles

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")  # of this process's cgroup, as a container sees it (cgroup v2)


def host_logits(
    files: ArtifactFiles,
    sequences: Sequences,
    *,
    runtime: str,
    threads: int,
    listener: Listener,
    policy: LengthPolicy = "fixed",
    built_in_kernels: bool = False,
) -> tuple[NDArray[np.float32], str]:
    """Logits of every sequence, shape (rows, labels) float32, in their order, and the runtime's version.

    `policy`: whether a row runs as long as it is padded, or as the shortest signature that holds it.
    Raises: ExportParityError where one is not finite.
    """
    chosen = lengths.assign(
        sequences.attention_mask, [signature.length for signature in files.artifact.signatures], policy
    )
    signatures = open_signatures(
        files.model_path,
        runtime=runtime,
        threads=threads,
        lengths=np.unique(chosen).tolist(),
        recipe=files.artifact.recipe,
        built_in_kernels=built_in_kernels,
    )
    rows = len(sequences.row_ids)
    logits = np.empty((rows, len(files.artifact.labels)), np.float32)
    done = 0
    # One signature after the other: going to and fro between them would cool its memory down.
    for signature in signatures:
        for row in np.flatnonzero(chosen == signature.length):
            tokens = slice(signature.length)
            logits[row] = signature.logits(
                sequences.input_ids[row, tokens],
                sequences.attention_mask[row, tokens],
                sequences.token_type_ids[row, tokens],
            )
            done += 1
            listener.on_progress(done, rows, "pairs")
    refuse_infinite(logits, sequences, files.artifact.recipe)
    return logits, signatures[0].version


def refuse_infinite(logits: NDArray[np.float32], sequences: Sequences, recipe: str | None) -> None:
    """Raise ExportParityError where a row of `logits`, shape (rows, labels), is not finite."""
    bad = sequences.row_ids[~np.isfinite(logits).all(axis=1)]
    if len(bad):
        raise ExportParityError(
            f"{recipe}: logits of {len(bad)} pairs are not finite, first of pair {bad[0]}",
            next_step="Use --recipe float32; this recipe does not hold on this checkpoint.",
        )


def usable_cores() -> int:
    """How many cores of this machine this process may use, a container's share of time in whole cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = _CPU_MAX.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return cores
    return cores if quota == "max" else min(cores, max(1, math.ceil(int(quota) / int(period))))
