"""The network as a TensorFlow graph of our own: static shapes, 2-D activations, batch 1.

The function is that of transformers' sequence classifiers in evaluation mode, padding included: a sequence's
logits depend on the length to which it is padded, because MobileBERT's trigram embedding of the last real
token sees the one after it. Shapes at line ends: L tokens, H hidden size, B width of the inner stream,
A heads; before (L, ...) stands an axis of 1 unless the graph is `flat`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from export.architecture import INPUTS, OUTPUT, MobileBertConfig
from export.network import Dense, Layer, Network, Norm, Point, Projection, Residual, from_tensors
from export.quiet import tensorflow
from export.runtime import Runner

tf = tensorflow()

Tensor: TypeAlias = Any  # TensorFlow ships no types

# Added to the scores of padded keys. Any finite score (the released checkpoint's reach far beyond the
# customary -1e4) is absorbed by it in float32, so that padding gets a weight of exactly 0; and unlike the
# least float32 it may still be scaled without overflow, as vectorized exponentials do.
MASKED = -1e30

# Exponents of two by which a word's row may stand out before 8 bits for the whole table lose the others.
_ALIKE = 4


def build(
    config: MobileBertConfig, tensors: Mapping[str, NDArray[np.float32]], *, dtype: str = "float32"
) -> Graph:
    """The network as its checkpoint has it. `dtype`: the type that it computes in."""
    return of(from_tensors(config, tensors), dtype=dtype)


def of(network: Network, *, dtype: str = "float32", masked: float = MASKED, flat: bool = False) -> Graph:
    """The graph of a network; its weights are kept once for every length.

    `masked`: added to padding's scores. `flat`: activations without the batch's axis, as one would first
    write it; LiteRT then reshapes before every dense layer, 2 % of the time.
    """
    return Graph(network=network, dtype=dtype, masked=masked, flat=flat)


class Graph:
    """A network, from which a function per sequence length is traced."""

    def __init__(self, *, network: Network, dtype: str, masked: float, flat: bool) -> None:
        self.config = network.config
        self.module = tf.Module()  # owns the variables, so that SavedModel finds them
        self.module.weights = []
        self._network, self._dtype, self._masked, self._flat = network, dtype, masked, flat
        self._numbers: dict[int, int] = {}  # of an array by its identity: its place among the variables
        self._table, self._exponents = _levelled(network.words)

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
        network = self._network
        hidden = self._embed(ids[0], types[0])  # (L, H)
        if not self._flat:
            hidden = hidden[None]
        masked = (1 - tf.cast(mask, hidden.dtype)) * self._masked  # (1, L), over keys
        for index, layer in enumerate(network.layers):
            first = network.first_token_only and index == len(network.layers) - 1
            hidden = self._layer(layer, hidden, masked, first)
        token = tf.reshape(_first(hidden), (1, self.config.hidden_size))  # [CLS]
        if network.pooler is not None:
            token = tf.tanh(self._dense(network.pooler, token))
        return self._dense(network.classifier, token)  # (1, labels)

    def _embed(self, ids: Tensor, types: Tensor) -> Tensor:
        network = self._network
        words = self._words(ids)  # (L, E)
        if self.config.trigram_input:
            following = tf.pad(words[1:], [[0, 1], [0, 0]])
            preceding = tf.pad(words[:-1], [[1, 0], [0, 0]])
            words = tf.concat([following, words, preceding], axis=1)  # (L, 3E)
        hidden = words if network.transformation is None else self._dense(network.transformation, words)
        hidden += self._weight(network.positions)[: ids.shape[0]]
        hidden += tf.gather(self._weight(network.types), types)
        return hidden if network.norm is None else self._norm(network.norm, hidden)  # (L, H)

    def _words(self, ids: Tensor) -> Tensor:
        """The words' rows. Where their sizes differ much they are stored at one size, a power of two beside
        each: 8 bits for a whole table, as the converter gives it, would round the small ones to nothing."""
        if self._exponents is None:
            return tf.gather(self._weight(self._table), ids)
        least = int(self._exponents.min())
        powers = tf.constant(2.0 ** np.arange(least, self._exponents.max() + 1), self._dtype)
        which = tf.gather(tf.constant(self._exponents - least, tf.int32), ids)
        return tf.gather(self._weight(self._table), ids) * tf.gather(powers, which)[:, None]

    def _layer(self, layer: Layer, hidden: Tensor, masked: Tensor, first: bool) -> Tensor:
        """One block: narrow, attend, feed forward, widen; residuals inside and around."""
        points: dict[Point, Tensor] = {"hidden": hidden, "stream": hidden}
        for projection in layer.projections:
            read = points[projection.reads]
            made = self._dense(projection.dense, _first(read) if projection.first_only else read)
            for point, part in self._parts(projection, made):
                points[point] = self._norm(layer.norms[point], part) if point in layer.norms else part
        query, stream = points["query"], points["stream"]
        if first:
            hidden, query, stream = _first(hidden), _first(query), _first(stream)
        scores = tf.matmul(query, points["key"], transpose_b=True)  # (A, L, L)
        if self._network.score_scale != 1:
            scores *= self._network.score_scale
        mixed = tf.matmul(tf.nn.softmax(scores + masked), points["value"])  # (A, L, B/A)
        attended = tf.reshape(tf.transpose(mixed, (1, 0, 2)), stream.shape)  # (L, B)
        stream = self._residual(layer.attended, attended, stream)
        for each in layer.feed_forwards:
            wide = self._activate(self._dense(each.wide, stream))  # (L, intermediate)
            stream = self._residual(each.narrow, wide, stream)  # (L, B)
        return stream if layer.widen is None else self._residual(layer.widen, stream, hidden)  # (L, H)

    def _parts(self, projection: Projection, made: Tensor) -> Iterator[tuple[Point, Tensor]]:
        """The points of a projection; those of attention as heads, (A, L, B/A), by one transpose together."""
        sides = [point for point in projection.makes if point in ("query", "key", "value")]
        others = projection.makes[: len(projection.makes) - len(sides)]
        assert (*others, *sides) == projection.makes
        widths = [*projection.widths[: len(others)], *([self.config.width * len(sides)] if sides else [])]
        parts = _split(made, widths, axis=-1)
        yield from zip(others, parts, strict=False)
        if sides:
            heads = self._heads(parts[-1], len(sides))
            yield from zip(
                sides, _split(heads, [self.config.num_attention_heads] * len(sides), axis=0), strict=True
            )

    def _heads(self, projected: Tensor, sides: int) -> Tensor:
        shape = (projected.shape[-2], sides * self.config.num_attention_heads, self.config.head_size)
        return tf.transpose(tf.reshape(projected, shape), (1, 0, 2))  # (sides x A, L, B/A)

    def _activate(self, x: Tensor) -> Tensor:
        return tf.nn.relu(x) if self.config.hidden_act == "relu" else tf.nn.gelu(x)

    def _residual(self, residual: Residual, x: Tensor, before: Tensor) -> Tensor:
        kept = before if residual.keep is None else before * self._weight(residual.keep)
        total = self._dense(residual.dense, x) + kept
        return total if residual.norm is None else self._norm(residual.norm, total)

    def _dense(self, dense: Dense, x: Tensor) -> Tensor:
        return tf.matmul(x, self._weight(dense.weight), transpose_b=True) + self._weight(dense.bias)

    def _norm(self, norm: Norm, x: Tensor) -> Tensor:
        """NoNorm: scale and shift, no statistics (MobileBERT paper, section 3.4); or LayerNorm."""
        if norm.epsilon is not None:
            centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
            variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
            x = centred * tf.math.rsqrt(variance + norm.epsilon)
        return x * self._weight(norm.scale) + self._weight(norm.shift)

    def _weight(self, values: NDArray[np.float32]) -> Tensor:
        """One variable per array, whichever length asks first."""
        number = self._numbers.setdefault(id(values), len(self._numbers))
        if number == len(self.module.weights):
            with tf.init_scope():
                self.module.weights.append(tf.Variable(values, dtype=self._dtype, trainable=False))
        return self.module.weights[number]


def _levelled(
    table: NDArray[np.floating[Any]],
) -> tuple[NDArray[np.floating[Any]], NDArray[np.int32] | None]:
    """Rows divided by powers of two of their size, and the exponents, (rows,); None where rows are alike."""
    largest = np.abs(table).max(axis=1)
    exponents = np.frexp(np.where(largest > 0, largest, np.median(largest)))[1].astype(np.int32)
    if exponents.max() - np.median(exponents) <= _ALIKE:
        return table, None
    return np.ldexp(table, -exponents[:, None]), exponents


def _first(x: Tensor) -> Tensor:
    """The first token's row, of (..., L, channels)."""
    return x[..., :1, :]


def _split(x: Tensor, widths: Sequence[int], axis: int) -> list[Tensor]:
    """Parts of these widths. Equal ones by SPLIT, which XNNPACK knows; it does not know SPLIT_V."""
    if len(widths) == 1:
        return [x]
    if len(set(widths)) == 1:
        return list(tf.split(x, len(widths), axis=axis))
    edges = np.cumsum([0, *widths])
    shape = x.shape.as_list()
    axis %= len(shape)
    return [
        tf.slice(
            x,
            [start if n == axis else 0 for n in range(len(shape))],
            [width if n == axis else size for n, size in enumerate(shape)],
        )
        for start, width in zip(edges, widths, strict=False)
    ]
