"""Which of the declared tables a file is of, by the columns that it has."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from benchmark.pairs.form import PairForm
from benchmark.pairs.source import Source
from results.errors import PairsError, did_you_mean
from results.plain import short

_FORMAT_WORDS = {"tsv": "TSV", "csv": "CSV", "jsonl": "JSON lines", "parquet": "parquet"}
_SHOWN = 8


def choose(source: Source, forms: tuple[PairForm, ...], path: Path, flag: str) -> PairForm:
    """The form that knows most of the file's columns. Raises: PairsError where none or two fit best."""
    readable = [form for form in forms if source.format in form.formats]
    if not readable:
        formats = dict.fromkeys(_FORMAT_WORDS[name] for form in forms for name in form.formats)
        raise PairsError(
            f"{path} is {_FORMAT_WORDS[source.format]}, and --pair-form {forms[0].name} is for "
            f"{', '.join(formats)}",
            next_step="Leave --pair-form out, or name one that is for this format.",
            path=path,
        )
    if not (fits := fitting(source, forms)):
        raise _none(source, readable, path, flag)
    most = max(len(form.columns) for form in fits)
    best = [form for form in fits if len(form.columns) == most]
    if len(best) > 1:
        raise PairsError(
            f"{path} fits the forms {', '.join(form.name for form in best)} equally well",
            next_step="Leave the one that is meant in the file, or give it columns to tell them by (also)."
            if best[0].origin
            else f"Say which: --pair-form {best[0].name}",
            path=path,
        )
    if twice := [name for name in best[0].used if source.columns.count(name) > 1]:
        raise PairsError(
            f"{path} has two columns {short(twice[0])!r}", next_step="Give each column a name.", path=path
        )
    return best[0]


def fitting(source: Source, forms: tuple[PairForm, ...]) -> list[PairForm]:
    """The forms that are for this format and all of whose columns are there."""
    there = set(source.columns)
    return [form for form in forms if source.format in form.formats and there.issuperset(form.columns)]


def _none(source: Source, forms: list[PairForm], path: Path, flag: str) -> PairsError:
    nearest = min(forms, key=lambda form: len(set(form.columns) - set(source.columns)))
    missing = [name for name in nearest.columns if name not in source.columns]
    near = "".join(did_you_mean(name, source.columns[:100]) for name in missing[:1])
    hint = f" Is it {near.removeprefix(' Did you mean ')}" if near else ""
    return PairsError(
        f"{path} ({_FORMAT_WORDS[source.format]}) has no column {_listed(missing)}, which the nearest form, "
        f"{nearest.name}, has; its own are {_listed(source.columns) or 'none'}.{hint}"
        + (" Its fields are to stand between tabs or commas." if _one_column(source.columns) else ""),
        next_step=f"Give {flag} a file of a form that docs/pairs.md lists, or declare this one's: "
        "--pair-form FILE.toml",
        path=path,
    )


def _one_column(columns: tuple[str, ...]) -> bool:
    """Whether the header was not taken apart, though it has a sign that others put between fields."""
    return len(columns) == 1 and any(sign in columns[0] for sign in ";|")


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = len(found) - _SHOWN
    return ", ".join(short(name, 30) for name in found[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
