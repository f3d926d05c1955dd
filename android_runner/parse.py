"""The samples file of one launch (docs/formats.md): text in, values out, or an error that names the line."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from android_runner.sequences import shuffled_order
from results.errors import OutputUnreadable

MAGIC = "mobilebert-samples 1"

_NUMBER = r"(0|[1-9][0-9]{0,18})"
_HEX64 = r"([0-9a-f]{64})"
_HEX8 = r"([0-9a-f]{8})"
_CORES = r"((?:0|[1-9][0-9]{0,3})(?:,(?:0|[1-9][0-9]{0,3}))*)"
# Every header line, in order, with the form of its value.
_HEADER = {
    "program": "(1)",
    "runtime_sha256": _HEX64,
    "model_sha256": _HEX64,
    "sequences_crc32": _HEX8,
    "abi": "(aarch64|x86_64)",
    "threads": _NUMBER,
    "cores": rf"(?:-|{_CORES})",
    "worker_cores": rf"(?:-|{_CORES})",
    "seed": r"(0|[1-9][0-9]{0,19})",
    "fully_accelerated": "([01])",
    "load_ns": _NUMBER,
    "first_inference_ns": _NUMBER,
    "peak_rss_bytes": _NUMBER,
    "rows": _NUMBER,
}
_HEADER_FORMS = tuple((name, re.compile(f"{name} {form}")) for name, form in _HEADER.items())
_INFERENCE = re.compile(
    rf"inference {_NUMBER} ([wt]) {_NUMBER} ([^ ]+) {_NUMBER} {_NUMBER} (-1|{_NUMBER[1:]}"
)
_FLOAT = r"(?:-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:e[+-][0-9]{2,3})?|nan|-?inf)"
_LOGITS = re.compile(rf"logits {_NUMBER}((?: {_FLOAT})+)")
_CRC32 = re.compile(f"crc32 {_HEX8}")
_END = re.compile(f"end warmup={_NUMBER} timed={_NUMBER} logits={_NUMBER}")
_MOST = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Samples:
    """One launch. Arrays have shape (n,), n = warm-up + timed, in measured order.

    `timed`: False for warm-up. `start_ns`: offset from the first inference, never falling. `duration_ns` > 0.
    `row_ids` and `logits` name rows by id. `cores_seen`: the main thread's core right after each inference,
    -1 where the device does not say. `cores`: where the process was allowed to run; empty when it was not
    restricted. Logits may be NaN or infinite: the file is what the device computed, and the parity check is
    what judges it.
    """

    runtime_sha256: str
    model_sha256: str
    sequences_crc32: int
    abi: str
    threads: int
    cores: tuple[int, ...]
    worker_cores: tuple[int, ...]
    seed: int
    fully_accelerated: bool
    load_ns: int
    first_inference_ns: int
    peak_rss_bytes: int
    rows: int
    timed: NDArray[np.bool_]
    row_ids: NDArray[np.int64]
    signatures: tuple[str, ...]
    start_ns: NDArray[np.int64]
    duration_ns: NDArray[np.int64]
    cores_seen: NDArray[np.int64]
    logits: Mapping[int, tuple[float, ...]]

    @property
    def warmup_count(self) -> int:
        return int(np.count_nonzero(~self.timed))

    @property
    def timed_count(self) -> int:
        return int(np.count_nonzero(self.timed))

    @property
    def timed_ns(self) -> NDArray[np.int64]:
        """Durations of the timed inferences, warm-up excluded."""
        return self.duration_ns[self.timed]


def parse_samples(text: str, *, source: str) -> Samples:
    """Read a whole samples file. `source` names the device in messages.

    Raises: OutputUnreadable on anything that the device program does not write, naming the line.
    """
    lines = _Lines(text, source)
    header = _header(lines)
    rows: list[tuple[int, int, int, int, int]] = []
    signatures: list[str] = []
    while lines.starts_with("inference "):
        rows.append(_inference(lines, rows, signatures))
    if not rows:
        lines.refuse("no inference before it")
    table = np.array(rows, dtype=np.int64).reshape(len(rows), 5)
    logits: dict[int, tuple[float, ...]] = {}
    while lines.starts_with("logits "):
        _logits(lines, logits)
    before = zlib.crc32(lines.text_before())
    if lines.match(_CRC32, "a checksum")[1] != f"{before:08x}":
        lines.refuse(f"the lines above have {before:08x}: damaged on the way", back=1)
    end = tuple(int(count) for count in lines.match(_END, "an end marker").groups())
    timed = int(table[:, 0].sum())
    if end != (len(rows) - timed, timed, len(logits)):
        lines.refuse(f"there are {len(rows) - timed}, {timed} and {len(logits)}", back=1)
    lines.finish()
    samples = Samples(
        runtime_sha256=header["runtime_sha256"],
        model_sha256=header["model_sha256"],
        sequences_crc32=int(header["sequences_crc32"], 16),
        abi=header["abi"],
        threads=int(header["threads"]),
        cores=_cores(header["cores"]),
        worker_cores=_cores(header["worker_cores"]),
        seed=int(header["seed"]),
        fully_accelerated=header["fully_accelerated"] == "1",
        load_ns=int(header["load_ns"]),
        first_inference_ns=int(header["first_inference_ns"]),
        peak_rss_bytes=int(header["peak_rss_bytes"]),
        rows=int(header["rows"]),
        timed=table[:, 0].astype(np.bool_),
        row_ids=table[:, 1],
        signatures=tuple(signatures),
        start_ns=table[:, 2],
        duration_ns=table[:, 3],
        cores_seen=table[:, 4],
        logits=logits,
    )
    _check_whole(samples, source)
    return samples


class _Lines:
    """A text's lines, read one by one; every complaint names the one it is about."""

    def __init__(self, text: str, source: str) -> None:
        self._text = text
        self._source = source
        self._lines = text.split("\n")
        self._at = 0

    def starts_with(self, word: str) -> bool:
        return self._at < len(self._lines) and self._lines[self._at].startswith(word)

    def match(self, form: re.Pattern[str], what: str) -> re.Match[str]:
        # The last piece is what follows the last line break: a line that was cut off, or nothing.
        if self._at >= len(self._lines) - 1:
            self.refuse(f"the file ends where {what} was to come")
        found = form.fullmatch(self._lines[self._at])
        if found is None:
            self.refuse(f"not {what}")
        self._at += 1
        return found

    def text_before(self) -> bytes:
        """The bytes of all lines that were read."""
        return "".join(f"{line}\n" for line in self._lines[: self._at]).encode("utf-8", errors="replace")

    def finish(self) -> None:
        if self._lines[self._at :] != [""]:
            self.refuse("something follows the end marker")

    def refuse(self, why: str, *, back: int = 0) -> NoReturn:
        at = min(self._at - back, len(self._lines) - 1)
        raise OutputUnreadable(
            f'{self._source}: line {at + 1} of the samples file, "{self._lines[at][:60]}": {why}',
            next_step="Run again; if it stays, look at the device's free space and the log.",
            line=at + 1,
        )


def _header(lines: _Lines) -> dict[str, str]:
    lines.match(re.compile(re.escape(MAGIC)), f'"{MAGIC}"')
    return {name: lines.match(form, f"{name} and its value")[1] or "" for name, form in _HEADER_FORMS}


def _cores(text: str) -> tuple[int, ...]:
    return tuple(int(core) for core in text.split(",")) if text else ()


def _inference(
    lines: _Lines, rows: list[tuple[int, int, int, int, int]], signatures: list[str]
) -> tuple[int, int, int, int, int]:
    found = lines.match(_INFERENCE, "an inference")
    timed = int(found[2] == "t")
    index, row, start_ns, duration_ns, core = (int(found[group]) for group in (1, 3, 5, 6, 7))
    if index != len(rows):
        lines.refuse(f"index {len(rows)} was to come", back=1)
    if max(row, start_ns, duration_ns, core) > _MOST:
        lines.refuse("a number too large", back=1)
    if duration_ns == 0:
        lines.refuse("a duration of 0", back=1)
    if rows and timed < rows[-1][0]:
        lines.refuse("a warm-up after a timed inference", back=1)
    # One inference ends before the next one begins.
    if start_ns < (rows[-1][2] + rows[-1][3] if rows else 0) or (not rows and start_ns != 0):
        lines.refuse("a start before the end of the inference above", back=1)
    signatures.append(found[4])
    return timed, row, start_ns, duration_ns, core


def _logits(lines: _Lines, logits: dict[int, tuple[float, ...]]) -> None:
    found = lines.match(_LOGITS, "logits")
    row, values = int(found[1]), tuple(float(value) for value in found[2].split())
    if row in logits:
        lines.refuse(f"logits of row {row} again", back=1)
    if logits and len(values) != len(next(iter(logits.values()))):
        lines.refuse("another number of logits than above", back=1)
    logits[row] = values


def _check_whole(samples: Samples, source: str) -> None:
    reached = set(samples.row_ids.tolist())
    problem = None
    if samples.first_inference_ns != samples.duration_ns[0]:
        problem = (
            f"first_inference_ns {samples.first_inference_ns} and first duration {samples.duration_ns[0]}"
        )
    elif reached != set(samples.logits):
        problem = f"{len(reached)} rows run and logits of {len(samples.logits)}"
    elif len(reached) > samples.rows:
        problem = f"{len(reached)} rows run out of {samples.rows}"
    elif len(of_rows := set(zip(samples.row_ids.tolist(), samples.signatures, strict=True))) > len(reached):
        twice = next(row for row in sorted(reached) if sum(row == one for one, _ in of_rows) > 1)
        problem = f"row {twice} ran under several signatures"
    if problem is not None:
        raise OutputUnreadable(
            f"{source}: the samples file contradicts itself: {problem}",
            next_step="Run again; if it stays, this is a fault of the harness: please report it.",
        )


def expect(
    samples: Samples,
    *,
    timed: int,
    warmup_at_least: int,
    model_sha256: str,
    runtime_sha256: str,
    threads: int,
    seed: int,
    row_ids: NDArray[np.int32] | None = None,
    signatures: Sequence[str] = (),
) -> None:
    """Compare a launch with what was asked for; with `row_ids` (the sequences'), the order of rows too.

    `signatures`: what has to run each of `row_ids`; empty: any.

    Raises: OutputUnreadable naming the first difference.
    """
    checks: tuple[tuple[str, object, object], ...] = (
        ("timed inferences", samples.timed_count, timed),
        ("the model's SHA-256", samples.model_sha256, model_sha256),
        ("the runtime library's SHA-256", samples.runtime_sha256, runtime_sha256),
        ("threads", samples.threads, threads),
        ("seed", samples.seed, seed),
    )
    for what, got, asked in checks:
        if got != asked:
            raise _unexpected(f"{what}: {asked} asked for, {got} reported")
    if samples.warmup_count < warmup_at_least:
        raise _unexpected(
            f"warm-up inferences: {warmup_at_least} or more asked for, {samples.warmup_count} done"
        )
    if row_ids is not None and not np.array_equal(samples.row_ids, _order(samples, row_ids)):
        raise _unexpected("the rows ran in another order than the seed gives")
    if row_ids is not None and signatures:
        wanted = dict(zip(row_ids.tolist(), signatures, strict=True))
        for row, signature in zip(samples.row_ids.tolist(), samples.signatures, strict=True):
            if signature != wanted[row]:
                raise _unexpected(f"row {row}: signature {wanted[row]} asked for, {signature} ran")


def _order(samples: Samples, row_ids: NDArray[np.int32]) -> NDArray[np.int32]:
    """Row ids in the order of a launch; the last passes of warm-up and timed part may be cut short."""
    counts = (samples.warmup_count, samples.timed_count)
    passes = [-(-count // len(row_ids)) for count in counts]
    order = row_ids[shuffled_order(len(row_ids), samples.seed, sum(passes))]
    warmup, timed = order[: passes[0]].ravel(), order[passes[0] :].ravel()
    return np.concatenate((warmup[: counts[0]], timed[: counts[1]]))


def _unexpected(what: str) -> OutputUnreadable:
    return OutputUnreadable(
        f"the samples are not those of the launch that was asked for: {what}",
        next_step="Run again; nothing else may use the work folder on the device meanwhile.",
    )
