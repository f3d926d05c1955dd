"""What is evaluated, in pieces that any worker can take: plain values that travel by pickle."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from export import lengths
from results.device import LengthPolicy
from results.evaluated import Engine

if TYPE_CHECKING:
    from android_runner.sequences import Sequences

# A quarter of a second of int8: little enough to lose, and enough that handing it over costs nothing.
CHUNK_ROWS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One model file by one runtime. `signatures`: the lengths in the file, empty where it has none (torch);
    `recipe`: None for a file that no recipe made. `version`: of the runtime, here and on every worker.
    `labels`: logits of each row."""

    model: Path
    sha256: str
    runtime: str
    version: str
    recipe: str | None
    signatures: tuple[int, ...]
    labels: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """Rows of one length. `places`: their positions in the sequences, (n,); the others int32, (n, length)."""

    number: int
    length: int
    places: NDArray[np.int64]
    ids: NDArray[np.int32]
    mask: NDArray[np.int32]
    types: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Who did a chunk: a name, the processor, the peak of its memory in bytes."""

    name: str
    processor: str
    peak_rss_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Done:
    """A chunk's logits, float32 (n, labels), in the order of its rows."""

    number: int
    logits: NDArray[np.float32]
    worker: Worker


class Workers(AbstractContextManager["Workers"], Protocol):
    """Some who work on chunks; leaving the context lets them go.

    `run` gives each chunk exactly once, as it ends, in any order. Whoever dies at a chunk costs that chunk's
    time: another one does it again. Raises: ExportError of a model that does not run, WorkersLost.
    """

    engine: Engine

    @property
    def count(self) -> int:
        """How many there are now."""
        ...

    def run(self, job: Job, chunks: Sequence[Chunk]) -> Iterator[Done]: ...


def plan(
    sequences: Sequences, signatures: Sequence[int], policy: LengthPolicy, rows: int = CHUNK_ROWS
) -> tuple[Chunk, ...]:
    """Every row once, in chunks of at most `rows` rows of one signature, the longest signature first.

    So the last chunks to be handed out are the shortest, and no worker waits long for another. The plan
    depends on its arguments alone, never on how many workers there are.
    """
    assigned = lengths.assign(sequences.attention_mask, signatures, policy)
    chunks: list[Chunk] = []
    for length in sorted(set(assigned.tolist()), reverse=True):
        places = np.flatnonzero(assigned == length)
        for first in range(0, len(places), rows):
            some = places[first : first + rows]
            chunks.append(
                Chunk(
                    number=len(chunks),
                    length=int(length),
                    places=some,
                    ids=sequences.input_ids[some, :length],
                    mask=sequences.attention_mask[some, :length],
                    types=sequences.token_type_ids[some, :length],
                )
            )
    return tuple(chunks)


def identity(job: Job, chunks: Sequence[Chunk]) -> bytes:
    """32 bytes that are other ones for another model, runtime, rows or plan."""
    digest = hashlib.sha256(f"{job.sha256} {job.runtime} {job.version}\n".encode())
    for chunk in chunks:
        digest.update(f"{chunk.number} {chunk.length} {len(chunk.places)}\n".encode())
        for array in (chunk.places, chunk.ids, chunk.mask, chunk.types):
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.digest()
