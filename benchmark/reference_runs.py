"""Accuracies of many runs of another model, read from a TSV file: a line a run, columns run and accuracy."""

from __future__ import annotations

import csv
import hashlib
import io
from pathlib import Path

from results.errors import DataError
from results.evaluated import ReferenceRuns
from results.plain import short
from results.report.words import counted

MOST_RUNS = 1000  # all of them go into record.json
_FORM = "a TSV file with the columns run and accuracy, an accuracy being a share such as 0.8434"


def read_reference_runs(path: Path) -> ReferenceRuns:
    """The runs of a file, in its order; other columns are ignored.

    Raises DataError: missing, not UTF-8, without these columns, a run twice, an accuracy that is no share
    (percent is refused, not guessed), fewer than 2 runs or more than 1000.
    """
    try:
        raw = path.read_bytes()
    except OSError as err:
        raise _refused(path, f"cannot be read: {err.strerror}", f"Give --reference-runs {_FORM}.") from err
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        at = raw[: err.start].count(b"\n") + 1
        raise _refused(path, f"line {at}: not UTF-8", "Convert the file to UTF-8.") from err
    lines = list(csv.reader(io.StringIO(text, newline=None), delimiter="\t", quoting=csv.QUOTE_NONE))
    while lines and len(lines[-1]) < 2 and not "".join(lines[-1]).strip():
        lines.pop()  # empty lines at the end are no rows
    header = lines[0] if lines else []
    missing = [name for name in ("run", "accuracy") if header.count(name) != 1]
    if missing:
        what = f"has not one column {' and one '.join(missing)}; its first line is {short(repr(header))}"
        raise _refused(path, what, f"Give --reference-runs {_FORM}.")
    runs: dict[str, float] = {}
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            what = f"line {number}: {counted(len(line), 'field')} where the header has {len(header)}"
            raise _refused(path, what, "The file may be cut short; get it again.")
        run = line[header.index("run")].strip()
        if run in runs:
            raise _refused(path, f"line {number}: run {short(run)!r} stands twice", "Name every run once.")
        runs[run] = _share(path, number, line[header.index("accuracy")])
    if not 2 <= len(runs) <= MOST_RUNS:
        raise _refused(
            path, f"has {counted(len(runs), 'run')}", f"Give 2 to {MOST_RUNS} runs, or leave the file out."
        )
    return ReferenceRuns(
        name=path.name, sha256=hashlib.sha256(raw).hexdigest(), accuracies=tuple(runs.values())
    )


def _share(path: Path, line: int, word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = float("nan")
    if 0 <= value <= 1:  # NaN is not
        return value
    what = f"line {line}: accuracy {short(word)!r} is not a share from 0 to 1"
    percent = " These look like percent: divide them by 100." if 1 < value <= 100 else ""
    raise _refused(path, what, f"Give --reference-runs {_FORM}.{percent}")


def _refused(path: Path, what: str, next_step: str) -> DataError:
    return DataError(f"the reference runs {path}: {what}", next_step=next_step, path=path)
