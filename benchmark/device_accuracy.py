"""MNLI on the device itself: its predictions on the run's pairs, row by row beside this host's.

The pairs go there in chunks, one launch each. A chunk's samples file is kept as it ends, so that a run that
was stopped goes on with the next one.
"""

from __future__ import annotations

import functools
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from android_runner.run import Order, checked, launch, remove, send
from benchmark.bench import order_of, series_of_files
from benchmark.predict import predictions_of
from results.errors import OutputUnreadable, RunDiffers
from results.evaluated import DeviceAccuracy
from results.predictions import write_predictions

if TYPE_CHECKING:
    from android_runner.parse import Samples
    from android_runner.sequences import Sequences
    from benchmark.bench import Bench, Ready
    from benchmark.inputs import Prepared
    from benchmark.journal import Journal
    from benchmark.listener import Listener
    from export.artifact import ArtifactFiles

log = logging.getLogger(__name__)

# At the claim's 62 ms a quarter of a minute: what a lost device costs at most.
CHUNK_ROWS = 256
_START_TIMEOUT_S = 120.0
_SLOWDOWN = 10  # as of latency's launches: what the parity check promised, and room


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chunk:
    """A stretch of the run's pairs, those from `first` on. `number` counts from 0."""

    number: int
    first: int
    sequences: Sequences

    @property
    def end(self) -> int:
        """The row after its last one."""
        return self.first + self.sequences.rows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeviceLogits:
    """What one artifact gave on the device: `logits`, shape (rows, labels), in the order of the run's pairs.

    `seconds`: that the device loaded and computed.
    """

    files: ArtifactFiles
    logits: NDArray[np.float32]
    seconds: float


def evaluate_on_device(
    bench: Bench, ready: tuple[Ready, ...], pairs: Prepared, journal: Journal, listener: Listener
) -> tuple[DeviceLogits, ...]:
    """Logits on every pair of the run, of each artifact that is not in the record yet.

    Raises: the errors of a launch, RunDiffers for logits that are not finite.
    """
    made = []
    for one in ready:
        series = series_of_files(one.files)
        if any((done.model, done.recipe) == (series.model, series.recipe) for done in _done(journal)):
            continue
        parts = []
        for chunk in chunks(pairs):
            parts.append(
                bench.session.endure(
                    functools.partial(run_chunk, bench, one, chunk, journal),
                    during=f"evaluating {series.label} from pair {chunk.first + 1} on",
                )
            )
            listener.on_progress(chunk.end, pairs.sequences.rows, "pairs")
        made.append(_joined(one.files, parts, pairs))
        listener.on_done()
    return tuple(made)


def compare_with_host(made: tuple[DeviceLogits, ...], pairs: Prepared, journal: Journal) -> None:
    """The device's predictions beside this host's, which are in the record, on the same rows."""
    here = journal.store.load_predictions(journal.record)
    for one in made:
        host = here[one.files.artifact.recipe]
        assert np.array_equal(host.row, pairs.sequences.row_ids)
        result = compare(one, pairs, host.logits, journal)
        journal.add("accuracy on the device", device_accuracies=(*_done(journal), result))


def chunks(pairs: Prepared, rows: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """The run's pairs in their order, so many at a time."""
    for number, first in enumerate(range(0, pairs.sequences.rows, rows)):
        indices = np.arange(first, min(first + rows, pairs.sequences.rows))
        yield Chunk(number=number, first=first, sequences=pairs.sequences.take(indices))


def run_chunk(bench: Bench, one: Ready, chunk: Chunk, journal: Journal) -> Samples:
    """One launch over a chunk, each row once, its samples file kept; or what an earlier one has kept.

    Raises: RunFailed, RunTimedOut, OutputUnreadable, DeviceLost, PushFailed.
    """
    name = f"device-{series_of_files(one.files).stem}-{chunk.number:03d}.samples"
    content = chunk.sequences.to_bytes()
    remote = f"chunk-{_crc32(content):08x}.seq"
    order = _order(bench, one, chunk, f"{bench.place.folder}/{remote}", journal)
    kept = _kept(bench, order, journal.store.folder / name, content)
    if kept is not None:
        return kept
    try:
        with TemporaryDirectory(prefix="mobilebert-bench-") as folder:
            local = Path(folder) / remote
            chunk.sequences.write(local)
            send(bench.place, local, remote, sha256=hashlib.sha256(content).hexdigest())
        samples, raw = launch(bench.place, order)
    finally:
        remove(bench.place, order.sequences)
    journal.store.add_raw(name, raw)
    return samples


def compare(
    made: DeviceLogits, pairs: Prepared, host: NDArray[np.float32], journal: Journal
) -> DeviceAccuracy:
    """Two sets of logits of the same rows, shape (rows, labels), side by side; the device's are saved."""
    series, device = series_of_files(made.files), made.logits
    predictions = predictions_of(pairs, device)
    name = f"device-predictions-{series.stem}.csv"
    difference = np.abs(device.astype(np.float64) - host)
    return DeviceAccuracy(
        recipe=series.recipe,
        model=series.model,
        rows=len(device),
        correct=int(predictions.right.sum()),
        host_correct=int((host.argmax(axis=1) == pairs.gold).sum()),
        agreeing=int((host.argmax(axis=1) == predictions.predicted).sum()),
        max_difference=float(difference.max()),
        rms_difference=float(np.sqrt((difference**2).mean())),
        seconds=round(made.seconds, 3),
        predictions_file=name,
        predictions_sha256=journal.store.add_raw(name, write_predictions(predictions)),
    )


def _joined(files: ArtifactFiles, parts: list[Samples], pairs: Prepared) -> DeviceLogits:
    """The chunks as one. Raises: RunDiffers where a logit is not finite."""
    by_row = {row: logits for part in parts for row, logits in part.logits.items()}
    logits = np.array([by_row[int(row)] for row in pairs.sequences.row_ids], np.float32)
    bad = pairs.sequences.row_ids[~np.isfinite(logits).all(axis=1)]
    if len(bad):
        raise RunDiffers(
            f"{series_of_files(files).label}: the device's logits of {len(bad)} pairs are not finite, first "
            f"of pair {bad[0]}",
            next_step="Use --recipe float32; this recipe does not hold on this device.",
        )
    seconds = sum(float(part.load_ns + part.duration_ns.sum()) for part in parts) / 1e9
    return DeviceLogits(files=files, logits=logits, seconds=seconds)


def _order(bench: Bench, one: Ready, chunk: Chunk, remote: str, journal: Journal) -> Order:
    rows = chunk.sequences
    timeout_s = _START_TIMEOUT_S + _SLOWDOWN * rows.rows * one.inference_s
    return order_of(bench, one.files, one.model, rows, remote, journal.record.settings, timeout_s=timeout_s)


def _kept(bench: Bench, order: Order, path: Path, content: bytes) -> Samples | None:
    """The samples of this very chunk where an earlier launch left them, whole; else None."""
    try:
        samples = checked(bench.place, order, path.read_bytes())
    except (OSError, OutputUnreadable) as err:
        log.debug("%s is run anew: %s", path.name, err)
        return None
    return samples if samples.sequences_crc32 == _crc32(content) else None


def _crc32(content: bytes) -> int:
    """The CRC-32 at the end of a sequences file."""
    return int.from_bytes(content[-4:], "little")


def _done(journal: Journal) -> tuple[DeviceAccuracy, ...]:
    return journal.record.device_accuracies
