"""Sentence pairs: read them whole, know which set they are, take a fair slice.

Forms: GLUE's dev TSV and the four-column TSV (index, sentence1, sentence2, gold_label), both without
quoting, and the hub's parquet (premise, hypothesis, label, idx).
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from results.errors import LabelsError, PairsError
from results.record import PairsKind

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

LABELS = ("entailment", "neutral", "contradiction")
_FORMS = "a TSV with the columns index, sentence1, sentence2, gold_label, or MNLI's parquet"

_EXAMPLE: tuple[PairsKind, str] = ("example", "example pairs, not MNLI")
# SHA-256 of a set's content (see `content_digest`), whatever the file's form and white space.
_KNOWN: dict[str, tuple[PairsKind, str]] = {
    "fdbfe6dfdd86a0a2e4eee369b1dd6c9f89ba4b4b48db79700665793f1401f655": (
        "mnli_matched_dev",
        "MNLI matched dev",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PairTable:
    """Sentence pairs with gold labels, in file order.

    `frame`: columns row (int, unique), premise, hypothesis, label (one of LABELS). `rows_total` counts the
    whole file, also after `take`.
    """

    kind: PairsKind
    name: str
    origin: str
    sha256: str
    rows_total: int
    frame: pd.DataFrame


def read_pairs(path: Path, *, origin: str, example: bool = False) -> PairTable:
    """Every row of a pairs file.

    Raises: PairsError (missing, empty, malformed), LabelsError (a label that is none of LABELS).
    """
    try:
        raw = path.read_bytes()
    except OSError as err:
        raise PairsError(
            f"the pairs file {path} cannot be read: {err.strerror}",
            next_step=f"Give --pairs {_FORMS}.",
            path=path,
        ) from err
    if not raw:
        raise PairsError(f"the pairs file {path} is empty", next_step=f"Give --pairs {_FORMS}.", path=path)
    frame = _read_parquet(path) if raw.startswith(b"PAR1") else _read_tsv(path, raw)
    _check(frame, path)
    kind, name = _EXAMPLE if example else _recognize(frame, path)
    log.debug("%s: %d pairs, %s", path, len(frame), name)
    return PairTable(
        kind=kind,
        name=name,
        origin=origin,
        sha256=hashlib.sha256(raw).hexdigest(),
        rows_total=len(frame),
        frame=frame,
    )


def take(table: PairTable, rows: int | None, *, seed: int) -> PairTable:
    """A stratified slice of `rows` pairs (None: all), drawn by `seed`, in file order.

    Each label keeps its share to the nearest row; never "the first n". Raises: PairsError.
    """
    import dataclasses

    import numpy as np

    if rows is None or rows == len(table.frame):
        return table
    if not 0 < rows < len(table.frame):
        raise PairsError(
            f"a slice of {rows} pairs was asked for, and {table.name} has {len(table.frame)}",
            next_step=f"Give --slice a number from 1 to {len(table.frame)}, or leave it out.",
        )
    generator = np.random.default_rng(seed)
    counts = table.frame["label"].value_counts()
    shares = {label: rows * counts.get(label, 0) / len(table.frame) for label in LABELS}
    quota = {label: int(share) for label, share in shares.items()}
    for label in sorted(LABELS, key=lambda name: quota[name] - shares[name])[: rows - sum(quota.values())]:
        quota[label] += 1
    chosen: list[int] = []
    for label in LABELS:
        positions = np.flatnonzero((table.frame["label"] == label).to_numpy())
        chosen.extend(generator.permutation(positions)[: quota[label]].tolist())
    return dataclasses.replace(table, frame=table.frame.iloc[sorted(chosen)].reset_index(drop=True))


def content_digest(frame: pd.DataFrame) -> str:
    """SHA-256 over the set of pairs: letters and digits only, lower case, order ignored."""
    columns = (frame["premise"], frame["hypothesis"], frame["label"])
    lines = sorted(f"{_bare(p)}\t{_bare(h)}\t{label}" for p, h, label in zip(*columns, strict=True))
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "", text.lower())


def _recognize(frame: pd.DataFrame, path: Path) -> tuple[PairsKind, str]:
    return _KNOWN.get(content_digest(frame), ("other", f"pairs of {path.name}, not recognized as MNLI"))


def _read_tsv(path: Path, raw: bytes) -> pd.DataFrame:
    import pandas as pd

    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as err:
        line = raw[: err.start].count(b"\n") + 1
        raise PairsError(
            f"{path}, line {line}: not UTF-8", next_step="Convert the file to UTF-8.", path=path
        ) from err
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    header = lines[0].split("\t")
    wanted = ("index", "sentence1", "sentence2", "gold_label")
    missing = [name for name in wanted if name not in header]
    if missing:
        raise PairsError(
            f"{path} has no column {', '.join(missing)}; its first line is {lines[0][:80]!r}",
            next_step=f"Give --pairs {_FORMS}.",
            path=path,
        )
    # Sentences hold lone double quotes, which a quoting reader would swallow together with whole rows.
    rows = [line.split("\t") for line in lines[1:]]
    for number, row in enumerate(rows, start=2):
        if len(row) != len(header):
            raise PairsError(
                f"{path}, line {number}: {len(row)} fields where the header has {len(header)}",
                next_step="The file may be cut short; get it again.",
                path=path,
            )
    columns = {name: [row[header.index(name)] for row in rows] for name in wanted}
    try:
        numbers = [int(value) for value in columns["index"]]
    except ValueError as err:
        raise PairsError(
            f"{path}: column index: {err}", next_step="Number the rows 0, 1, 2 …", path=path
        ) from err
    return pd.DataFrame(
        {
            "row": numbers,
            "premise": columns["sentence1"],
            "hypothesis": columns["sentence2"],
            "label": [label.strip().lower() for label in columns["gold_label"]],
        }
    )


def _read_parquet(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path)
        names = json.loads(table.schema.metadata[b"huggingface"])["info"]["features"]["label"]["names"]
        frame = table.select(["idx", "premise", "hypothesis", "label"]).to_pandas()
    except (pa.ArrowException, OSError, KeyError, TypeError, ValueError) as err:
        raise PairsError(
            f"{path} is not MNLI's parquet (columns premise, hypothesis, label, idx; label names in its "
            f"schema): {str(err)[:120]}",
            next_step="Get the file again.",
            path=path,
        ) from err
    unknown = sorted(set(frame["label"]) - set(range(len(names))))
    if unknown:
        raise LabelsError(
            f"{path}: label numbers {unknown} have no name", next_step="Get the file again.", path=path
        )
    return pd.DataFrame(
        {
            "row": frame["idx"].astype(int),
            "premise": frame["premise"],
            "hypothesis": frame["hypothesis"],
            "label": [str(names[number]).lower() for number in frame["label"]],
        }
    )


def _check(frame: pd.DataFrame, path: Path) -> None:
    if frame.empty:
        raise PairsError(f"{path} has a header and no pairs", next_step="Get the file again.", path=path)
    duplicated = frame.loc[frame["row"].duplicated(), "row"]
    if len(duplicated):
        raise PairsError(
            f"{path}: index {duplicated.iloc[0]} stands in more than one row",
            next_step="Give every row an index of its own.",
            path=path,
        )
    if (frame["row"] < 0).any():
        raise PairsError(f"{path}: a negative index", next_step="Number the rows 0, 1, 2 …", path=path)
    blank = frame[(frame["premise"].str.strip() == "") | (frame["hypothesis"].str.strip() == "")]
    if len(blank):
        raise PairsError(
            f"{path}: index {blank['row'].iloc[0]} has an empty sentence ({len(blank)} such rows)",
            next_step="Remove these rows.",
            path=path,
        )
    odd = frame[~frame["label"].isin(LABELS)]
    if len(odd):
        raise LabelsError(
            f"{path}: {len(odd)} rows have labels other than {', '.join(LABELS)}; index {odd['row'].iloc[0]} "
            f"has {odd['label'].iloc[0]!r}",
            next_step="Remove or relabel these rows.",
            path=path,
        )
