"""A trained network with channels far above the others: which recipes still predict as float32 does.

A stand-in for the released checkpoint, whose activations reach 1e7, without needing it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.numpy import load_file, save_file

from export.checkpoint import open_checkpoint
from export.recipes import EQUALIZE, RECIPES
from tests.benchmark.outliers import STATIC, Call, agreements, percent
from tests.export.outliers import with_outlier_channels

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def loud(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained checkpoint with a few channels of every stream a thousand times as large."""
    folder = tmp_path_factory.mktemp("loud") / "checkpoint"
    shutil.copytree(trained, folder)
    config = open_checkpoint(str(trained)).config
    tensors = load_file(folder / "model.safetensors")
    save_file(with_outlier_channels(config, tensors, times=1e3), folder / "model.safetensors")
    return folder


def test_equalized_recipes_predict_as_float32_does(calibrated: Call, loud: Path) -> None:
    """Channels a thousand times as large, by a rewrite that changes no logit: equalizing takes them back."""
    found = agreements(calibrated, loud, *STATIC, "dynamic_int8_equalized")
    assert found.keys() == {*STATIC, "dynamic_int8_equalized"}
    assert min(found.values()) >= 0.99, found


@pytest.mark.parametrize("recipe", STATIC)
def test_naive_static_recipes_collapse_and_are_refused(
    calibrated: Call, loud: Path, capsys: pytest.CaptureFixture[str], recipe: str
) -> None:
    """Without equalizing, one scale a tensor leaves nothing of the ordinary channels: chance, and no file."""
    naive = ",".join(name for name in RECIPES[recipe].rewrites if name != EQUALIZE)
    assert calibrated("export", loud, "--recipe", recipe, "--rewrites", naive) == 4
    error = capsys.readouterr().err
    assert "error: export-parity" in error
    assert percent(error) < 60
