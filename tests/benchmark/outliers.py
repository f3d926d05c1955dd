"""What the tests of outliers share: recipes, and how a recipe's predictions compare with float32's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

STATIC = ("static_int8", "static_int8_mixed")
SLICE = "1200"
Call = Callable[..., int]


def agreements(command: Call, checkpoint: Path, *recipes: str) -> dict[str, float]:
    """Each recipe's share of float32's predictions on held-out pairs, and float32's own accuracy."""
    pairs = ("--pairs", str(checkpoint / "pairs.tsv"), "--slice", SLICE)
    assert command("accuracy", checkpoint, *pairs, "--recipe", ",".join(recipes)) == 0
    verdict = json.loads(Path("runs/0001/verdict.json").read_text())
    record = json.loads(Path("runs/0001/record.json").read_text())
    exact = next(one for one in record["accuracies"] if one["recipe"] == "float32")
    assert exact["correct"] / exact["rows"] >= 0.9
    return {one["recipe"]: one["agreement"] for one in verdict["floors"] if one["recipe"] != "float32"}


def percent(error: str) -> float:
    """How many of the calibration pairs it says were predicted alike."""
    return float(error.split("predicts as float32 does on ")[1].split("%")[0])
