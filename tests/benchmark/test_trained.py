"""A checkpoint that knows its task goes through the whole job: what it learned must come out again."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmark.cli import call
from tests.benchmark.small import QUICK

pytestmark = pytest.mark.slow

_TOLERANCE_SHARE = 1e-4  # of the logit scale, as for every float32 comparison


@pytest.fixture(scope="module")
def run_folder(trained: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole job on the trained checkpoint and its held-out pairs."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOBILEBERT_BENCH_CACHE", str(cache))
        recipes = ("--recipe", "dynamic_int8,float32,dynamic_int8_per_tensor")
        pairs = ("--pairs", str(trained / "pairs.tsv"))
        where = ("--device", "host", "--threads", "1", "--output", str(folder))
        assert call(["run", "--checkpoint", str(trained), *pairs, *recipes, *where, *QUICK]) == 0
    return folder / "0001"


def _rows(run_folder: Path, recipe: str) -> tuple[list[str], NDArray[np.float64]]:
    """Predicted labels and logits, in the file's label order."""
    with (run_folder / f"predictions-{recipe}.csv").open() as file:
        rows = list(csv.DictReader(file))
    labels = [name for name in rows[0] if name not in ("row", "label", "predicted", "tokens")]
    return [row["predicted"] for row in rows], np.array(
        [[float(row[name]) for name in labels] for row in rows]
    )


def test_what_was_learned_survives(run_folder: Path) -> None:
    """At least 90 % in float32 and in int8, with labels in another order than GLUE's."""
    record = json.loads((run_folder / "record.json").read_text())
    assert record["artifacts"][0]["labels"] == ["contradiction", "entailment", "neutral"]
    assert [parity["status"] for parity in record["parities"]] == ["passed"] * 3
    for one in record["accuracies"]:
        assert one["correct"] / one["rows"] >= 0.9, one["recipe"]
        assert one["rows"] == 3000


def test_float32_predicts_as_pytorch_does(run_folder: Path, trained: Path) -> None:
    """Every row whose two largest logits are further apart than the tolerance; the others are few."""
    import torch
    from transformers import MobileBertForSequenceClassification

    from benchmark.pairs.read import read_pairs
    from benchmark.tokenize import open_tokenizer, tokenize

    model = MobileBertForSequenceClassification.from_pretrained(trained).eval()
    size = model.config.vocab_size
    table = read_pairs(trained / "pairs.tsv", origin="test")
    tokenizer = open_tokenizer(trained / "vocab.txt", model_size=size, exact=True)
    texts = list(zip(table.frame["premise"], table.frame["hypothesis"], strict=True))
    rows = table.frame["row"].to_numpy(dtype=np.int32)
    tokens = tokenize(tokenizer, texts, length=128)
    sequences = tokens.padded(rows, tokenizer, length=128, model_size=size)
    fed = {
        name: torch.from_numpy(getattr(sequences, name).astype(np.int64))
        for name in ("input_ids", "attention_mask", "token_type_ids")
    }
    with torch.no_grad():
        parts = [model(**{k: v[i : i + 250] for k, v in fed.items()}).logits for i in range(0, 3000, 250)]
    wanted = torch.cat(parts).numpy()
    predicted, logits = _rows(run_folder, "float32")
    tolerance = _TOLERANCE_SHARE * np.abs(wanted).max()
    assert np.abs(logits - wanted).max() <= tolerance
    top = np.sort(wanted, axis=1)
    close = np.flatnonzero(top[:, -1] - top[:, -2] <= tolerance)
    labels = [model.config.id2label[i].lower() for i in wanted.argmax(axis=1)]
    turned = [row for row in range(3000) if predicted[row] != labels[row] and row not in close]
    assert turned == []
    assert len(close) < 0.005 * 3000, f"rows with a margin below {tolerance:.2g}: {close.tolist()}"


def test_int8_is_reported_beside_float32(run_folder: Path) -> None:
    """Accuracy, flips and agreement of the quantized file stand in verdict and report."""
    verdict = json.loads((run_folder / "verdict.json").read_text())
    floor = next(one for one in verdict["floors"] if one["recipe"] == "dynamic_int8")
    assert floor["agreement"] >= 0.98
    assert floor["status"] == "met"
    int8, float32 = (_rows(run_folder, recipe)[0] for recipe in ("dynamic_int8", "float32"))
    flips = sum(a != b for a, b in zip(int8, float32, strict=True))
    assert flips == round((1 - floor["agreement"]) * 3000)
    assert "McNemar" in (run_folder / "report.txt").read_text()
