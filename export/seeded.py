"""Seeded weights: the true architecture with random numbers, for everything but accuracy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from export.architecture import MobileBertConfig, expected_tensors

# Google's F-4_OPT, and GLUE's order of labels, as in the checkpoint that these weights stand in for.
CONFIG = MobileBertConfig(classifier_activation=False)
LABELS = ("entailment", "neutral", "contradiction")

# The rows of the paper's Table 4 that have a latency, of which only the first one's weights were released.
# Sources: Google's mobilebert/config folder for TINY (two feed-forward networks, attention inside the
# bottleneck); the paper's section 3 for "w/o OPT"; BERT's own uncased_L-12_H-768_A-12.
MODELS = {
    "mobilebert": CONFIG,
    "mobilebert_tiny": MobileBertConfig(
        num_feedforward_networks=2,
        use_bottleneck_attention=True,
        key_query_shared_bottleneck=False,
        classifier_activation=False,
    ),
    "mobilebert_without_opt": MobileBertConfig(
        normalization_type="layer_norm", hidden_act="gelu", classifier_activation=False
    ),
    "bert_base": MobileBertConfig(
        family="bert",
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        embedding_size=768,
        num_feedforward_networks=1,
        normalization_type="layer_norm",
        hidden_act="gelu",
        use_bottleneck=False,
        key_query_shared_bottleneck=False,
        trigram_input=False,
    ),
}

# The root mean square of what a dense layer gives for an input of root mean square 1, by the end of its
# name; 1 where nothing is said. Attention is nearly even and its values are loud, so that [CLS] hears every
# token; all other branches are soft beside what they are added to. Both set two sequences far apart in
# comparison with the error of 8-bit arithmetic: a check of a device against this machine is blind otherwise.
_GAINS = {
    "embeddings.embedding_transformation": 1.2,
    "attention.self.query": 0.5,
    "attention.self.key": 0.5,
    "attention.self.value": 4.0,
    "intermediate.dense": 2**0.5,  # half of it is lost to relu
    "attention.output.dense": 1.0,
    "output.bottleneck.dense": 0.1,
    "output.dense": 0.1,
}
_OWN_TOKEN = 0.2  # what a trigram keeps of its middle, which at [CLS] is the same in every sequence
_POSITION = 0.1
_BIAS = 0.02
_SCALE_SPREAD = 0.05


def seeded_tensors(config: MobileBertConfig, seed: int) -> dict[str, NDArray[np.float32]]:
    """Every tensor of `config`, float32; the same numbers for the same seed on every machine.

    All weights of a dense layer have one magnitude and random signs, so that rounding them to 8 bits costs
    nothing and an export's error is that of its 8-bit arithmetic.
    """
    generator = np.random.default_rng(seed)
    return {
        name: _draw(generator, config, name, shape)
        for name, shape in sorted(expected_tensors(config).items())
    }


def digest(tensors: Mapping[str, NDArray[np.float32]]) -> str:
    """SHA-256 over names, shapes and little-endian float32 values, in the order of names."""
    sha = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        sha.update(f"{name} {tensor.shape}\n".encode())
        sha.update(np.ascontiguousarray(tensor, "<f4").data)
    return sha.hexdigest()


def _draw(
    generator: np.random.Generator, config: MobileBertConfig, name: str, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    signs = generator.integers(0, 2, shape, dtype=np.int8).astype(np.float32) * 2 - 1
    owner, kind = name.rsplit(".", 1)
    if kind == "bias":
        return signs * np.float32(_BIAS)
    if owner.endswith("LayerNorm"):
        shrink = _shrink(owner) if config.normalization_type == "no_norm" else 1.0
        return (1 + signs * np.float32(_SCALE_SPREAD)) * np.float32(shrink)
    if owner.endswith(("position_embeddings", "token_type_embeddings")):
        return signs * np.float32(_POSITION)
    if owner.endswith("word_embeddings"):
        return signs
    weight = signs * np.float32(_gain(owner) / np.sqrt(shape[1]))
    if owner.endswith("embedding_transformation") and config.trigram_input:
        third = shape[1] // 3
        weight[:, third : 2 * third] *= np.float32(_OWN_TOKEN)
    return weight


def _gain(dense: str) -> float:
    return next((gain for end, gain in _GAINS.items() if dense.endswith(end)), 1.0)


def _shrink(norm: str) -> float:
    """What keeps a residual sum at the size of its larger part, through any number of layers."""
    branch = norm.replace("LayerNorm", "dense")
    adds = branch.endswith("output.dense") or branch.endswith("output.bottleneck.dense")
    return float((1 + _gain(branch) ** 2) ** -0.5) if adds else 1.0
