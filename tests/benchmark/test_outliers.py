"""Trained networks with values far above the others: which recipes still predict as float32 does.

Stand-ins for the released checkpoint, whose activations reach 1e7 at [CLS], without needing it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from benchmark.cli import call
from examples.rule_task import make_pairs
from export.checkpoint import open_checkpoint
from export.recipes import EQUALIZE, RECIPES
from tests.export.outliers import with_outlier_channels

pytestmark = pytest.mark.slow

STATIC = ("static_int8", "static_int8_mixed")
SLICE = "1200"
Call = Callable[..., int]


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pairs of the training set of seed 0: none is held out."""
    made = make_pairs(200, seed=1, without=frozenset(make_pairs(3000, seed=0)))
    rows = (f"{n}\t{pair.premise}\t{pair.hypothesis}\t{pair.label}\n" for n, pair in enumerate(made))
    path = tmp_path_factory.mktemp("training") / "training.tsv"
    path.write_text("index\tsentence1\tsentence2\tgold_label\n" + "".join(rows), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def loud(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained checkpoint with a few channels of every stream a thousand times as large."""
    folder = tmp_path_factory.mktemp("loud") / "checkpoint"
    shutil.copytree(trained, folder)
    config = open_checkpoint(str(trained)).config
    tensors = load_file(folder / "model.safetensors")
    save_file(with_outlier_channels(config, tensors, times=1e3), folder / "model.safetensors")
    return folder


@pytest.fixture
def command(training: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    """A command on a checkpoint's folder, calibrated with training pairs, for sequences of 24 tokens."""
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(cache))
    monkeypatch.chdir(tmp_path)

    def run(name: str, checkpoint: Path, *options: str) -> int:
        shape = ("--lengths", "24", "--length", "24", "--calibration", str(training))
        return call([name, "--checkpoint", str(checkpoint), *shape, *options])

    return run


def agreements(command: Call, checkpoint: Path, *recipes: str) -> dict[str, float]:
    """Each recipe's share of float32's predictions on held-out pairs, and float32's own accuracy."""
    pairs = ("--pairs", str(checkpoint / "pairs.tsv"), "--slice", SLICE)
    assert command("accuracy", checkpoint, *pairs, "--recipe", ",".join(recipes)) == 0
    verdict = json.loads(Path("runs/0001/verdict.json").read_text())
    record = json.loads(Path("runs/0001/record.json").read_text())
    exact = next(one for one in record["accuracies"] if one["recipe"] == "float32")
    assert exact["correct"] / exact["rows"] >= 0.9
    return {one["recipe"]: one["agreement"] for one in verdict["floors"] if one["recipe"] != "float32"}


def test_equalized_recipes_predict_as_float32_does(command: Call, loud: Path) -> None:
    """Channels a thousand times as large, by a rewrite that changes no logit: equalizing takes them back."""
    found = agreements(command, loud, *STATIC, "dynamic_int8_equalized")
    assert found.keys() == {*STATIC, "dynamic_int8_equalized"}
    assert min(found.values()) >= 0.99, found


@pytest.mark.parametrize("recipe", STATIC)
def test_naive_static_recipes_collapse_and_are_refused(
    command: Call, loud: Path, capsys: pytest.CaptureFixture[str], recipe: str
) -> None:
    """Without equalizing, one scale a tensor leaves nothing of the ordinary channels: chance, and no file."""
    naive = ",".join(name for name in RECIPES[recipe].rewrites if name != EQUALIZE)
    assert command("export", loud, "--recipe", recipe, "--rewrites", naive) == 4
    error = capsys.readouterr().err
    assert "error: export-parity" in error
    assert _percent(error) < 60


def test_recipes_with_a_scale_per_row_hold_an_outlier_row(command: Call, trained_with_outlier: Path) -> None:
    """[CLS] far more than ten thousand times the others: each row has a scale, and each word in the table."""
    words = load_file(trained_with_outlier / "model.safetensors")[
        "mobilebert.embeddings.word_embeddings.weight"
    ]
    largest = np.abs(words).max(axis=1)
    assert largest[2] >= 1e5 * np.median(largest)
    assert (np.abs(words[2]) >= 1e4 * np.abs(words[3:]).mean(axis=0)).mean() > 0.75
    found = agreements(command, trained_with_outlier, "dynamic_int8")
    assert found["dynamic_int8"] >= 0.99


@pytest.mark.parametrize("recipe", STATIC)
def test_static_recipes_are_refused_for_an_outlier_row(
    command: Call, trained_with_outlier: Path, capsys: pytest.CaptureFixture[str], recipe: str
) -> None:
    """No scale of channels helps against a row: reported as unsafe, with the numbers, and not exported."""
    assert command("export", trained_with_outlier, "--recipe", recipe) == 4
    error = capsys.readouterr().err
    assert "error: export-parity" in error
    assert "Unsafe for static 8-bit activations" in error
    assert _percent(error) < 90


def _percent(error: str) -> float:
    """How many of the calibration pairs it says were predicted alike."""
    return float(error.split("predicts as float32 does on ")[1].split("%")[0])
