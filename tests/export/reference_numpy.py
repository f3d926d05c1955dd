"""The network once more, in NumPy at any precision: an independent reference for the graph.

Written from the architecture's description, without TensorFlow, so that both would have to be wrong in the
same way. Shapes at line ends: L tokens, H hidden size, B bottleneck size.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from export.architecture import MobileBertConfig


def logits(
    config: MobileBertConfig,
    tensors: Mapping[str, np.ndarray],
    ids: np.ndarray,
    mask: np.ndarray,
    types: np.ndarray,
    dtype: type = np.float64,
) -> np.ndarray:
    """The logits of one padded sequence, shape (labels,). `ids`, `mask`, `types`: shape (L,)."""
    w = {name: np.asarray(tensor, dtype) for name, tensor in tensors.items()}

    def dense(name: str, x: np.ndarray) -> np.ndarray:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def norm(name: str, x: np.ndarray) -> np.ndarray:
        return w[f"{name}.weight"] * x + w[f"{name}.bias"]

    length = len(ids)
    embeddings = "mobilebert.embeddings"
    padded = np.zeros((length + 2, config.embedding_size), dtype)
    padded[1:-1] = w[f"{embeddings}.word_embeddings.weight"][ids]
    trigram = np.concatenate([padded[2:], padded[1:-1], padded[:-2]], axis=1)  # (L, 3E): next, own, previous
    hidden = dense(f"{embeddings}.embedding_transformation", trigram)  # (L, H)
    hidden = hidden + w[f"{embeddings}.position_embeddings.weight"][:length]
    hidden = hidden + w[f"{embeddings}.token_type_embeddings.weight"][types]
    hidden = norm(f"{embeddings}.LayerNorm", hidden)
    for index in range(config.num_hidden_layers):
        layer = f"mobilebert.encoder.layer.{index}"
        bottleneck = f"{layer}.bottleneck"
        stream = norm(f"{bottleneck}.input.LayerNorm", dense(f"{bottleneck}.input.dense", hidden))  # (L, B)
        shared = norm(f"{bottleneck}.attention.LayerNorm", dense(f"{bottleneck}.attention.dense", hidden))
        query = dense(f"{layer}.attention.self.query", shared)
        key = dense(f"{layer}.attention.self.key", shared)
        value = dense(f"{layer}.attention.self.value", hidden)
        mixed = np.empty_like(value)
        for head in range(config.num_attention_heads):
            part = slice(head * config.head_size, (head + 1) * config.head_size)
            scores = query[:, part] @ key[:, part].T / np.sqrt(dtype(config.head_size))  # (L, L)
            scores = np.where(mask[None, :] == 1, scores, -np.inf)
            weights = np.exp(scores - scores.max(axis=1, keepdims=True))
            mixed[:, part] = weights / weights.sum(axis=1, keepdims=True) @ value[:, part]
        stream = norm(
            f"{layer}.attention.output.LayerNorm", dense(f"{layer}.attention.output.dense", mixed) + stream
        )
        networks = [f"{layer}.ffn.{n}" for n in range(config.num_feedforward_networks - 1)]
        for network in [*networks, layer]:
            wide = np.maximum(dense(f"{network}.intermediate.dense", stream), 0)
            stream = norm(f"{network}.output.LayerNorm", dense(f"{network}.output.dense", wide) + stream)
        widened = dense(f"{layer}.output.bottleneck.dense", stream)
        hidden = norm(f"{layer}.output.bottleneck.LayerNorm", widened + hidden)  # (L, H)
    first = hidden[0]
    if config.classifier_activation:
        first = np.tanh(dense("mobilebert.pooler.dense", first))
    return dense("classifier", first)
