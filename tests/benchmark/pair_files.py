"""Small files laid out as the public sets of sentence pairs are; the sentences are this project's own.

Sources of the layouts: the README of SNLI 1.0 and of MultiNLI 1.0 (their .txt and .jsonl), GLUE's
dev_matched.tsv, the README of HANS (https://github.com/tommccoy1/hans), the dataset cards of glue, multi_nli,
snli and hans on the hub.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

THREE = ("entailment", "neutral", "contradiction")
TWO = ("entailment", "non-entailment")

Pair = tuple[str, str, str]
PAIRS: tuple[Pair, ...] = (
    ('The baker said "open', "The shop is open.", "neutral"),
    ("Rain fell, and fell.", "It was wet.", "entailment"),
    ("The train is late.", "The train is early.", "contradiction"),
    ("Nobody agreed on this.", "Somebody did.", "-"),
)
HANS_PAIRS: tuple[Pair, ...] = (
    ("The baker near the pilot slept .", "The pilot slept .", "non-entailment"),
    ("The baker and the pilot slept .", "The pilot slept .", "entailment"),
)
_PARSES = ("sentence1_binary_parse", "sentence2_binary_parse", "sentence1_parse", "sentence2_parse")
_VOTES = ("label1", "label2", "label3", "label4", "label5")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`columns` in the set's order; those of a pair are found by name, the others hold what `fill` says."""

    columns: tuple[str, ...]
    fill: dict[str, Any]


LAYOUTS: dict[str, Layout] = {
    "four-columns": Layout(columns=("index", "sentence1", "sentence2", "gold_label"), fill={}),
    "glue": Layout(
        columns=(
            *("index", "promptID", "pairID", "genre", *_PARSES, "sentence1", "sentence2"),
            *(*_VOTES, "gold_label"),
        ),
        fill={"genre": "fiction", "promptID": "63735"},
    ),
    "multinli": Layout(
        columns=(
            *("gold_label", *_PARSES, "sentence1", "sentence2", "promptID", "pairID", "genre"),
            *_VOTES,
        ),
        fill={"genre": "fiction", "promptID": "63735"},
    ),
    "snli": Layout(
        columns=("gold_label", *_PARSES, "sentence1", "sentence2", "captionID", "pairID", *_VOTES),
        fill={"captionID": "1234.jpg#1"},
    ),
    "hans": Layout(
        columns=(
            *("gold_label", *_PARSES, "sentence1", "sentence2", "pairID"),
            *("heuristic", "subcase", "template"),
        ),
        fill={"heuristic": "subsequence", "subcase": "sn_PP_on_subject", "template": "temp1"},
    ),
}


def rows(name: str, pairs: tuple[Pair, ...]) -> list[dict[str, Any]]:
    layout = LAYOUTS[name]
    made = []
    for number, (premise, hypothesis, label) in enumerate(pairs):
        own = {"index": str(number), "pairID": f"ex{number}", "gold_label": label}
        own |= {"sentence1": premise, "sentence2": hypothesis} | layout.fill
        made.append({column: own.get(column, "neutral") for column in layout.columns})
    return made


def tsv(name: str, pairs: tuple[Pair, ...] = PAIRS) -> str:
    columns = LAYOUTS[name].columns
    lines = [columns, *(tuple(row.values()) for row in rows(name, pairs))]
    return "".join("\t".join(line) + "\n" for line in lines)


def comma(name: str, pairs: tuple[Pair, ...] = PAIRS) -> str:
    made = io.StringIO()
    writer = csv.DictWriter(made, LAYOUTS[name].columns)
    writer.writeheader()
    writer.writerows(rows(name, pairs))
    return made.getvalue()


def json_lines(name: str, pairs: tuple[Pair, ...] = PAIRS) -> str:
    made = []
    for row in rows(name, pairs):
        kept = {key: value for key, value in row.items() if key not in _VOTES}
        made.append(json.dumps({"annotator_labels": ["neutral"], **kept}) + "\n")
    return "".join(made)


def parquet(
    path: Path,
    pairs: tuple[Pair, ...] = PAIRS,
    *,
    names: tuple[str, ...] | None = THREE,
    more: dict[str, list[Any]] | None = None,
) -> Path:
    """As the hub has it: labels as numbers of `names`, which the schema holds; -1 where there is none."""
    order = names or THREE
    numbers = [order.index(label) if label in order else -1 for *_, label in pairs]
    table = pa.table(
        {
            "premise": [premise for premise, *_ in pairs],
            "hypothesis": [hypothesis for _, hypothesis, _ in pairs],
            "label": pa.array(numbers, pa.int64()),
            **(more or {}),
        }
    )
    if names is not None:
        info = {"info": {"features": {"label": {"names": list(names), "_type": "ClassLabel"}}}}
        table = table.replace_schema_metadata({"huggingface": json.dumps(info)})
    pq.write_table(table, path)
    return path
