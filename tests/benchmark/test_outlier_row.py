"""A trained network whose [CLS] stands far above every other word, as the released checkpoint's does.

No device program has a part in it, so that it runs beside the tests that start one (tests/halves.py).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.benchmark.outliers import STATIC, Call, agreements, percent

pytestmark = pytest.mark.slow


def test_recipes_with_a_scale_per_row_hold_an_outlier_row(
    calibrated: Call, trained_with_outlier: Path
) -> None:
    """[CLS] far more than ten thousand times the others: each row has a scale, and each word in the table."""
    words = load_file(trained_with_outlier / "model.safetensors")[
        "mobilebert.embeddings.word_embeddings.weight"
    ]
    largest = np.abs(words).max(axis=1)
    assert largest[2] >= 1e5 * np.median(largest)
    assert (np.abs(words[2]) >= 1e4 * np.abs(words[3:]).mean(axis=0)).mean() > 0.75
    found = agreements(calibrated, trained_with_outlier, "dynamic_int8")
    assert found["dynamic_int8"] >= 0.99


@pytest.mark.parametrize("recipe", STATIC)
def test_static_recipes_are_refused_for_an_outlier_row(
    calibrated: Call, trained_with_outlier: Path, capsys: pytest.CaptureFixture[str], recipe: str
) -> None:
    """No scale of channels helps against a row: reported as unsafe, with the numbers, and not exported."""
    assert calibrated("export", trained_with_outlier, "--recipe", recipe) == 4
    error = capsys.readouterr().err
    assert "error: export-parity" in error
    assert "Unsafe for static 8-bit activations" in error
    assert percent(error) < 90
