"""The inferences of one samples file (docs/formats.md), as arrays.

Only what statistics need; the whole file, header and logits included, is the device side's to read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.errors import RecordDamaged

MAGIC = "mobilebert-samples 1"

_INFERENCE = re.compile(r"inference (\d{1,99}) ([wt]) (\d{1,99}) (\S+) (\d{1,99}) (\d{1,99}) (-?\d{1,9})")
_ROWS_CRC32 = re.compile(r"sequences_crc32 ([0-9a-f]{8})")
_END = re.compile(r"end warmup=(\d{1,99}) timed=(\d{1,99}) logits=(\d{1,99})")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LaunchSamples:
    """Every inference of one launch in measured order, warm-up included; all arrays have shape (n,).

    `timed`: False for warm-up. `row`: sequence id. `signature`: key of the one that ran. `start_ns`: offset
    from the first inference.
    `duration_ns` > 0. `core`: where the main thread was right after; -1 where it is not known.
    `rows_crc32`: of the sequences file that was run, None where the header does not say; `tokens`: of each
    inference's sequence, padding left out, None where that file is not at hand.
    """

    timed: NDArray[np.bool_]
    row: NDArray[np.int64]
    signature: NDArray[np.str_]
    start_ns: NDArray[np.int64]
    duration_ns: NDArray[np.int64]
    core: NDArray[np.int64]
    rows_crc32: int | None = None
    tokens: NDArray[np.int64] | None = None

    @property
    def timed_ns(self) -> NDArray[np.int64]:
        """Durations of the timed inferences, in measured order, ns."""
        return self.duration_ns[self.timed]


def read_samples(data: bytes, name: str) -> LaunchSamples:
    """Read the bytes of a samples file.

    Raises:
        RecordDamaged: a line is not of the format, out of order, or missing; the line is named.
    """
    try:
        lines = data.decode("ascii").split("\n")
    except UnicodeDecodeError as err:
        torn = data.count(b"\n", 0, err.start) + 1
        raise _damaged(name, torn, "is not plain text") from err
    if lines[0] != MAGIC:
        raise _damaged(name, 1, f'is "{lines[0][:40]}", not "{MAGIC}"')
    if lines[-1] != "":
        raise _damaged(name, len(lines), "does not end: the file is torn")
    rows: list[tuple[bool, int, int, int, int]] = []
    signatures: list[str] = []
    end: re.Match[str] | None = None
    rows_crc32: int | None = None
    for number, line in enumerate(lines[1:-1], start=2):
        if end is not None:
            raise _damaged(name, number, 'comes after "end"')
        if line.startswith("inference "):
            rows.append(_inference(line, len(rows), rows, signatures, name, number))
        elif (match := _ROWS_CRC32.fullmatch(line)) is not None:
            rows_crc32 = int(match[1], 16)
        elif line.startswith("end "):
            end = _END.fullmatch(line)
            if end is None:
                raise _damaged(name, number, f'is "{line[:40]}", not an end marker')
    if end is None:
        raise _damaged(name, len(lines) - 1, 'is the last one, and not "end": the file is torn')
    timed = sum(row[0] for row in rows)
    if (len(rows) - timed, timed) != (int(end[1]), int(end[2])):
        counted = f"{len(rows) - timed} warm-up and {timed} timed"
        raise _damaged(name, len(lines) - 1, f'says "{end[0]}", but the file has {counted} inferences')
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), 5)
    return LaunchSamples(
        timed=columns[:, 0].astype(np.bool_),
        row=columns[:, 1],
        signature=np.array(signatures, dtype=np.str_),
        start_ns=columns[:, 2],
        duration_ns=columns[:, 3],
        core=columns[:, 4],
        rows_crc32=rows_crc32,
    )


def _inference(
    line: str,
    index: int,
    before: list[tuple[bool, int, int, int, int]],
    signatures: list[str],
    name: str,
    number: int,
) -> tuple[bool, int, int, int, int]:
    match = _INFERENCE.fullmatch(line)
    if match is None:
        raise _damaged(name, number, f'is "{line[:60]}", not an inference')
    if int(match[1]) != index:
        raise _damaged(name, number, f"has index {match[1]}, expected {index}")
    timed, start, duration = match[2] == "t", int(match[5]), int(match[6])
    if duration <= 0:
        raise _damaged(name, number, "has a duration that is not positive")
    if before and before[-1][0] and not timed:
        raise _damaged(name, number, "is a warm-up after a timed inference")
    if before and start < before[-1][2]:
        raise _damaged(name, number, "starts before the inference above it")
    if max(int(match[3]), start, duration) >= 2**63:
        raise _damaged(name, number, "has a number that is out of range")
    signatures.append(match[4])
    return timed, int(match[3]), start, duration, int(match[7])


def _damaged(name: str, line: int, what: str) -> RecordDamaged:
    return RecordDamaged(
        f"{name}: line {line} {what}.",
        next_step="Measure again; a samples file is never edited.",
        path=name,
        line=line,
    )
