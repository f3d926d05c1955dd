"""MobileBERT as a TensorFlow graph of our own: static shapes, 2-D activations, batch 1.

The function is that of transformers' MobileBertForSequenceClassification in evaluation mode, padding
included: a sequence's logits depend on the length to which it is padded, because the trigram embedding of
the last real token sees the one after it. Shapes at line ends: L tokens, H hidden size, B bottleneck size,
A heads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from export.architecture import INPUTS, OUTPUT, MobileBertConfig, expected_tensors
from export.quiet import tensorflow
from export.runtime import Runner

tf = tensorflow()

Tensor: TypeAlias = Any  # TensorFlow ships no types

# Added to the scores of padded keys. Any finite score (the released checkpoint's reach far beyond the
# customary -1e4) is absorbed by it in float32, so that padding gets a weight of exactly 0; and unlike the
# least float32 it may still be scaled without overflow, as vectorized exponentials do.
_MASKED = -1e30


def build(
    config: MobileBertConfig, tensors: Mapping[str, NDArray[np.float32]], *, dtype: str = "float32"
) -> Graph:
    """The network over these weights, kept once for every length. `dtype`: the type that it computes in."""
    module = tf.Module()
    module.weights = {
        name: tf.Variable(tensors[name], dtype=dtype, trainable=False, name=name.replace(".", "_"))
        for name in expected_tensors(config)
    }
    return Graph(config=config, module=module)


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Weights and configuration, from which a function per sequence length is traced."""

    config: MobileBertConfig
    module: Tensor  # a tf.Module that owns the variables, so that SavedModel finds them

    def function(self, length: int) -> Tensor:
        """A tf.function of INPUTS by name, each int32 (1, length), that gives {"logits": (1, labels)}."""
        if not 2 <= length <= self.config.max_position_embeddings:
            raise ValueError(f"length {length} is not within 2 and {self.config.max_position_embeddings}")
        specs = [tf.TensorSpec((1, length), tf.int32, name=name) for name in INPUTS]

        def classify(input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> dict[str, Tensor]:
            return {OUTPUT: self._logits(input_ids, attention_mask, token_type_ids)}

        return tf.function(classify, input_signature=specs)

    def runner(self, length: int) -> Runner:
        """A Python function from ids, mask and types, each int32 (length,), to logits, (labels,)."""
        function = self.function(length)

        def run(*inputs: NDArray[np.int32]) -> NDArray[np.float32]:
            fed = [tf.constant(values[None], tf.int32) for values in inputs]
            return np.asarray(function(*fed)[OUTPUT][0])

        return run

    def _logits(self, ids: Tensor, mask: Tensor, types: Tensor) -> Tensor:
        hidden = self._embed(ids[0], types[0])  # (L, H)
        masked = (1 - tf.cast(mask, hidden.dtype)) * _MASKED  # (1, L), over keys
        for index in range(self.config.num_hidden_layers):
            hidden = self._layer(f"mobilebert.encoder.layer.{index}", hidden, masked)
        first = hidden[:1]  # (1, H): [CLS]
        if self.config.classifier_activation:
            first = tf.tanh(self._dense("mobilebert.pooler.dense", first))
        return self._dense("classifier", first)  # (1, labels)

    def _embed(self, ids: Tensor, types: Tensor) -> Tensor:
        name, length = "mobilebert.embeddings", ids.shape[0]
        words = tf.gather(self._weight(f"{name}.word_embeddings"), ids)  # (L, E)
        following = tf.pad(words[1:], [[0, 1], [0, 0]])
        preceding = tf.pad(words[:-1], [[1, 0], [0, 0]])
        trigrams = tf.concat([following, words, preceding], axis=1)  # (L, 3E)
        hidden = self._dense(f"{name}.embedding_transformation", trigrams)  # (L, H)
        hidden += self._weight(f"{name}.position_embeddings")[:length]
        hidden += tf.gather(self._weight(f"{name}.token_type_embeddings"), types)
        return self._norm(f"{name}.LayerNorm", hidden)

    def _layer(self, name: str, hidden: Tensor, masked: Tensor) -> Tensor:
        """One block: narrow, attend, feed forward, widen; residuals inside and around."""
        stream = self._dense_norm(f"{name}.bottleneck.input", hidden)  # (L, B)
        shared = self._dense_norm(f"{name}.bottleneck.attention", hidden)  # (L, B)
        attended = self._attend(f"{name}.attention.self", shared, hidden, masked)  # (L, B)
        stream = self._dense_norm(f"{name}.attention.output", attended, residual=stream)
        for index in range(self.config.num_feedforward_networks - 1):
            stream = self._feed_forward(f"{name}.ffn.{index}", stream)
        stream = self._feed_forward(name, stream)
        return self._dense_norm(f"{name}.output.bottleneck", stream, residual=hidden)  # (L, H)

    def _attend(self, name: str, shared: Tensor, hidden: Tensor, masked: Tensor) -> Tensor:
        query = self._heads(self._dense(f"{name}.query", shared))  # (A, L, B/A)
        key = self._heads(self._dense(f"{name}.key", shared))
        value = self._heads(self._dense(f"{name}.value", hidden))
        scores = tf.matmul(query, key, transpose_b=True) * self.config.head_size**-0.5 + masked  # (A, L, L)
        mixed = tf.matmul(tf.nn.softmax(scores), value)  # (A, L, B/A)
        return tf.reshape(tf.transpose(mixed, (1, 0, 2)), shared.shape)  # (L, B)

    def _heads(self, projected: Tensor) -> Tensor:
        shape = (projected.shape[0], self.config.num_attention_heads, self.config.head_size)
        return tf.transpose(tf.reshape(projected, shape), (1, 0, 2))

    def _feed_forward(self, name: str, stream: Tensor) -> Tensor:
        wide = tf.nn.relu(self._dense(f"{name}.intermediate.dense", stream))  # (L, intermediate)
        return self._dense_norm(f"{name}.output", wide, residual=stream)  # (L, B)

    def _dense_norm(self, name: str, x: Tensor, residual: Tensor = None) -> Tensor:
        dense = self._dense(f"{name}.dense", x)
        return self._norm(f"{name}.LayerNorm", dense if residual is None else dense + residual)

    def _dense(self, name: str, x: Tensor) -> Tensor:
        return tf.matmul(x, self._weight(name), transpose_b=True) + self._bias(name)

    def _norm(self, name: str, x: Tensor) -> Tensor:
        """NoNorm: a scale and a shift per channel, no statistics. Source: MobileBERT paper, section 3.4."""
        return x * self._weight(name) + self._bias(name)

    def _weight(self, name: str) -> Tensor:
        return self.module.weights[f"{name}.weight"]

    def _bias(self, name: str) -> Tensor:
        return self.module.weights[f"{name}.bias"]
