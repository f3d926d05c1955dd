"""The predictions of one recipe, row by row, as a CSV file: row,label,predicted,tokens,<labels>.

`label` and `predicted` are names, never numbers; a column per label holds the logits, `%.9g`.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from results.errors import RecordDamaged

FIXED = ("row", "label", "predicted", "tokens")
_LARGEST = float(np.finfo(np.float32).max)  # NaN is not <= it either


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """What one recipe said of each pair. `row`: ids, shape (n,); `label`, `predicted`: indexes into
    `labels`, shape (n,); `tokens`: real ones, [CLS] and [SEP] among them, as far as they were not cut, shape
    (n,); `logits`: float32, shape (n, len(labels))."""

    labels: tuple[str, ...]
    row: NDArray[np.int64]
    label: NDArray[np.int64]
    predicted: NDArray[np.int64]
    tokens: NDArray[np.int64]
    logits: NDArray[np.float32]

    def take(self, places: NDArray[np.int64]) -> Predictions:
        """Those of some rows, by their positions, shape (k,)."""
        return Predictions(
            labels=self.labels,
            row=self.row[places],
            label=self.label[places],
            predicted=self.predicted[places],
            tokens=self.tokens[places],
            logits=self.logits[places],
        )

    @property
    def lead(self) -> NDArray[np.float64]:
        """How far each row is from a tie: its largest logit less the next one, in logits, shape (n,)."""
        largest = np.sort(self.logits.astype(np.float64), axis=1)
        lead: NDArray[np.float64] = largest[:, -1] - largest[:, -2]
        return lead

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each row is predicted correctly, shape (n,)."""
        return np.equal(self.label, self.predicted)

    @property
    def confusion(self) -> tuple[tuple[int, ...], ...]:
        """`confusion[t][p]`: rows of label `labels[t]` predicted as `labels[p]`."""
        k = len(self.labels)
        counts = np.bincount(self.label * k + self.predicted, minlength=k * k).reshape(k, k)
        return tuple(tuple(int(cell) for cell in line) for line in counts)


def write_predictions(predictions: Predictions) -> bytes:
    """The CSV file's bytes, LF line ends."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow((*FIXED, *predictions.labels))
    names = predictions.labels
    columns = (predictions.row, predictions.label, predictions.predicted, predictions.tokens)
    numbers = (column.tolist() for column in columns)
    for row, label, predicted, tokens, logits in zip(*numbers, predictions.logits.tolist(), strict=True):
        values = (f"{value:.9g}" for value in logits)
        writer.writerow((row, names[label], names[predicted], tokens, *values))
    return text.getvalue().encode()


def read_predictions(data: bytes, name: str) -> Predictions:
    """Read the bytes of a predictions file.

    Raises:
        RecordDamaged: a line is not of the format, a row comes twice, or a logit is not finite.
    """
    try:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as err:
        raise _damaged(name, 1, f"or a later one cannot be read ({err})") from err
    header = tuple(lines[0]) if lines else ()
    labels = header[len(FIXED) :]
    if header[: len(FIXED)] != FIXED or len(labels) < 2 or len(set(labels)) != len(labels):
        raise _damaged(name, 1, "is not the header row,label,predicted,tokens,<labels>")
    index = {label: position for position, label in enumerate(labels)}
    rows: list[tuple[int, int, int, int]] = []
    logits: list[list[float]] = []
    for number, line in enumerate(lines[1:], start=2):
        try:
            row, label, predicted, tokens = int(line[0]), index[line[1]], index[line[2]], int(line[3])
            values = [float(field) for field in line[len(FIXED) :]]
            if abs(row) >= 2**63 or not 0 <= tokens < 2**31:
                raise ValueError(row)
        except (IndexError, KeyError, ValueError) as err:
            raise _damaged(name, number, "is not row,label,predicted,tokens,<logits>") from err
        if len(values) != len(labels) or not all(abs(value) <= _LARGEST for value in values):
            raise _damaged(name, number, f"has not {len(labels)} finite logits")
        rows.append((row, label, predicted, tokens))
        logits.append(values)
    if len({row[0] for row in rows}) != len(rows):
        raise _damaged(name, len(lines), "or an earlier one repeats a row id")
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), len(FIXED))
    return Predictions(
        labels=labels,
        row=columns[:, 0],
        label=columns[:, 1],
        predicted=columns[:, 2],
        tokens=columns[:, 3],
        logits=np.array(logits, dtype=np.float32).reshape(len(rows), len(labels)),
    )


def not_as_recorded(file: str, what: str) -> RecordDamaged:
    """The error for a predictions file that is whole, and not what its record says of it."""
    return RecordDamaged(
        f"{file} {what}.", next_step="Evaluate again; neither file is ever edited.", path=file
    )


def _damaged(name: str, line: int, what: str) -> RecordDamaged:
    return RecordDamaged(
        f"{name}: line {line} {what}.",
        next_step="Evaluate again; a predictions file is never edited.",
        path=name,
        line=line,
    )
