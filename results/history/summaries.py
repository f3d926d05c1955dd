"""The summaries of many runs, read through DuckDB: 10,000 in about a second, and no record opened."""

from __future__ import annotations

import itertools
import json
import operator
import re
import typing
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results.decode import decode_versioned
from results.device import Delegate, DeviceKind, LengthPolicy
from results.errors import RecordDamaged, RecordError, SchemaUnknown
from results.history.key import Setting
from results.history.shape import fits, shape_of
from results.history.summary_file import SUMMARY_SCHEMA, RunSummary
from results.plain import LONGEST_TEXT, short

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

NAMED = 3  # of many bad files
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One series of one run. Latencies in ns: p50 of a typical launch with its 95 % interval.

    `counts`: whether a gate may judge by it; `doubts`: what is to be said against it.
    """

    run_id: str
    folder: str
    started_at: str
    commit: str | None
    setting: Setting
    p50_ns: float | None
    low_ns: float | None
    high_ns: float | None
    launches_valid: int
    launches_total: int
    counts: bool
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SummarizedRun:
    """One run's summary file, whose record it is of, and whether it can have readings.

    `compares`: a run of two arms. `timed`: it has a device, and at least one series.
    """

    file: str
    record_sha256: str
    compares: bool
    timed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """What lies in the folders: readings by start of their runs, then run id; and what is none, by folder.

    `runs`: run folders in all. `copies`: runs that are there once more. `unsummarized`: runs without a
    summary.json. `comparisons`: of two arms. `without_latency`: no device, or nothing was launched.
    """

    runs: int
    readings: tuple[Reading, ...]
    copies: tuple[str, ...]
    unsummarized: tuple[str, ...]
    comparisons: tuple[str, ...]
    without_latency: tuple[str, ...]


def read_summaries(files: list[str]) -> tuple[list[SummarizedRun], list[Reading]]:
    """The runs by file, and the readings of those that compare nothing, by start and run id.

    Raises:
        SchemaUnknown: some were written by other versions.
        RecordDamaged: some are not what was written. Either names how many, and the first of them.
    """
    import duckdb

    # Nothing is ever fetched: JSON is built in.
    offline: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(config=offline) as database:
        _refuse(_load(database, files), len(files))
        runs = [
            SummarizedRun(file=file, record_sha256=sha256, compares=compares, timed=timed)
            for file, sha256, compares, timed in database.execute(_RUNS).fetchall()
        ]
        rows = database.execute(_READINGS).fetchall()
    _refuse({row[0]: why for row in rows if (why := _impossible(row)) is not None}, len(files))
    return runs, _readings(rows)


# read_text would need eight times the processor time for as many small files (measured).
_TEXTS = "CREATE TEMP TABLE texts AS SELECT unnest($files) AS filename, unnest($texts) AS content"
_LOAD = """
CREATE TEMP TABLE read AS
SELECT
  filename,
  TRY(json_transform_strict(content, $shape)) AS s,
  TRY(json_structure(content))::VARCHAR AS structure,
  regexp_matches(content, '[:,\\[]\\s*-?(?i:nan|inf)') AS odd
FROM texts
"""

_SETTING = """
  s.device.kind, s.device.manufacturer, s.device.model, s.device.soc, s.device.abi, s.device.fingerprint,
  s.device.kernel, s.device.serial_sha256, p.model, p.recipe, p.model_sha256, p.runtime, p.runtime_version,
  p.runtime_sha256, p.threads, p.cores, p.delegate, s.runner, s.length, p.length_policy,
  to_json(s.lengths)::VARCHAR, s.pairs_sha256, s.batch, s.fixed_performance
"""

_RUNS = """
SELECT filename, s.record_sha256, s.compares, s.device IS NOT NULL AND len(s.points) > 0 FROM read
ORDER BY filename
"""


def _possible(*ordered: str) -> str:
    """Whether those that are known can be latencies, and are in their order: in SQL, for all rows at once."""
    parts = [f"coalesce({', '.join(ordered)}, 1) > 0", f"coalesce({', '.join(ordered[::-1])}, 1) < 'inf'"]
    parts += [f"coalesce({low} <= {high}, true)" for low, high in itertools.combinations(ordered, 2)]
    return " AND ".join(parts)


_READINGS = f"""
SELECT
  filename, s.run_id, s.started_at, s.commit, p.p50_ns, p.p50_low_ns, p.p50_high_ns, p.launches_valid,
  p.launches_total, p.counts, p.doubts,
  {_possible("p.p50_low_ns", "p.p50_ns", "p.p50_high_ns")}
  AND {_possible("p.p90_low_ns", "p.p90_ns", "p.p90_high_ns")}
  AND {_possible("list_min(p.medians_ns)", "list_max(p.medians_ns)")}, {_SETTING}
FROM (SELECT filename, s, unnest(s.points) AS p FROM read WHERE NOT s.compares AND s.device IS NOT NULL)
ORDER BY s.started_at, s.run_id, filename
"""
_OF_READING = 11
_BEFORE_SETTING = 12  # between them: whether its latencies can be any
# Columns that are never null: those of the reading by hand, those of its setting by their types.
_FIELDS = typing.get_type_hints(Setting)
_LENGTHS = _BEFORE_SETTING + list(_FIELDS).index("lengths")
_NEEDED = operator.itemgetter(
    *(1, 2, 7, 8, 9, 10),
    *(
        at
        for at, kind in enumerate(_FIELDS.values(), _BEFORE_SETTING)
        if type(None) not in typing.get_args(kind)
    ),
)
# To DuckDB a word is a word: which ones there are, the types say.
_WORDS = tuple(
    (_BEFORE_SETTING + list(_FIELDS).index(name), frozenset(typing.get_args(kind)))
    for name, kind in (("kind", DeviceKind), ("delegate", Delegate), ("length_policy", LengthPolicy))
)


def _load(database: DuckDBPyConnection, files: list[str]) -> dict[str, str | None]:
    """Read the files into a table; those that may not be what was written, and why they cannot be used.

    None: only a strict reading tells.
    """
    texts: dict[str, str] = {}
    for file in files:
        # Of 10,000 small files, a Path of each costs more than what is read.
        with suppress(OSError, UnicodeDecodeError), open(file, "rb") as held:  # noqa: PTH123
            texts[file] = held.read().decode()
    suspects: dict[str, str | None] = {file: "is no text" for file in files if file not in texts}
    if not texts:
        return suspects
    database.execute(_TEXTS, {"files": list(texts), "texts": list(texts.values())})
    database.execute(_LOAD, {"shape": json.dumps(shape_of(RunSummary))})
    structures = database.execute("SELECT DISTINCT structure FROM read").fetchall()
    bad = [text for (text,) in structures if text is not None and not fits(json.loads(text), RunSummary)]
    rows = database.execute(
        "SELECT filename, s IS NULL FROM read WHERE s IS NULL OR odd OR structure IS NULL"
        " OR list_contains($bad, structure) OR s.schema <> $version ORDER BY filename",
        {"bad": bad, "version": SUMMARY_SCHEMA},
    ).fetchall()
    # What a strict reading lets pass and DuckDB does not read is in no table: it would be missing unsaid.
    unread = "a field is there twice, or its number is too large"
    return suspects | {file: unread if is_null else None for file, is_null in rows}


def _readings(rows: list[tuple[Any, ...]]) -> list[Reading]:
    settings: dict[tuple[Any, ...], Setting] = {}  # few among many rows
    readings = []
    for row in rows:
        file, run_id, started_at, commit, p50, low, high, valid, total, counts, doubts = row[:_OF_READING]
        fields = row[_BEFORE_SETTING:]
        setting = settings.get(fields)
        if setting is None:
            setting = settings[fields] = _setting(fields)
        readings.append(
            Reading(
                run_id=run_id,
                folder=folder_of(file),
                started_at=started_at,
                commit=commit,
                setting=setting,
                p50_ns=p50,
                low_ns=low,
                high_ns=high,
                launches_valid=valid,
                launches_total=total,
                counts=counts,
                doubts=tuple(doubts),
            )
        )
    return readings


def folder_of(file: str) -> str:
    """The run folder of a summary, as readers see it."""
    return file.rpartition("/")[0]


def _setting(fields: tuple[Any, ...]) -> Setting:
    named = dict(zip(_FIELDS, fields, strict=True))
    return Setting(**named | {"lengths": tuple(json.loads(named["lengths"]))})


def _impossible(row: tuple[Any, ...]) -> str | None:
    """What a summary cannot say, although each field is of its type: the schema's own words are in `_refuse`.

    A null that another point of the same file hides from its structure shows here, too.
    """
    _, _, started_at, _, p50, _, _, valid, total, counts, doubts, possible = row[:_BEFORE_SETTING]
    if None in _NEEDED(row) or None in doubts or "null" in row[_LENGTHS]:
        return "a field is null"
    if any(row[at] not in words for at, words in _WORDS):
        return "a point was measured in no way that there is"
    if not is_time(started_at):
        return f"started_at {started_at[:40]!r} is no time in UTC"
    if not 0 <= valid <= total:
        return f"{valid} valid launches of {total} are impossible"
    if not possible:
        return "the latency of a point is impossible"
    if counts and p50 is None:
        return "a point counts and has no latency"
    return None


def is_time(text: str) -> bool:
    """Whether a text is a moment as records have it, such as 2026-11-22T10:00:00.000Z."""
    with suppress(ValueError):
        return _TIME.fullmatch(text) is not None and datetime.fromisoformat(text) is not None
    return False


def _refuse(suspects: Mapping[str, str | None], of: int) -> None:
    """Read suspects once more, strictly; those that are no whole summaries, or have a reason, are refused.

    Raises SchemaUnknown, RecordDamaged.
    """
    damaged: dict[str, str] = {}
    unknown: dict[str, str] = {}
    for file, reason in suspects.items():
        try:
            decode_versioned(Path(file).read_bytes(), RunSummary, "summary", SUMMARY_SCHEMA, file)
            if reason is not None:
                damaged[file] = f"{file}: {reason}"
        except OSError as err:
            damaged[file] = f"{file}: cannot be read: {err.strerror}"
        except SchemaUnknown as err:
            unknown[file] = err.what
        except RecordDamaged as err:
            damaged[file] = err.what
    if damaged:
        raise _error(RecordDamaged, [*damaged.values(), *unknown.values()], of, [*damaged, *unknown])
    if unknown:
        raise _error(SchemaUnknown, list(unknown.values()), of, list(unknown))


def _error(kind: type[RecordError], reasons: list[str], of: int, files: list[str]) -> RecordError:
    more = f" And {len(reasons) - NAMED} more." if len(reasons) > NAMED else ""
    listed = " ".join(f"{short(reason, LONGEST_TEXT).rstrip('.')}." for reason in reasons[:NAMED])
    return kind(
        f"{len(files)} of {of} summaries cannot be used. {listed}{more}",
        next_step="Write each anew from its record: mobilebert-bench report RUN --recompute; or take those "
        "folders out of the history.",
        paths=files,
    )
