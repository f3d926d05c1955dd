"""The other rows of the paper's Table 4, through the same builder: their counts, and their logits."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from export import architecture, graph, rewrite, seeded
from export.checkpoint import open_seeded
from export.network import from_tensors
from export.parity import draw_sequences
from export.recipes import RECIPES
from tests.export.conftest import random_tensors
from tests.export.pytorch import pytorch_logits, pytorch_model

MODELS = tuple(seeded.MODELS)
_NARROW = {
    "vocab_size": 300,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}


def small(model: str) -> architecture.MobileBertConfig:
    """One of the models with a few narrow layers."""
    config = seeded.MODELS[model]
    narrow = {"hidden_size": 64, "intra_bottleneck_size": 32, "embedding_size": 24}
    if model == "bert_base":
        narrow["embedding_size"] = 64
    return dataclasses.replace(config, **_NARROW, **narrow)


@pytest.mark.parametrize("model", MODELS)
def test_parameters_are_transformers_own(model: str) -> None:
    """A tensor too many or too few would be another network than the one that the paper timed."""
    torch = pytest.importorskip("torch")
    config = seeded.MODELS[model]
    with torch.device("meta"):
        theirs = pytorch_model(config)
    assert architecture.count_parameters(config) == sum(p.numel() for p in theirs.parameters())
    shapes = {name: tuple(tensor.shape) for name, tensor in theirs.state_dict().items()}
    assert architecture.expected_tensors(config) == shapes


@pytest.mark.parametrize(
    ("model", "millions", "giga"),
    [
        ("mobilebert", 24.58, 5.39),
        ("mobilebert_tiny", 15.49, 3.07),
        ("mobilebert_without_opt", 24.58, 5.39),
        ("bert_base", 109.5, 22.3),
    ],
)
def test_counts_are_those_of_the_published_configurations(model: str, millions: float, giga: float) -> None:
    """Counted once by hand from Google's files, a multiply-add as two operations, at length 128."""
    config = seeded.MODELS[model]
    assert architecture.count_parameters(config) / 1e6 == pytest.approx(millions, rel=5e-4)
    assert 2 * architecture.count_multiply_adds(config, 128) / 1e9 == pytest.approx(giga, rel=4e-3)


@pytest.mark.parametrize("activation", [False, True], ids=["plain", "tanh-pooler"])
@pytest.mark.parametrize("model", MODELS)
def test_small_graphs_equal_pytorch(model: str, activation: bool) -> None:
    """Norms with statistics, gelu, and attention in or without the bottleneck: each is easily a bit wrong."""
    config = dataclasses.replace(small(model), classifier_activation=activation or model == "bert_base")
    tensors = random_tensors(config)
    sequences = draw_sequences(config, 40, 8)
    theirs = pytorch_logits(config, tensors, sequences)
    for rewrites in ((), RECIPES["float32"].rewrites, RECIPES["dynamic_int8"].rewrites):
        run = graph.of(rewrite.apply(from_tensors(config, tensors), rewrites)).runner(40)
        ours = np.stack([run(s.ids, s.mask, s.types) for s in sequences])
        assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max(), rewrites


@pytest.mark.slow
@pytest.mark.parametrize("model", MODELS[1:])
def test_true_graphs_equal_pytorch(model: str) -> None:
    """The same at full depth and width, where small differences could add up; "mobilebert": test_graph.py."""
    checkpoint = open_seeded(model, seed=3)
    sequences = draw_sequences(checkpoint.config, 128, 4)
    theirs = pytorch_logits(checkpoint.config, checkpoint.tensors, sequences)
    run = graph.build(checkpoint.config, checkpoint.tensors).runner(128)
    ours = np.stack([run(s.ids, s.mask, s.types) for s in sequences])
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


def test_every_model_says_which_it_is() -> None:
    """The record and the table name networks by their kind, also those from a folder."""
    assert [seeded.MODELS[model].model for model in MODELS] == list(MODELS)
    odd = dataclasses.replace(seeded.CONFIG, hidden_act="gelu")
    assert odd.model == "other"
