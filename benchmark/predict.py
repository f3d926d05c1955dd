"""One file's predictions on the pairs by one runtime: what ended of an earlier try is not done again."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.host_logits import refuse_infinite
from benchmark.workers import inside
from benchmark.workers.job import Chunk, Job, Worker, Workers, identity, plan
from benchmark.workers.kept import KeptChunks
from results.device import LengthPolicy
from results.predictions import Predictions

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.inputs import Prepared
    from benchmark.listener import Listener


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predicted:
    """Predictions of every pair. `seconds`: over the rows that were not kept from an earlier try.

    `workers`: how many did the others' chunks, at a time; of a cluster, in all. `processors`: of all chunks,
    the kept ones too. `peak_rss_bytes`: of the largest worker, None where that is not known.
    """

    predictions: Predictions
    seconds: float
    kept_rows: int
    workers: int
    processors: tuple[str, ...]
    peak_rss_bytes: int | None


@contextmanager
def predict(
    job: Job,
    pairs: Prepared,
    *,
    lengths: Sequence[int],
    policy: LengthPolicy,
    workers: Workers,
    kept_in: Path,
    listener: Listener,
) -> Iterator[Predicted]:
    """Within it, record what it gives: the chunks in the file `kept_in` are dropped when that is done.

    `lengths`: to which rows are padded. Raises: ExportParityError where a logit is not finite, WorkersLost,
    ConversionError, RecordNotSaved.
    """
    chunks = plan(pairs.sequences, lengths, policy)
    # A cluster may have processors of several kinds, which the record names; this machine is one kind.
    mine = None if workers.engine == "dask" else inside.processor()
    with KeptChunks(kept_in, identity(job, chunks), chunks, job.labels, processor=mine) as kept:
        if kept.foreign:
            listener.on_step(
                "What an earlier try left is of another model, runtime or pairs: all is done anew."
            )
        if kept.others:
            listener.on_step(
                f"What {' and '.join(sorted(kept.others))} predicted in an earlier try is done anew here."
            )
        began = time.monotonic()
        logits, who = _logits(job, chunks, kept, workers, listener)
        seconds = time.monotonic() - began
        refuse_infinite(logits, pairs.sequences, job.recipe)
        names = len({one.name for one in who})
        yield Predicted(
            predictions=predictions_of(pairs, logits),
            seconds=round(seconds, 3),
            kept_rows=sum(len(one) for one in kept.logits.values()),
            # One of this machine that died has another in its place: they were never more at a time.
            workers=names if workers.engine == "dask" else min(names, workers.count),
            peak_rss_bytes=max((one.peak_rss_bytes or 0 for one in who), default=0) or None,
            processors=tuple(sorted(kept.processors | {one.processor for one in who})),
        )
        kept.drop()


def predictions_of(pairs: Prepared, logits: NDArray[np.float32]) -> Predictions:
    """Logits by the model's labels, (rows, labels), as predictions of the pairs file's answers."""
    folded = pairs.answers.fold(logits)
    return Predictions(
        labels=pairs.answers.names,
        row=pairs.sequences.row_ids.astype(np.int64),
        label=pairs.gold,
        predicted=folded.argmax(axis=1),
        tokens=pairs.sequences.attention_mask.sum(axis=1).astype(np.int64),
        logits=folded,
    )


def _logits(
    job: Job, chunks: tuple[Chunk, ...], kept: KeptChunks, workers: Workers, listener: Listener
) -> tuple[NDArray[np.float32], list[Worker]]:
    """Of every row, (rows, labels), in their order; and who did those that were not kept."""
    logits = np.empty((sum(len(chunk.places) for chunk in chunks), job.labels), np.float32)
    for chunk in chunks:
        if chunk.number in kept.logits:
            logits[chunk.places] = kept.logits[chunk.number]
    left = {chunk.number: chunk for chunk in chunks if chunk.number not in kept.logits}
    total = sum(len(chunk.places) for chunk in left.values())
    if len(left) < len(chunks):
        listener.on_step(f"{len(logits) - total} pairs are kept from before; {total} are left.")
    done_rows, done_cost, who = 0, 0, []
    cost = sum(len(chunk.places) * chunk.length for chunk in left.values())
    for done in workers.run(job, tuple(left.values())):
        kept.add(done)
        chunk = left.pop(done.number)  # a second time would be a KeyError, never a row counted twice
        logits[chunk.places] = done.logits
        who.append(done.worker)
        done_rows += len(chunk.places)
        done_cost += len(chunk.places) * chunk.length
        listener.on_progress(done_rows, total, "pairs", done_cost / cost)
    assert not left
    return logits, who
