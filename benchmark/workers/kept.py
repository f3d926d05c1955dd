"""Chunks that ended, kept in the run's folder until all have: an interrupt costs those that were running.

The file: MAGIC, the 32 bytes of `identity`, then per chunk its number, its rows and the bytes of its
processor's name (three little-endian 32-bit numbers), that name, its logits as little-endian float32, and the
CRC-32 of all that. It only grows; what follows a torn or damaged chunk is cut off, and a file of another
identity is begun anew. Of a chunk that is there twice, the later one counts.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from benchmark.workers.job import Chunk, Done
from results.errors import RecordNotSaved

MAGIC = b"MBCHK002"
EMPTY = len(MAGIC) + 32  # bytes of a file that holds no chunk
_HEAD, _CRC = struct.Struct("<III"), struct.Struct("<I")
_FLUSH_S = 1.0  # what a power cut may cost; a killed process loses nothing that was handed over


class KeptChunks:
    """The file of one evaluation.

    `logits`: by the chunk's number, what an earlier one left; `processors`: of those; `others`: processors
    whose chunks are left aside; `foreign`: what was there is of another identity, and is gone.
    """

    def __init__(
        self,
        path: Path,
        identity: bytes,
        chunks: Sequence[Chunk],
        labels: int,
        *,
        processor: str | None = None,
    ) -> None:
        """Read what is there and of the same identity, and go on after it.

        `processor`: whose chunks are taken, for another one may round otherwise; None takes all. Raises
        RecordNotSaved.
        """
        self._path = path
        self._rows = {chunk.number: len(chunk.places) for chunk in chunks}
        self._labels = labels
        start = MAGIC + identity
        try:
            held = path.read_bytes() if path.exists() else b""
            found, end = self._read(held, start)
            taken = {number: one for number, one in found.items() if processor in (None, one[0])}
            self.logits = {number: logits for number, (_, logits) in taken.items()}
            self.processors = {name for name, _ in taken.values()}
            self.others = {name for name, _ in found.values()} - self.processors
            self.foreign = len(held) >= len(start) and not end
            # Unbuffered: what a full disk refused must not be tried again when the file is closed.
            self._file = path.open("r+b" if end else "wb", buffering=0)
            self._file.truncate(end)
            self._file.seek(end)
            if not end:
                self._write(start)
            self._flush()
        except OSError as err:
            raise self._not_saved(err) from err

    def add(self, done: Done) -> None:
        """Keep one more. Raises RecordNotSaved."""
        name = done.worker.processor.encode()
        head = _HEAD.pack(done.number, len(done.logits), len(name))
        body = head + name + done.logits.astype("<f4").tobytes()
        try:
            self._write(body + _CRC.pack(zlib.crc32(body)))
            if time.monotonic() - self._flushed >= _FLUSH_S:
                self._flush()
        except OSError as err:
            raise self._not_saved(err) from err

    def drop(self) -> None:
        """All of it is in a file of the record by now."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> KeptChunks:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _write(self, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self._file.write(left) :]

    def _flush(self) -> None:
        os.fsync(self._file.fileno())
        self._flushed = time.monotonic()

    def _read(self, held: bytes, start: bytes) -> tuple[dict[int, tuple[str, NDArray[np.float32]]], int]:
        """Processor and logits of the whole chunks at the file's beginning, and where they end."""
        found: dict[int, tuple[str, NDArray[np.float32]]] = {}
        if not held.startswith(start):
            return found, 0
        at = len(start)
        while at + _HEAD.size <= len(held):
            number, rows, named = _HEAD.unpack_from(held, at)
            size = _HEAD.size + named + 4 * rows * self._labels
            whole = held[at : at + size + _CRC.size]
            if self._rows.get(number) != rows or len(whole) < size + _CRC.size:
                break
            if zlib.crc32(whole[:size]) != _CRC.unpack_from(whole, size)[0]:
                break
            name = whole[_HEAD.size : _HEAD.size + named].decode()
            values = np.frombuffer(whole, "<f4", offset=_HEAD.size + named, count=rows * self._labels)
            found[number] = name, values.reshape(rows, self._labels).astype(np.float32)
            at += len(whole)
        return found, at

    def _not_saved(self, err: OSError) -> RecordNotSaved:
        return RecordNotSaved(
            f"{self._path} could not be written: {err.strerror or err}. What was there before is intact.",
            next_step="Make room, or remove what is in its place; then resume the run.",
            path=str(self._path),
        )
