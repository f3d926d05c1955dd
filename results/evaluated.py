"""The pairs of a run and what was predicted of them: part of its record, plain frozen values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from results.device import LengthPolicy

PairsKind = Literal["mnli_matched_dev", "mnli_mismatched_dev", "other", "example"]
# Why a row of a pairs file cannot be evaluated; the words of --skip.
RowFault = Literal[
    "missing-label",
    "unknown-label",
    "empty-text",
    "one-sided",
    "not-utf8",
    "malformed",
    "duplicate-id",
]
# Who ran the evaluation: this process, processes of this machine, or a Dask cluster.
Engine = Literal["here", "processes", "dask"]
# Of one share, 0 to 1. Source: results/stats.py.
IntervalMethod = Literal["wilson", "clopper-pearson"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Rows of a pairs file that a rule of the call leaves out. `first`: places of some, as lines or rows.

    `rows` counts each row once, under the first fault it has in the order of RowFault.
    """

    fault: RowFault
    rows: int
    first: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """The sentence pairs of a run. `rows_used` < `rows_total` is a seeded, stratified slice.

    `rows_total` counts the file's rows without those in `left_out`. `form`: the name of the declared table
    by which the file was read. `answers`: the file's answer for each label of the model where these are not
    its own names (HANS: neutral and contradiction are both non-entailment), else empty. `tokens`,
    `unknown_tokens`: of the rows used, without [CLS] and [SEP]; unknown ones are [UNK].
    """

    kind: PairsKind
    name: str
    origin: str
    sha256: str
    rows_total: int
    rows_used: int
    truncated_rows: int
    vocabulary_sha256: str
    vocabulary_size: int
    form: str = "four-columns"
    left_out: tuple[LeftOut, ...] = ()
    answers: dict[str, str] = field(default_factory=dict)
    tokens: int = 0
    unknown_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Predictions of one recipe on the run's pairs.

    `confusion[t][p]`: rows of true label `labels[t]` predicted as `labels[p]`. Raw predictions in
    `predictions_file` (CSV: row,label,predicted,tokens,logit per label), same rows in the same order per
    recipe. `seconds`: of the evaluation, over the rows that an earlier one had not kept (`kept_rows`).
    `length_policy`: whether each row ran in the shortest signature that holds it. `workers`: how many
    evaluated, of which the one with the most memory had `peak_rss_bytes`, and which ran on `processors`.
    """

    recipe: str
    runtime: str
    runtime_version: str
    labels: tuple[str, ...]
    rows: int
    correct: int
    confusion: tuple[tuple[int, ...], ...]
    seconds: float
    predictions_file: str
    predictions_sha256: str
    length_policy: LengthPolicy = "fixed"
    engine: Engine = "here"
    workers: int = 1
    kept_rows: int = 0
    peak_rss_bytes: int | None = None
    processors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeAccuracy:
    """The same artifact, or for "torch" the same weights, by another runtime, beside the run's own runtime.

    On `rows` of the run's pairs, which are all or a seeded slice of them. `reference_correct`: by the run's
    runtime on these rows; `agreeing`: rows with the same prediction. Differences of the logits of the two,
    in logits. `seconds`, `kept_rows`, `workers`: as Accuracy's, of processes of this machine. Raw predictions
    in `predictions_file`, in the form of Accuracy's.
    """

    recipe: str
    runtime: str
    runtime_version: str
    rows: int
    correct: int
    reference_correct: int
    agreeing: int
    max_difference: float
    rms_difference: float
    seconds: float
    predictions_file: str
    predictions_sha256: str
    workers: int = 1
    kept_rows: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceAccuracy:
    """The device's own predictions on the first `rows` of the run's pairs, beside this host's.

    `agreeing`: rows with the same prediction. Differences of the logits, |device - host|, in logits. Raw
    predictions in `predictions_file`, in the form of Accuracy's.
    """

    recipe: str
    model: str = "mobilebert"
    rows: int
    correct: int
    host_correct: int
    agreeing: int
    max_difference: float
    rms_difference: float
    seconds: float
    predictions_file: str
    predictions_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRuns:
    """Accuracies, 0 to 1, of many runs of another model on the whole MNLI matched dev set."""

    name: str
    sha256: str
    accuracies: tuple[float, ...]
