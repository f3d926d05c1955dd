"""PyTorch over the checkpoint's own tensors: the weights as they are, and nothing that was made up."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from export import seeded
from export.architecture import MobileBertConfig
from export.checkpoint import Checkpoint
from export.parity import draw_sequences
from export.torch_runtime import open_torch, write_for_torch
from results.errors import CheckpointError
from results.record import Weights
from tests.export.conftest import LENGTH, SMALL
from tests.export.pytorch import pytorch_logits

pytest.importorskip("torch", reason="PyTorch is optional")

SMALL_BERT = MobileBertConfig(
    **{
        **dataclasses.asdict(seeded.MODELS["bert_base"]),
        **{"vocab_size": 1000, "hidden_size": 64, "embedding_size": 64, "num_hidden_layers": 2},
        **{"num_attention_heads": 4, "intermediate_size": 48, "max_position_embeddings": 64},
        "hidden_act": "relu",  # not what transformers assumes
    }
)


def checkpoint_of(config: MobileBertConfig) -> Checkpoint:
    return Checkpoint(
        config=config,
        tensors=seeded.seeded_tensors(config, 4),
        labels=("entailment", "neutral", "contradiction"),
        weights=Weights(kind="seeded", name="seeded:4", revision=None, sha256="0" * 64, trained=False),
        vocab_path=None,
        folder=None,
    )


@pytest.mark.parametrize(
    "config",
    [
        SMALL,
        dataclasses.replace(SMALL, classifier_activation=True),
        dataclasses.replace(SMALL, normalization_type="layer_norm", hidden_act="gelu"),
        SMALL_BERT,
    ],
    ids=["opt", "pooler", "without_opt", "bert"],
)
def test_weights_that_have_no_folder_run_as_they_are(config: MobileBertConfig, tmp_path: Path) -> None:
    """Every switch of the config must reach transformers, or another network runs under this name."""
    checkpoint = checkpoint_of(config)
    write_for_torch(checkpoint, tmp_path)
    model = open_torch(tmp_path)
    sequences = draw_sequences(config, LENGTH, 3)
    ours = np.stack([model.logits(s.ids, s.mask, s.types) for s in sequences])
    theirs = pytorch_logits(config, checkpoint.tensors, sequences)
    assert ours.dtype == np.float32
    assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("spoil", ["missing", "spare", "shape", "no config"])
def test_weights_that_do_not_fit_are_refused(spoil: str, tmp_path: Path) -> None:
    """transformers fills a missing tensor with random numbers, and says so in a warning only."""
    write_for_torch(checkpoint_of(SMALL), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    if spoil == "missing":
        del tensors["classifier.weight"]
    elif spoil == "spare":
        tensors["classifier.scale"] = tensors["classifier.bias"]
    elif spoil == "shape":
        tensors["classifier.bias"] = tensors["classifier.bias"][:2].copy()
    else:
        (tmp_path / "config.json").write_text(json.dumps({"hidden_size": 64}))
    save_file(tensors, tmp_path / "model.safetensors")
    with pytest.raises(CheckpointError, match="cannot open the weights in its own class") as caught:
        open_torch(tmp_path)
    assert caught.value.next_step == "Leave torch out of --runtime."
