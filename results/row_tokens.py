"""How many real tokens each timed sequence has, from the run folder's file of them (docs/formats.md).

The record does not name that file: it is taken for what was run where its CRC-32 is the one in the header of
a launch's samples, and else it is not at hand.
"""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np

from results.samples import LaunchSamples

MAGIC = b"MBSEQ001"
_HEADER = struct.Struct("<8sIII")
_TRAILER = struct.Struct("<I")


def with_tokens(samples: LaunchSamples, files: Mapping[int, Mapping[int, int]]) -> LaunchSamples:
    """The same launch with the real tokens of each inference's sequence, where they are known.

    `files`: tokens by row id, by the CRC-32 of the file that has them.
    """
    known = files.get(samples.rows_crc32) if samples.rows_crc32 is not None else None
    if known is None or not set(samples.row.tolist()) <= known.keys():
        return samples
    tokens = np.array([known[row] for row in samples.row.tolist()], dtype=np.int64)
    return dataclasses.replace(samples, tokens=tokens)


def read_files(paths: Iterable[Path]) -> dict[int, dict[int, int]]:
    """Real tokens by row id, by CRC-32; a file that is torn, or of another form, is left out."""
    found: dict[int, dict[int, int]] = {}
    for path in paths:
        try:
            data = path.read_bytes()
        except OSError:
            continue
        if (crc32 := _whole(data)) is not None:
            found[crc32] = _tokens(data)
    return found


def tokens_by_row(samples: Mapping[str, LaunchSamples]) -> dict[int, int]:
    """Real tokens by row id over all launches; empty where they are not known."""
    found: dict[int, int] = {}
    for one in samples.values():
        if one.tokens is not None:
            found.update(zip(one.row.tolist(), one.tokens.tolist(), strict=True))
    return found


def _whole(data: bytes) -> int | None:
    """The file's CRC-32, None where it is not what it says."""
    if len(data) < _HEADER.size + _TRAILER.size or not data.startswith(MAGIC):
        return None
    _, rows, length, _ = _HEADER.unpack_from(data)
    if len(data) != _HEADER.size + 4 * rows * (1 + 3 * length) + _TRAILER.size:
        return None
    said = int(_TRAILER.unpack_from(data, len(data) - _TRAILER.size)[0])
    return said if zlib.crc32(data[: -_TRAILER.size]) == said else None


def _tokens(data: bytes) -> dict[int, int]:
    _, rows, length, _ = _HEADER.unpack_from(data)
    words = np.frombuffer(data, dtype="<i4", offset=_HEADER.size, count=rows * (1 + 3 * length))
    table = words.reshape(rows, 1 + 3 * length)  # row id, input ids, mask, types
    real = table[:, 1 + length : 1 + 2 * length].sum(axis=1)
    return dict(zip(table[:, 0].tolist(), real.tolist(), strict=True))
