"""PyTorch's own file of weights: read as tensors, refused as anything else, and never executed."""

from __future__ import annotations

import dataclasses
import json
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from export.checkpoint import open_checkpoint
from results.errors import CheckpointError
from tests.export.conftest import SMALL, CheckpointMaker, random_tensors, small_settings

BIN = "pytorch_model.bin"
Torch = Any  # the module


@pytest.fixture
def torch() -> Torch:
    return pytest.importorskip("torch", reason="these files are PyTorch's own")


@pytest.fixture
def folder(make_checkpoint: CheckpointMaker) -> Path:
    """SMALL's config, and no weights yet."""
    made = make_checkpoint()
    (made / "model.safetensors").unlink()
    return made


def _tensors(torch: Torch) -> dict[str, Any]:
    return {name: torch.from_numpy(tensor) for name, tensor in random_tensors(SMALL).items()}


@pytest.mark.parametrize("zipped", [True, False])
def test_tensors_arrive_whole(torch: Torch, folder: Path, zipped: bool) -> None:
    """The form of today and that of before 2020, both of which the hub has."""
    tensors = _tensors(torch) | {"mobilebert.embeddings.position_ids": torch.arange(64)[None]}
    torch.save(tensors, folder / BIN, _use_new_zipfile_serialization=zipped)
    opened = open_checkpoint(str(folder))
    (folder / BIN).write_bytes(b"")  # what was read must not hang on the file
    written = random_tensors(SMALL)
    assert opened.tensors.keys() == written.keys()
    assert all(np.array_equal(opened.tensors[name], written[name]) for name in written)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_other_precisions_arrive_exactly(torch: Torch, folder: Path, dtype: str) -> None:
    """Each of these fits into float32 as it was saved."""
    tensors = {name: tensor.to(getattr(torch, dtype)) for name, tensor in _tensors(torch).items()}
    torch.save(tensors, folder / BIN)
    opened = open_checkpoint(str(folder))
    assert all(np.array_equal(opened.tensors[n], t.to(torch.float32).numpy()) for n, t in tensors.items())


def test_views_and_parameters_are_tensors(torch: Torch, folder: Path) -> None:
    """A transposed weight lies in memory the other way round; a Parameter keeps its gradient."""
    tensors = _tensors(torch)
    tensors["classifier.weight"] = tensors["classifier.weight"].T.contiguous().T
    tensors["classifier.bias"] = torch.nn.Parameter(tensors["classifier.bias"])
    torch.save(tensors, folder / BIN)
    opened = open_checkpoint(str(folder)).tensors
    written = random_tensors(SMALL)
    assert all(np.array_equal(opened[name], written[name]) for name in written)


def test_five_labels_under_old_names_compute_what_pytorch_does(torch: Torch, folder: Path) -> None:
    """The whole way: transformers' class with a tanh pooler and five labels, saved as it was years ago."""
    transformers = pytest.importorskip("transformers", reason="its class is the reference")
    from export import graph

    names = {str(index): f"t{index}" for index in range(5)}
    settings = small_settings(classifier_activation=True, id2label=names)
    (folder / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    theirs = transformers.MobileBertForSequenceClassification(
        transformers.MobileBertConfig(**settings)
    ).eval()
    made = random_tensors(dataclasses.replace(SMALL, classifier_activation=True, labels=5))
    theirs.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in made.items()})
    old = {name.replace("LayerNorm.weight", "LayerNorm.gamma"): t for name, t in theirs.state_dict().items()}
    torch.save(
        {f"module.{name}".replace("Norm.bias", "Norm.beta"): t for name, t in old.items()}, folder / BIN
    )
    opened = open_checkpoint(str(folder))
    ids, mask, types = (np.zeros(32, np.int32) for _ in range(3))
    ids[:20], mask[:20], types[9:20] = np.arange(100, 120), 1, 1
    ours = graph.build(opened.config, opened.tensors).runner(32)(ids, mask, types)
    with torch.no_grad():
        logits = theirs(*(torch.from_numpy(x[None].astype(np.int64)) for x in (ids, mask, types))).logits
    assert opened.labels == tuple(names.values())
    np.testing.assert_allclose(ours, logits.numpy()[0], rtol=0, atol=1e-4 * float(logits.abs().max()))


def test_parts_are_read_as_one(torch: Torch, folder: Path) -> None:
    """Parts have an index here, too."""
    tensors, names = _tensors(torch), ("pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin")
    where = {name: names[number % 2] for number, name in enumerate(tensors)}
    for part in names:
        torch.save({name: t for name, t in tensors.items() if where[name] == part}, folder / part)
    (folder / f"{BIN}.index.json").write_text(json.dumps({"weight_map": where}), encoding="utf-8")
    assert open_checkpoint(str(folder)).tensors.keys() == tensors.keys()


def test_safetensors_come_first(torch: Torch, folder: Path, make_checkpoint: CheckpointMaker) -> None:
    """Where both are there, the file that cannot hold code is read."""
    torch.save({}, folder / BIN)
    make_checkpoint()
    assert open_checkpoint(str(folder)).config == SMALL


class Touch:
    """Creates a file, if it is ever unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("how", ["torch.save", "pickle"])
def test_code_is_refused_and_not_run(torch: Torch, folder: Path, tmp_path: Path, how: str) -> None:
    """A pickle may call anything; the weights of a stranger must not."""
    trap = {"classifier.weight": Touch(tmp_path / "ran")}
    if how == "pickle":
        (folder / BIN).write_bytes(pickle.dumps(trap, protocol=2))
    else:
        torch.save(trap, folder / BIN)
    with pytest.raises(CheckpointError, match=r"holds more than tensors: it asks for .*open\. Nothing in it"):
        open_checkpoint(str(folder))
    assert not (tmp_path / "ran").exists()


CONTENTS: dict[str, tuple[Callable[[Any], object], str]] = {
    "module": (lambda torch: torch.nn.Linear(2, 2), "asks for torch.nn.modules.linear.Linear"),
    "array": (lambda _: {"classifier.weight": np.ones(3)}, "asks for numpy"),
    "training state": (lambda torch: {"state_dict": {"a": torch.ones(1)}}, "a dict under 'state_dict'"),
    "a list": (lambda torch: [torch.ones(1)], "holds a list, instead of tensors by name"),
    "numbered": (lambda torch: {3: torch.ones(1)}, "a Tensor under 3"),
    "nothing": (lambda _: {}, "holds nothing, instead of tensors by name"),
    "sparse": (lambda torch: {"classifier.bias": torch.ones(3).to_sparse()}, "has the type torch.sparse_coo"),
    "integers": (lambda torch: {"classifier.bias": torch.ones(3, dtype=torch.int8)}, "has the type int8"),
}


@pytest.mark.parametrize("case", CONTENTS)
def test_other_contents_are_named(torch: Torch, folder: Path, case: str) -> None:
    """People save whole modules and training states under this name, too."""
    make, words = CONTENTS[case]
    content = make(torch)
    if isinstance(content, dict) and "classifier.bias" in content:
        content = _tensors(torch) | content
    torch.save(content, folder / BIN)
    with pytest.raises(CheckpointError) as caught:
        open_checkpoint(str(folder))
    assert words in caught.value.what


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9, 0.999])
def test_cut_files_are_damaged(torch: Torch, folder: Path, share: float, zipped: bool) -> None:
    """Interrupted downloads, wherever they stop."""
    torch.save(_tensors(torch), folder / BIN, _use_new_zipfile_serialization=zipped)
    content = (folder / BIN).read_bytes()
    (folder / BIN).write_bytes(content[: int(share * len(content))])
    with pytest.raises(CheckpointError, match=rf"{BIN} is damaged"):
        open_checkpoint(str(folder))


@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", b"\xff" * 100, None])
def test_what_is_no_pickle_is_damaged(torch: Torch, folder: Path, content: bytes | None) -> None:
    """A pointer of git-lfs, noise, and a folder of that name."""
    (folder / BIN).mkdir() if content is None else (folder / BIN).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"{BIN} is damaged"):
        open_checkpoint(str(folder))


def test_without_torch_the_error_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch is no run-time need; whoever has only this file learns both ways out."""
    (folder / BIN).write_bytes(b"never read")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(CheckpointError, match=r"PyTorch only, which cannot be imported here") as caught:
        open_checkpoint(str(folder))
    assert 'pip install "torch>=2.6"' in caught.value.next_step
    assert "model.safetensors" in caught.value.next_step


def test_a_torch_that_runs_code_is_refused(
    torch: Torch,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before 2.6, weights_only could be led to run code (CVE-2025-32434)."""
    torch.save(_tensors(torch), folder / BIN)
    monkeypatch.setattr(torch, "__version__", torch.torch_version.TorchVersion("2.5.1+cpu"))
    with pytest.raises(CheckpointError, match=r"not read with PyTorch 2\.5\.1"):
        open_checkpoint(str(folder))
