"""The file of tokenized sequences (docs/formats.md): the same bytes for the device and for this machine."""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from results.errors import PairsError, RecordNotSaved

MAGIC = b"MBSEQ001"
_HEADER = struct.Struct("<8sIII")
_TRAILER = struct.Struct("<I")
_MASK_64 = 2**64 - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sequences:
    """R rows of L tokens, padding included. `row_ids` (R,), the others (R, L); all int32, read-only.

    Row ids are >= 0 and unique, `input_ids` in [0, `vocabulary_size`), mask and types 0 or 1.

    Raises: PairsError when they are not.
    """

    row_ids: NDArray[np.int32]
    input_ids: NDArray[np.int32]
    attention_mask: NDArray[np.int32]
    token_type_ids: NDArray[np.int32]
    vocabulary_size: int

    def __post_init__(self) -> None:
        for name in ("row_ids", "input_ids", "attention_mask", "token_type_ids"):
            object.__setattr__(self, name, _as_int32(name, getattr(self, name)))
        if self.row_ids.ndim != 1 or not self.row_ids.size:
            raise _refused(f"row ids of shape {self.row_ids.shape}, where (rows >= 1,) is needed")
        if self.input_ids.ndim != 2 or self.input_ids.shape[1] == 0:
            raise _refused(f"input ids of shape {self.input_ids.shape}, where (rows, length >= 1) is needed")
        rows, length = self.input_ids.shape
        for name in ("attention_mask", "token_type_ids"):
            if getattr(self, name).shape != (rows, length) or len(self.row_ids) != rows:
                raise _refused(
                    f"{len(self.row_ids)} row ids, input ids of shape {self.input_ids.shape} "
                    f"and {name} of shape {getattr(self, name).shape} do not belong together"
                )
        if not 1 <= self.vocabulary_size < 2**31:
            raise _refused(f"a vocabulary of {self.vocabulary_size} entries")
        if self.row_ids.min() < 0 or len(np.unique(self.row_ids)) != rows:
            raise _refused("row ids that are negative or not unique")
        self._check_range("input_ids", self.vocabulary_size)
        self._check_range("attention_mask", 2)
        self._check_range("token_type_ids", 2)

    def _check_range(self, name: str, bound: int) -> None:
        values = getattr(self, name)
        wrong = np.argwhere((values < 0) | (values >= bound))
        if len(wrong):
            row, at = wrong[0]
            raise _refused(
                f"{name} {values[row, at]} at token {at} of row {self.row_ids[row]} is not in [0, {bound})"
            )

    @property
    def rows(self) -> int:
        return len(self.row_ids)

    @property
    def length(self) -> int:
        """Tokens per row, padding included."""
        return int(self.input_ids.shape[1])

    def take(self, indices: NDArray[np.integer[Any]]) -> Sequences:
        """The rows at these indices (not ids), in this order."""
        return Sequences(
            row_ids=self.row_ids[indices],
            input_ids=self.input_ids[indices],
            attention_mask=self.attention_mask[indices],
            token_type_ids=self.token_type_ids[indices],
            vocabulary_size=self.vocabulary_size,
        )

    def and_more(self, others: Sequences) -> Sequences:
        """These rows and then others, of the same length, vocabulary and other ids."""
        return Sequences(
            row_ids=np.concatenate((self.row_ids, others.row_ids)),
            input_ids=np.concatenate((self.input_ids, others.input_ids)),
            attention_mask=np.concatenate((self.attention_mask, others.attention_mask)),
            token_type_ids=np.concatenate((self.token_type_ids, others.token_type_ids)),
            vocabulary_size=self.vocabulary_size,
        )

    def to_bytes(self) -> bytes:
        """The whole file, trailer included."""
        header = _HEADER.pack(MAGIC, self.rows, self.length, self.vocabulary_size)
        parts = (self.row_ids[:, None], self.input_ids, self.attention_mask, self.token_type_ids)
        content: bytes = header + np.concatenate(parts, axis=1).astype("<i4").tobytes()
        return content + _TRAILER.pack(zlib.crc32(content))

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all. Raises: RecordNotSaved."""
        part = path.with_name(f"{path.name}.part")
        try:
            with part.open("wb") as file:
                file.write(self.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError as err:
            with contextlib.suppress(OSError):
                part.unlink()
            raise RecordNotSaved(
                f"the sequences file {path} could not be written: {err.strerror or err}.",
                next_step=f"Free space in {path.parent} or make it writable, then run again.",
                path=path,
            ) from err


def read(path: Path) -> Sequences:
    """Read a file back. Raises: PairsError when it cannot be read, is torn, or breaks the format."""
    try:
        content = path.read_bytes()
    except OSError as err:
        raise PairsError(
            f"the sequences file {path} cannot be read: {err.strerror}",
            next_step="Run again; it is made anew from the pairs.",
            path=path,
        ) from err
    try:
        return _parse(content)
    except PairsError as err:
        raise PairsError(f"{path}: {err.what}", next_step=err.next_step, path=path) from err


def shuffled_order(rows: int, seed: int, passes: int) -> NDArray[np.int64]:
    """Row indices in the device program's order, shape (passes, rows): each pass holds every row once.

    A pass is a Fisher-Yates shuffle of 0..rows-1, drawing from SplitMix64 seeded with `seed`,
    0 <= seed < 2**64; passes share one generator. Source: native/order.c, held equal by a test.
    """
    state = seed & _MASK_64
    order = np.empty((passes, rows), dtype=np.int64)
    for one_pass in order:
        one_pass[:] = np.arange(rows)
        for last in range(rows - 1, 0, -1):
            state = (state + 0x9E3779B97F4A7C15) & _MASK_64
            chosen = (_mixed(state) * (last + 1)) >> 64
            one_pass[last], one_pass[chosen] = one_pass[chosen], one_pass[last]
    return order


def _mixed(state: int) -> int:
    value = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK_64
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & _MASK_64
    return value ^ (value >> 31)


def _parse(content: bytes) -> Sequences:
    if len(content) < _HEADER.size + _TRAILER.size or not content.startswith(MAGIC):
        raise _refused(f"{len(content)} bytes that do not begin as a sequences file")
    _, rows, length, vocabulary_size = _HEADER.unpack_from(content)
    wanted = _HEADER.size + 4 * rows * (1 + 3 * length) + _TRAILER.size
    if len(content) != wanted:
        raise _refused(f"{len(content)} bytes, where {rows} rows of {length} tokens take {wanted}")
    (said,) = _TRAILER.unpack_from(content, len(content) - _TRAILER.size)
    computed = zlib.crc32(content[: -_TRAILER.size])
    if computed != said:
        raise _refused(f"its CRC-32 is {computed:08x}, and it says {said:08x}")
    words = np.frombuffer(content, dtype="<i4", offset=_HEADER.size, count=rows * (1 + 3 * length))
    table = words.reshape(rows, 1 + 3 * length)
    ids, mask, types = np.split(table[:, 1:], 3, axis=1)
    return Sequences(
        row_ids=table[:, 0],
        input_ids=ids,
        attention_mask=mask,
        token_type_ids=types,
        vocabulary_size=vocabulary_size,
    )


def _as_int32(name: str, values: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    if not np.issubdtype(values.dtype, np.integer):
        raise _refused(f"{name} of type {values.dtype}, where integers are needed")
    limits = np.iinfo(np.int32)
    if values.size and not (limits.min <= values.min() and values.max() <= limits.max):
        raise _refused(f"{name} that do not fit 32 bits")
    copied = np.array(values, dtype=np.int32, order="C")
    copied.flags.writeable = False
    return copied


def _refused(what: str) -> PairsError:
    return PairsError(
        f"the sequences have {what}",
        next_step="Check the pairs file and the vocabulary, and run again.",
    )
