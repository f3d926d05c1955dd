"""Rows that cannot be evaluated: each counted once, under its first fault; left out by rule or refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from benchmark.pairs.form import PairForm
from benchmark.pairs.source import Found
from results.errors import LabelsError, PairsError
from results.evaluated import LeftOut, RowFault
from results.plain import UNSEEN, short

FAULTS: tuple[RowFault, ...] = get_args(RowFault)
LONGEST_CHARACTERS = 100_000  # of one sentence; MNLI's longest has some 1,800
_OF_LABELS: frozenset[RowFault] = frozenset({"missing-label", "unknown-label"})
_PLACES = 5
_DECLARE = (
    'Declare what its labels mean, as labels = {0 = "entailment", ...} in a form of yours: '
    "--pair-form FILE.toml (docs/pairs.md)."
)
_LARGEST_ROW = 2**31 - 1  # rows are 32-bit numbers on the device
# What stands for bytes that are not UTF-8 is no empty text.
_SEEN = re.compile(r"[^\s" + UNSEEN.pattern.removeprefix("[").replace("\ud800-\udfff", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sound:
    """Rows that can be evaluated, as columns; and what was left out."""

    row: list[int]
    premise: list[str]
    hypothesis: list[str]
    label: list[str]
    left_out: tuple[LeftOut, ...]


@dataclass(slots=True)
class _Met:
    """Rows of one fault: how many, and of the first ones where and why."""

    rows: int = 0
    places: list[str] = field(default_factory=list)
    whys: list[str] = field(default_factory=list)


def sift(
    rows: Iterable[Found], form: PairForm, skip: tuple[RowFault, ...], *, unit: str, path: Path
) -> Sound:
    """The rows of a file without those that `skip` leaves out.

    Raises: PairsError, or LabelsError where only labels are at fault, which names every fault not in `skip`.
    """
    sound = Sound(row=[], premise=[], hypothesis=[], label=[], left_out=())
    met: dict[RowFault, _Met] = {}
    count = 0
    for number, (one, fault, why) in enumerate(_judged(rows, form)):
        count += 1
        if fault is not None:
            _note(met.setdefault(fault, _Met()), one, why, unit)
        else:
            assert one.fields is not None
            sound.row.append(int(one.fields.row) if form.row is not None else number)
            sound.premise.append(one.fields.premise)
            sound.hypothesis.append(one.fields.hypothesis)
            sound.label.append(form.labels[_word(one.fields.label)])
    if refused := [fault for fault in FAULTS if fault in met and fault not in skip]:
        none = not sound.row and "unknown-label" in refused
        raise _refusal(path, count, refused, met, skip, no_label_known=none)
    left_out = tuple(
        LeftOut(fault=fault, rows=met[fault].rows, first=tuple(met[fault].places))
        for fault in FAULTS
        if fault in met
    )
    if not sound.row:
        raise _nothing(path, left_out)
    return Sound(
        row=sound.row,
        premise=sound.premise,
        hypothesis=sound.hypothesis,
        label=sound.label,
        left_out=left_out,
    )


def _judged(rows: Iterable[Found], form: PairForm) -> Iterator[tuple[Found, RowFault | None, str]]:
    seen: set[str] = set()
    for one in rows:
        fault, why = _fault(one, form)
        if (own := _identity(one, form)) is not None:
            if fault is None and own in seen:
                fault, why = "duplicate-id", f"{short(form.row or form.id or '')} {short(own, 30)} again"
            seen.add(own)
        yield one, fault, why


def _identity(one: Found, form: PairForm) -> str | None:
    """What no other row may be called; None where the form has no such column, or the row no such value."""
    if one.fields is None or (form.row is None and form.id is None):
        return None
    if form.row is None:
        return one.fields.id.strip() or None
    return str(int(one.fields.row)) if _is_row(one.fields.row) else None


def _fault(one: Found, form: PairForm) -> tuple[RowFault | None, str]:
    """The first fault in the order of RowFault, duplicates aside, and a few words on it."""
    if (fields := one.fields) is None:
        return one.fault or "malformed", one.why
    word = _word(fields.label)
    if word in form.missing:
        return "missing-label", ""
    if word not in form.labels:
        return "unknown-label", repr(short(fields.label, 30))
    texts = (fields.premise, fields.hypothesis)
    seen = [_SEEN.search(text) is not None for text in texts]
    if not all(seen):
        return ("one-sided", "") if any(seen) else ("empty-text", "")
    if one.fault is not None:
        return one.fault, one.why
    if any("\0" in text for text in texts):
        return "malformed", "a NUL character"
    if max(map(len, texts)) > LONGEST_CHARACTERS:
        return "malformed", f"a sentence of {max(map(len, texts))} characters"
    if form.row is not None and not _is_row(fields.row):
        return "malformed", f"{short(form.row)} is {short(fields.row, 30)!r}, no whole number from 0"
    return None, ""


def _word(label: str) -> str:
    return label.strip().lower()


def _is_row(text: str) -> bool:
    return re.fullmatch(r"\s*[0-9]{1,10}\s*", text) is not None and int(text) <= _LARGEST_ROW


def _note(met: _Met, one: Found, why: str, unit: str) -> None:
    met.rows += 1
    if len(met.places) < _PLACES:
        name = one.fields.id if one.fields is not None else ""
        met.places.append(f"{unit} {one.place}" + (f" ({short(name, 30)})" if name else ""))
        met.whys.append(short(why))


def _refusal(
    path: Path,
    count: int,
    refused: list[RowFault],
    met: dict[RowFault, _Met],
    skip: tuple[RowFault, ...],
    *,
    no_label_known: bool,
) -> PairsError | LabelsError:
    rows = sum(met[fault].rows for fault in refused)
    told = "; ".join(f"{met[fault].rows} {fault} ({_places(met[fault])})" for fault in refused)
    error = LabelsError if _OF_LABELS.issuperset(refused) else PairsError
    names = ",".join(fault for fault in FAULTS if fault in skip or fault in refused)
    return error(
        f"{path}: {rows} of {count} rows cannot be evaluated: {told}",
        next_step=_DECLARE if no_label_known else f"Mend these rows, or leave them out: --skip {names}",
        path=path,
    )


def _places(met: _Met) -> str:
    told = [place + (f": {why}" if why else "") for place, why in zip(met.places, met.whys, strict=True)]
    more = met.rows - len(told)
    return ", ".join(told) + (f" and {more} more" if more else "")


def told(left_out: Iterable[LeftOut]) -> str:
    """How many rows by which fault: "185 missing-label, 2 one-sided"."""
    return ", ".join(f"{one.rows} {one.fault}" for one in left_out)


def _nothing(path: Path, left_out: tuple[LeftOut, ...]) -> PairsError:
    if not left_out:
        return PairsError(f"{path} has no pairs", next_step="Get the file again.", path=path)
    return PairsError(
        f"{path} has no pairs left: every row is left out ({told(left_out)})",
        next_step="Give pairs with gold labels; --skip says which faults leave a row out.",
        path=path,
    )
