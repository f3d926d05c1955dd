"""Channels and rows far larger than the others: what each recipe makes of them."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from export import artifact
from export.checkpoint import Checkpoint, open_checkpoint
from export.convert import convert
from export.graph import of
from export.network import from_tensors
from export.recipes import EQUALIZE, RECIPES
from export.runtime import open_runtime
from results.errors import ExportParityError
from tests.export.conftest import SMALL, random_tensors, write_checkpoint
from tests.export.outliers import with_outlier_channels
from tests.export.training import drawn_rows, untrained

LENGTH = 32
STATIC = ("static_int8", "static_int8_mixed")
_DECISIVE_SHARE = 0.2  # of the logit scale: what one label must be ahead by, for random weights to mean it


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """SMALL, with a few channels of every stream a thousand times as large."""
    tensors = with_outlier_channels(SMALL, random_tensors(SMALL), times=1e3)
    return untrained(open_checkpoint(str(write_checkpoint(tmp_path_factory.mktemp("loud") / "c", tensors))))


def logits(path: Path) -> np.ndarray:
    """Those of 400 rows that calibration has not seen, (rows, labels)."""
    rows = drawn_rows(SMALL, LENGTH, 400, skip=60)
    run = open_runtime(path, threads=1).logits
    return np.stack([run(*row) for row in zip(rows.ids, rows.mask, rows.types, strict=True)])


def agreement(reference: np.ndarray, other: np.ndarray) -> float:
    """Share of equal predictions among the rows where the reference is decided."""
    top = np.sort(reference, axis=1)
    decided = top[:, -1] - top[:, -2] > _DECISIVE_SHARE * np.abs(reference).max()
    assert decided.sum() > 100
    return float((reference.argmax(axis=1) == other.argmax(axis=1))[decided].mean())


def test_the_rewrite_keeps_the_function(loud: Checkpoint, checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Were it another network, its failures would say nothing of quantization."""
    kept, changed = (
        logits(artifact.build(each, "float32", (LENGTH,), tmp_path).model_path) for each in (checkpoint, loud)
    )
    assert np.abs(changed - kept).max() <= 1e-4 * np.abs(kept).max()


@pytest.mark.parametrize("name", [*STATIC, "dynamic_int8_equalized"])
def test_outlier_channels_break_naive_recipes_and_no_equalized_one(
    loud: Checkpoint, tmp_path: Path, name: str
) -> None:
    """One scale for a tensor or for a row: either way the large channels leave the small ones no steps."""
    rows = drawn_rows(SMALL, LENGTH, 60)
    reference = logits(artifact.build(loud, "float32", (LENGTH,), tmp_path).model_path)
    equalized = artifact.build(loud, name, (LENGTH,), tmp_path, rows)
    assert agreement(reference, logits(equalized.model_path)) >= 0.99
    naive = tuple(each for each in RECIPES[name].rewrites if each != EQUALIZE)
    with contextlib.suppress(ExportParityError):  # or it is off by the whole scale, and refused for that
        broken = artifact.build(loud, name, (LENGTH,), tmp_path, rows, rewrites=naive)
        assert agreement(reference, logits(broken.model_path)) < (0.6 if name in STATIC else 0.99)


def test_a_word_far_above_the_others_leaves_them_in_the_table(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """The converter gives the table one 8-bit scale, which a single large row would have to itself."""
    name = "mobilebert.embeddings.word_embeddings.weight"
    words = checkpoint.tensors[name].copy()
    words[SMALL.vocab_size - 1] *= 1e5
    rows = drawn_rows(dataclasses.replace(SMALL, vocab_size=SMALL.vocab_size - 1), LENGTH, 40)
    network = from_tensors(SMALL, {**checkpoint.tensors, name: words})
    found = []
    for recipe in ("float32", "dynamic_int8"):
        conversion = convert(of(network), RECIPES[recipe], (LENGTH,))
        (tmp_path / recipe).write_bytes(conversion.model)
        run = open_runtime(tmp_path / recipe, threads=1).logits
        found.append(np.stack([run(*row) for row in zip(rows.ids, rows.mask, rows.types, strict=True)]))
    assert np.abs(found[1] - found[0]).max() <= 0.05 * np.abs(found[0]).max()
