"""Weights in the other forms that they come in: in parts, in bfloat16, under old names, or not at all."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save_file

from export import weight_files
from export.checkpoint import open_checkpoint
from results.errors import CheckpointError
from tests.export.conftest import SMALL, CheckpointMaker, random_tensors

INDEX = "model.safetensors.index.json"
PARTS = ("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")


def split(folder: Path) -> dict[str, str]:
    """Write SMALL's random tensors in two parts with an index, in place of model.safetensors."""
    tensors = random_tensors(SMALL)
    where = {name: PARTS[number % 2] for number, name in enumerate(sorted(tensors))}
    for part in PARTS:
        save_file({name: tensors[name] for name in tensors if where[name] == part}, folder / part)
    (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": where}), encoding="utf-8")
    (folder / "model.safetensors").unlink()
    return where


def test_parts_are_read_as_one(make_checkpoint: CheckpointMaker) -> None:
    """transformers splits what is larger than the limit that its user gave."""
    folder = make_checkpoint()
    whole = open_checkpoint(str(folder))
    split(folder)
    parts = open_checkpoint(str(folder))
    assert all(np.array_equal(parts.tensors[name], tensor) for name, tensor in whole.tensors.items())
    first = parts.weights.sha256
    save_file({"lost": np.zeros(1, np.float32)}, folder / PARTS[1])
    assert weight_files.digest(weight_files.find(folder)) != first


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "part missing": (
        lambda folder: (folder / PARTS[1]).unlink(),
        f"{PARTS[1]} is not there, and {INDEX} names it",
    ),
    "part cut": (lambda folder: (folder / PARTS[1]).write_bytes(b"\0" * 50), f"{PARTS[1]} is damaged"),
    "index empty": (lambda folder: (folder / INDEX).write_text(""), f"{INDEX} is damaged"),
    "index of a list": (lambda folder: (folder / INDEX).write_text("[]"), f"{INDEX} is damaged"),
    "index of nothing": (lambda folder: (folder / INDEX).write_text('{"weight_map": {}}'), "is empty"),
    "index of lists": (
        lambda folder: (folder / INDEX).write_text('{"weight_map": {"a": []}}'),
        f"{INDEX} is damaged",
    ),
    "index leads elsewhere": (
        lambda folder: (folder / INDEX).write_text('{"weight_map": {"a": "../model.safetensors"}}'),
        "'../model.safetensors', which is no part of it",
    ),
    "tensor twice": (
        lambda folder: (folder / PARTS[1]).write_bytes((folder / PARTS[0]).read_bytes()),
        f"is in {PARTS[0]} and in {PARTS[1]}",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_parts_are_named(make_checkpoint: CheckpointMaker, damage: str) -> None:
    """Half a download of parts is a folder that looks whole at a glance."""
    folder = make_checkpoint()
    split(folder)
    spoil, words = DAMAGES[damage]
    spoil(folder)
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(str(folder))
    assert words in caught.value.what


def test_bfloat16_is_read_exactly(make_checkpoint: CheckpointMaker) -> None:
    """Every bfloat16 is a float32, so nothing may be lost."""
    tensors = {name: tensor.astype(ml_dtypes.bfloat16) for name, tensor in random_tensors(SMALL).items()}
    opened = open_checkpoint(str(make_checkpoint(tensors)))
    assert all(np.array_equal(opened.tensors[name], t.astype(np.float32)) for name, t in tensors.items())
    assert {tensor.dtype for tensor in opened.tensors.values()} == {np.dtype(np.float32)}
    # Here ml_dtypes is imported already; NumPy must be taught bfloat16 where it is not.
    code = "import sys; from export.checkpoint import open_checkpoint\n"
    code += "assert 'ml_dtypes' not in sys.modules; open_checkpoint(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(opened.folder)], check=True)


def test_float64_beyond_float32_is_refused(make_checkpoint: CheckpointMaker) -> None:
    """It would become infinite, without a warning from NumPy in between."""
    tensors: dict[str, np.ndarray] = dict(random_tensors(SMALL))
    tensors["classifier.weight"] = np.full((3, 64), 1e300)
    with pytest.raises(CheckpointError, match=r"classifier\.weight has values that are not finite"):
        open_checkpoint(str(make_checkpoint(tensors)))


def test_old_names_are_todays(make_checkpoint: CheckpointMaker) -> None:
    """Norms were gamma and beta in TensorFlow, and DataParallel puts "module." before every name."""
    tensors = random_tensors(SMALL)
    old = {
        "module." + name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("Norm.bias", "Norm.beta"): t
        for name, t in tensors.items()
    }
    assert not any(name.endswith("LayerNorm.weight") for name in old)
    opened = open_checkpoint(str(make_checkpoint(old)))
    assert opened.tensors.keys() == tensors.keys()
    assert all(np.array_equal(opened.tensors[name], tensors[name]) for name in tensors)


def test_a_norm_under_both_names_is_refused(make_checkpoint: CheckpointMaker) -> None:
    """Nobody can say which of the two was meant."""
    tensors = random_tensors(SMALL)
    norm = "mobilebert.embeddings.LayerNorm"
    tensors[f"{norm}.gamma"] = tensors[f"{norm}.weight"] * 2
    with pytest.raises(CheckpointError, match=rf"{norm}\.weight stands there under two names"):
        open_checkpoint(str(make_checkpoint(tensors)))


@pytest.mark.parametrize("name", ["tf_model.h5", "flax_model.msgpack", "adapter_model.safetensors", "a.onnx"])
def test_weights_of_other_programs_are_named(make_checkpoint: CheckpointMaker, name: str) -> None:
    """The folder is not empty; the message says which file is wanted instead."""
    folder = make_checkpoint()
    (folder / "model.safetensors").rename(folder / name)
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(str(folder))
    assert "model.safetensors is not there" in caught.value.what
    assert f"It holds {name}, which this project does not read" in caught.value.what
    assert "save_pretrained" in caught.value.next_step


@pytest.mark.parametrize(
    ("names", "fetched"),
    [
        (["model.safetensors", "pytorch_model.bin", INDEX], ("model.safetensors",)),
        (["pytorch_model.bin", INDEX, *PARTS], (INDEX, *PARTS)),
        (["pytorch_model.bin", "a.bin"], ("pytorch_model.bin",)),
        (
            ["pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin", *PARTS],
            ("pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin"),
        ),
    ],
)
def test_one_form_is_chosen(names: list[str], fetched: tuple[str, ...]) -> None:
    """A repository with several forms must not be downloaded several times over."""
    chosen = weight_files.choose(names)
    assert chosen is not None
    assert weight_files.with_parts(chosen, names) == fetched
