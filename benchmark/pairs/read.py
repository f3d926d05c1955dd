"""The door: a file of sentence pairs, whatever its format, read by the declared table that fits it."""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import zlib
from pathlib import Path
from typing import Literal

from benchmark.config import DEFAULT_SKIP, Config
from benchmark.locate import Located
from benchmark.pairs.choose import choose, fitting
from benchmark.pairs.faults import sift
from benchmark.pairs.form import forms_of, shipped
from benchmark.pairs.json_lines import open_json_lines
from benchmark.pairs.known import recognize
from benchmark.pairs.parquet import open_parquet
from benchmark.pairs.source import Source
from benchmark.pairs.table import PairTable
from benchmark.pairs.text import open_csv, open_tsv
from results.errors import PairsError
from results.evaluated import PairsKind, RowFault
from results.plain import plain

log = logging.getLogger(__name__)

MOST_BYTES = 2**29  # MultiNLI's training set as JSON lines, the largest that is meant, has four fifths of it
_EXAMPLE: tuple[PairsKind, str] = ("example", "example pairs, not MNLI")
# What some files begin with that are none of ours, and what to do.
_UNPACK = "Unpack it."
_OTHERS = (
    (b"\xff\xfe\0\0", "UTF-32 text", "Convert the file to UTF-8."),
    (b"\xff\xfe", "UTF-16 text", "Convert the file to UTF-8."),
    (b"\xfe\xff", "UTF-16 text", "Convert the file to UTF-8."),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", "Unpack it, or save the sheet as CSV."),
    (b"BZh", "compressed by bzip2", _UNPACK),
    (b"\xfd7zXZ", "compressed by xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed by zstd", _UNPACK),
    (b"\x1f\x8b", "a .gz within a .gz", _UNPACK),
    (b"[", "one JSON array", "Write one object a line (JSON lines)."),
)


def read_pairs(
    path: Path,
    *,
    origin: str,
    example: bool = False,
    form: str | None = None,
    skip: tuple[RowFault, ...] = DEFAULT_SKIP,
    flag: Literal["--pairs", "--calibration"] = "--pairs",
) -> PairTable:
    """Every row of a pairs file but those that `skip` leaves out.

    `form`: as --pair-form says it; `flag`: the option that names the file. Pairs to calibrate with need not
    have the form of those to evaluate: where it does not fit, the shipped one that does is taken. Raises:
    PairsError (missing, empty, no form fits, rows at fault), LabelsError (rows with no label, or with none of
    the form's), ConfigError (of `form`).
    """
    import pandas as pd

    raw = _read(path, flag)
    source = _open(_unpacked(raw, path), path, flag)
    forms = forms_of(form)
    if flag == "--calibration" and not fitting(source, forms):
        forms = shipped()
    chosen = choose(source, forms, path, flag)
    found = sift(source.rows(chosen), chosen, skip, unit=source.unit, path=path)
    frame = pd.DataFrame(
        {"row": found.row, "premise": found.premise, "hypothesis": found.hypothesis, "label": found.label}
    )
    answers = {} if all(label == answer for label, answer in chosen.answers.items()) else chosen.answers
    kind, name = _EXAMPLE if example else (None if answers else recognize(frame)) or _other(path)
    log.debug("%s: %d pairs, %s, form %s (%s)", path, len(frame), name, chosen.name, source.format)
    return PairTable(
        kind=kind,
        name=name,
        origin=origin,
        sha256=hashlib.sha256(raw).hexdigest(),
        rows_total=len(frame),
        frame=frame,
        form=chosen.title,
        left_out=found.left_out,
        answers=answers,
    )


def read_located(
    config: Config, found: Located, flag: Literal["--pairs", "--calibration"] = "--pairs"
) -> PairTable:
    """The same of a file that was found, by what the call says of its form and its faults."""
    return read_pairs(
        found.path,
        origin=found.origin,
        example=found.example,
        form=config.pair_form,
        skip=config.skip,
        flag=flag,
    )


def _other(path: Path) -> tuple[PairsKind, str]:
    return "other", f"pairs of {plain(path.name)}, not recognized as MNLI"


def _read(path: Path, flag: str) -> bytes:
    try:
        with path.open("rb") as file:
            raw = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as err:
        why = err.strerror if isinstance(err, OSError) else str(err)
        raise PairsError(
            f"the pairs file {path} cannot be read: {why}", next_step=_give(flag), path=path
        ) from err
    if not raw:
        raise PairsError(f"the pairs file {path} is empty", next_step=_give(flag), path=path)
    return _bounded(raw, path)


def _unpacked(raw: bytes, path: Path) -> bytes:
    """The content of a .gz, never more than a bounded part of it."""
    if not raw.startswith(b"\x1f\x8b"):
        return raw
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
            return _bounded(file.read(MOST_BYTES + 1), path)
    except (OSError, EOFError, zlib.error) as err:
        raise PairsError(
            f"{path} is a damaged .gz: {err}", next_step="Get the file again.", path=path
        ) from err


def _bounded(raw: bytes, path: Path) -> bytes:
    if len(raw) > MOST_BYTES:
        raise PairsError(
            f"{path} holds more than {MOST_BYTES >> 20} MiB", next_step="Give fewer pairs.", path=path
        )
    return raw


def _open(raw: bytes, path: Path, flag: str) -> Source:
    """What the content says, not what the file is called."""
    if raw.startswith(b"PAR1"):
        return open_parquet(raw, path)
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    for sign, what, advice in _OTHERS:
        if raw.startswith(sign):
            raise PairsError(f"{path} is {what}", next_step=advice, path=path)
    text = raw.decode("utf-8", "surrogateescape")
    if not text.strip():
        raise PairsError(f"the pairs file {path} is empty", next_step=_give(flag), path=path)
    if text.lstrip()[0] == "{":
        return open_json_lines(text)
    if "\n" not in text.strip() and "\r" in text.strip():
        raise PairsError(f"{path} ends its lines by CR alone", next_step="Write LF or CRLF.", path=path)
    header = text.split("\n", 1)[0]
    return open_csv(text, path) if "\t" not in header and "," in header else open_tsv(text, path)


def _give(flag: str) -> str:
    return f"Give {flag} a TSV, CSV, JSON lines or parquet file of sentence pairs (docs/pairs.md)."
