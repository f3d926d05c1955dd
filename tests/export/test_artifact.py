"""Conversion, cache and interpreters together, on a network that converts in two seconds."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export import artifact, convert, graph
from export.artifact import ArtifactFiles
from export.checkpoint import Checkpoint
from export.parity import draw_sequences
from export.recipes import RECIPES
from export.runtime import Interpreter, open_runtime
from results.errors import ConfigError, ConversionError, ExportParityError, RecordDamaged
from tests.export.conftest import LENGTH, SMALL, random_tensors


def logits_of(interpreter: Interpreter) -> np.ndarray:
    return np.stack(
        [interpreter.logits(s.ids, s.mask, s.types) for s in draw_sequences(SMALL, interpreter.length, 6)]
    )


@pytest.fixture(scope="module")
def float_logits(checkpoint: Checkpoint) -> np.ndarray:
    run = graph.build(checkpoint.config, checkpoint.tensors).runner(LENGTH)
    return np.stack([run(s.ids, s.mask, s.types) for s in draw_sequences(SMALL, LENGTH, 6)])


@pytest.mark.parametrize(("recipe", "share"), [("float32", 1e-4), ("dynamic_int8", 0.1)])
def test_a_converted_file_computes_what_its_graph_does(
    artifacts: dict[str, ArtifactFiles], float_logits: np.ndarray, recipe: str, share: float
) -> None:
    """The file that the device gets is the thing measured; inputs in another order would be far off."""
    converted = logits_of(open_runtime(artifacts[recipe].model_path, threads=1, recipe=recipe))
    error = np.abs(converted - float_logits).max() / np.abs(float_logits).max()
    assert 0 < error <= share


def test_model_json_tells_what_was_done(artifacts: dict[str, ArtifactFiles], checkpoint: Checkpoint) -> None:
    """Everything downstream takes sizes, names, labels and provenance from here."""
    described = artifacts["dynamic_int8"].artifact
    assert described.labels == ("contradiction", "entailment", "neutral")
    assert described.weights == checkpoint.weights
    assert [(s.key, s.length) for s in described.signatures] == [(f"s{LENGTH}", LENGTH)]
    assert described.model_bytes == artifacts["dynamic_int8"].model_path.stat().st_size
    assert described.parity.rows == 16
    assert 0 < described.parity.max_abs_error < described.parity.tolerance
    assert described.conversion.cpu_s > 0
    assert described.conversion.peak_rss_bytes > 10**8
    assert described.versions.keys() == {
        *("python", "tensorflow", "ai-edge-litert", "ai-edge-quantizer", "numpy")
    }
    assert described.precision == "dynamic_int8"
    assert artifacts["float32"].artifact.model_bytes > 2 * described.model_bytes


def test_the_second_run_converts_nothing(
    artifacts: dict[str, ArtifactFiles], checkpoint: Checkpoint, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A conversion costs 15 s; the same question must find the same file."""
    monkeypatch.setattr(convert, "convert", lambda *_: pytest.fail("converted again"))
    again = artifact.build(checkpoint, "float32", [LENGTH], cache)
    assert artifacts["float32"].converted
    assert not again.converted
    assert (again.folder, again.artifact) == (artifacts["float32"].folder, artifacts["float32"].artifact)


def test_other_weights_are_another_artifact(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """A cache keyed by name alone would measure yesterday's weights; here one number differs."""
    import dataclasses

    other = dataclasses.replace(checkpoint, weights=dataclasses.replace(checkpoint.weights, sha256="0" * 64))
    keys = {
        artifact._key(which, RECIPES[recipe], lengths)
        for which in (checkpoint, other)
        for recipe in RECIPES
        for lengths in ((LENGTH,), (16, LENGTH))
    }
    assert len(keys) == 4 * len(RECIPES)


@pytest.mark.parametrize("name", [artifact.MODEL, artifact.DESCRIPTION])
@pytest.mark.parametrize("damage", ["absent", "empty", "truncated", "one byte"])
def test_a_damaged_artifact_is_noticed_on_loading(
    artifacts: dict[str, ArtifactFiles], tmp_path: Path, name: str, damage: str
) -> None:
    """One flipped bit in 26 MB is another network."""
    for path in artifacts["float32"].folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    path = tmp_path / name
    content = bytearray(path.read_bytes())
    if damage == "absent":
        path.unlink()
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "truncated":
        path.write_bytes(content[:-100])
    else:
        # In model.json: a digit of the hash, which is the only one of its bytes that nothing else confirms.
        at = content.index(b'"model_sha256": "') + 17 if name == artifact.DESCRIPTION else len(content) // 2
        content[at] = ord("0") if content[at] != ord("0") else ord("1")
        path.write_bytes(content)
    with pytest.raises(RecordDamaged) as caught:
        artifact.load(tmp_path)
    assert str(tmp_path) in caught.value.what


def test_a_damaged_cache_entry_is_made_again(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """A cache is allowed to rot; nobody should have to know where it lies, and nothing else is left there."""
    first = artifact.build(checkpoint, "float32", (8,), tmp_path)
    first.model_path.write_bytes(first.model_path.read_bytes()[:1000])
    again = artifact.build(checkpoint, "float32", (8,), tmp_path)
    assert again.converted
    assert artifact.load(again.folder).artifact == again.artifact
    assert [path.name for path in tmp_path.iterdir()] == [again.folder.name]


def test_a_failed_parity_leaves_no_artifact(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that computes something else must never be found by the next run."""
    good = convert.convert
    wrong = graph.build(SMALL, random_tensors(SMALL, seed=9))
    monkeypatch.setattr(convert, "convert", lambda _, *how: good(wrong, *how))
    with pytest.raises(ExportParityError):
        artifact.build(checkpoint, "float32", (8,), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_clear_error(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """A file where a folder should be stands for a full or read-only disk."""
    (tmp_path / "file").write_text("")
    with pytest.raises(ConversionError, match="cannot be written") as caught:
        artifact.build(checkpoint, "float32", (8,), tmp_path / "file" / "cache")
    assert "MOBILEBERT_BENCH_CACHE" in caught.value.next_step


def test_lengths_share_one_file(checkpoint: Checkpoint, tmp_path: Path) -> None:
    """Three lengths cost their operators, not three times the weights; each gives its own length's logits."""
    one = artifact.build(checkpoint, "dynamic_int8", (LENGTH,), tmp_path)
    three = artifact.build(checkpoint, "dynamic_int8", (LENGTH, 8, 16), tmp_path)
    assert [s.key for s in three.artifact.signatures] == ["s8", "s16", "s32"]
    weights = 100_000
    assert three.artifact.model_bytes < one.artifact.model_bytes + 2 * weights
    with pytest.raises(ConfigError, match="s16, s32, s8"):
        open_runtime(three.model_path, threads=1)
    assert open_runtime(three.model_path, threads=1, signature="s16").length == 16
    same = open_runtime(three.model_path, threads=1, signature="s32")
    assert np.array_equal(logits_of(same), logits_of(open_runtime(one.model_path, threads=1)))


def test_the_cache_follows_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CI and people with a small home directory move it."""
    monkeypatch.setenv("MOBILEBERT_BENCH_CACHE", str(tmp_path))
    assert artifact.default_cache() == tmp_path / "artifacts"
    monkeypatch.delenv("MOBILEBERT_BENCH_CACHE")
    assert artifact.default_cache() == Path.home() / ".cache" / "mobilebert-bench" / "artifacts"
