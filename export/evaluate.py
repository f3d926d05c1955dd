"""The network in NumPy, at its weights' precision: what rewrites are proved with and ranges come from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from export.network import Array, Dense, Layer, Network, Norm, Point, Residual

# Told of every place's values, (tokens, channels), as they are made.
Observer = Callable[[str, Array], None]


def logits(
    network: Network,
    ids: NDArray[np.int32],
    mask: NDArray[np.int32],
    types: NDArray[np.int32],
    observe: Observer = lambda place, values: None,
) -> Array:
    """Logits of one padded sequence, (labels,). `ids`, `mask`, `types`: (L,)."""
    words = network.words[ids]
    if network.config.trigram_input:
        nothing = np.zeros_like(words[:1])
        words = np.concatenate(
            [np.concatenate([words[1:], nothing]), words, np.concatenate([nothing, words[:-1]])], axis=1
        )
    observe("words", words)
    hidden = words if network.transformation is None else _dense(network.transformation, words)
    hidden = hidden + network.positions[: len(ids)] + network.types[types]
    if network.norm is not None:
        hidden = _norm(network.norm, hidden)
    for index, layer in enumerate(network.layers):
        observe(f"layer.{index}.hidden", hidden)
        first = network.first_token_only and index == len(network.layers) - 1
        hidden = _layer(network, layer, hidden, mask, first, _inside(index, observe))
    observe("last", hidden)
    token = hidden[:1]
    if network.pooler is not None:
        token = np.tanh(_dense(network.pooler, token))
    result: Array = _dense(network.classifier, token)[0]
    return result


def _inside(index: int, observe: Observer) -> Observer:
    return lambda place, values: observe(f"layer.{index}.{place}", values)


def _layer(
    network: Network, layer: Layer, hidden: Array, mask: NDArray[np.int32], first: bool, observe: Observer
) -> Array:
    points: dict[Point, Array] = {"hidden": hidden, "stream": hidden}
    for projection in layer.projections:
        read = points[projection.reads]
        made = _dense(projection.dense, read[:1] if projection.first_only else read)
        edges = np.cumsum(projection.widths)[:-1]
        for point, part in zip(projection.makes, np.split(made, edges, axis=1), strict=True):
            points[point] = _norm(layer.norms[point], part) if point in layer.norms else part
            observe(point, points[point])
    if first:
        hidden, points["stream"] = hidden[:1], points["stream"][:1]
        points["query"] = points["query"][:1]
    mixed = _attend(network, points["query"], points["key"], points["value"], mask)
    observe("mixed", mixed)
    stream = _residual(layer.attended, mixed, points["stream"])
    for number, each in enumerate(layer.feed_forwards):
        observe(f"stream.{number + 1}", stream)
        wide = _activate(network.config.hidden_act, _dense(each.wide, stream))
        observe(f"wide.{number}", wide)
        stream = _residual(each.narrow, wide, stream)
    observe(f"stream.{len(layer.feed_forwards) + 1}", stream)
    return stream if layer.widen is None else _residual(layer.widen, stream, hidden)


def _attend(network: Network, query: Array, key: Array, value: Array, mask: NDArray[np.int32]) -> Array:
    size = network.config.head_size
    mixed = np.empty((len(query), value.shape[1]), value.dtype)
    for start in range(0, query.shape[1], size):
        part = slice(start, start + size)
        scores = query[:, part] @ key[:, part].T * network.score_scale
        scores = np.where(mask == 1, scores, -np.inf)
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        mixed[:, part] = shares / shares.sum(axis=1, keepdims=True) @ value[:, part]
    return mixed


def _residual(residual: Residual, x: Array, before: Array) -> Array:
    total = _dense(residual.dense, x) + (before if residual.keep is None else before * residual.keep)
    return total if residual.norm is None else _norm(residual.norm, total)


def _norm(norm: Norm, x: Array) -> Array:
    if norm.epsilon is not None:
        spread = np.sqrt(x.var(axis=1, keepdims=True) + norm.epsilon)
        x = ((x - x.mean(axis=1, keepdims=True)) / spread).astype(x.dtype)
    return x * norm.scale + norm.shift


def _activate(name: str, x: Array) -> Array:
    if name == "relu":
        return np.maximum(x, 0)
    from scipy.special import erf  # heavy, and MobileBERT itself needs none

    activated: Array = (0.5 * x * (1 + erf(x / np.sqrt(2)))).astype(x.dtype)
    return activated


def _dense(dense: Dense, x: Array) -> Array:
    return x @ dense.weight.T + dense.bias
