"""Exact rewrites: a network in, another network of the same function out; NumPy only.

Every rewrite leaves the logits as they are in real arithmetic. What it does to rounding, above all to that of
8-bit activations, differs, and decides which recipe uses it (docs/performance.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from export.architecture import MobileBertConfig
from export.calibration import Ranges
from export.equalize import equalize
from export.network import Array, Dense, Layer, Network, Norm, Point, Projection
from export.rebase import cumulative, ones, rebase
from export.recipes import EQUALIZE
from results.errors import ConfigError

# What a network's places reach on sequences that somebody chose.
Measure = Callable[[Network], Ranges]


def apply(network: Network, names: Iterable[str], measure: Measure | None = None) -> Network:
    """The network after these rewrites, in the order of NAMES whatever theirs.

    `measure`: the ranges that equalize needs.
    Raises: ConfigError for names that do not exist; CheckpointError where a rewrite would divide by zero.
    """
    for name in check(names):
        if name != EQUALIZE:
            network = REWRITES[name](network)
        elif measure is None:
            raise ValueError(f"{EQUALIZE} needs ranges")
        else:
            network = equalize(network, measure(network))
    return network


def applicable(config: MobileBertConfig, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the names that change a network of this kind: norms with statistics cannot be folded."""
    return tuple(
        name
        for name in check(names)
        if (name != "fold_norms" or config.folds_norms) and (name not in _NEED_FOLDED_NORMS or config.rebases)
    )


def refuse_impossible(network: Network, names: Iterable[str]) -> None:
    """Raise CheckpointError where one of these rewrites would divide by zero, or leave float32's range."""
    if "fold_residuals" in check(names) and network.config.rebases:
        cumulative(network)


def check(names: Iterable[str]) -> tuple[str, ...]:
    """The names in the order in which they are applied.

    Raises: ConfigError for one that does not exist, and for one that needs another.
    """
    given = tuple(names)
    for name in given:
        if name not in NAMES:
            raise ConfigError(
                f'There is no rewrite "{name}".', next_step=f"Choose from: none, or {', '.join(NAMES)}."
            )
        if name in _NEED_FOLDED_NORMS and "fold_norms" not in given:
            raise ConfigError(f"The rewrite {name} needs fold_norms.", next_step="Ask for both.")
    if {"scale_residuals", "fold_residuals"} <= set(given):
        raise ConfigError(
            "The rewrites scale_residuals and fold_residuals exclude each other.",
            next_step="Ask for one of them.",
        )
    return tuple(name for name in NAMES if name in given)


def fold_norms(network: Network) -> Network:
    """NoNorm after a dense layer that nothing is added to becomes part of that layer.

    norm(W x + b) = (scale * W) x + (scale * b + shift); for the embeddings, whose summands are all weights,
    of each of them.
    """
    if not network.config.folds_norms:
        return network
    changed = dataclasses.replace(network, layers=tuple(_fold_projections(each) for each in network.layers))
    norm = network.norm
    if norm is None:
        return changed
    scale = norm.scale
    if network.transformation is None:
        words, transformation = _rounded(network.words * _exact(scale), network.words), None
    else:
        words, transformation = network.words, _after(network.transformation, norm)
    shift = norm.shift if transformation is None else np.zeros_like(norm.shift)
    return dataclasses.replace(
        changed,
        words=words,
        positions=_rounded(network.positions * _exact(scale) + _exact(shift), network.positions),
        types=_rounded(network.types * _exact(scale), network.types),
        transformation=transformation,
        norm=None,
    )


def scale_residuals(network: Network) -> Network:
    """Norms after a residual: scale and shift into the dense layer, one multiply left for the stream.

    scale * (W f + b + r) + shift = (scale * W) f + (scale * b + shift) + scale * r. Nothing is divided, and
    the stream keeps its values.
    """
    return rebase(network, ones(network)) if network.config.rebases else network


def fold_residuals(network: Network) -> Network:
    """Norms after a residual vanish: the stream is carried divided by the product of the norms before.

    With s the product so far, z = y / s: scale * (W f + b + r) + shift = s' z' where s' = scale * s and
    z' = (W f + b + shift / scale) / s + z. Whoever reads the stream has s' in its weights.

    Raises: CheckpointError for a scale of zero, by which it would divide.
    """
    return rebase(network, cumulative(network)) if network.config.rebases else network


def first_token_only(network: Network) -> Network:
    """In the last layer only keys and values are computed for every token; the rest for [CLS] alone."""
    *others, last = network.layers
    needed: set[Point] = {"key", "value"}
    projections: list[Projection] = []
    for projection in reversed(last.projections):
        needed_by_all = needed.intersection(projection.makes)
        if needed_by_all:
            needed.add(projection.reads)
        projections.insert(0, dataclasses.replace(projection, first_only=not needed_by_all))
    layer = dataclasses.replace(last, projections=tuple(projections))
    return dataclasses.replace(network, layers=(*others, layer), first_token_only=True)


def merge_query_key(network: Network) -> Network:
    """Query and key, which read the same, become one dense layer."""
    return _merged(network, {"query", "key"})


def merge_readers(network: Network) -> Network:
    """All that read a layer's input become one dense layer; where query, key and value read the narrowed
    stream, these three too."""
    return _merged(network, {"stream", "shared", "query", "key", "value"}, reads={"hidden", "stream"})


def fold_score_scale(network: Network) -> Network:
    """1 / sqrt(head size) is in the query's weights, so that no score is multiplied by it."""
    factor = np.asarray(network.score_scale)

    def scaled(projection: Projection) -> Projection:
        if "query" not in projection.makes:
            return projection
        by = np.concatenate(
            [
                np.full(width, factor if point == "query" else 1.0)
                for point, width in zip(projection.makes, projection.widths, strict=True)
            ]
        )
        return dataclasses.replace(projection, dense=_scaled(projection.dense, by))

    layers = tuple(
        dataclasses.replace(layer, projections=tuple(map(scaled, layer.projections)))
        for layer in network.layers
    )
    return dataclasses.replace(network, layers=layers, score_scale=1.0)


REWRITES: dict[str, Callable[[Network], Network]] = {
    "fold_norms": fold_norms,
    "scale_residuals": scale_residuals,
    "fold_residuals": fold_residuals,
    "fold_score_scale": fold_score_scale,
    "first_token_only": first_token_only,
    "merge_query_key": merge_query_key,
    "merge_readers": merge_readers,
}
NAMES = (*REWRITES, EQUALIZE)
_NEED_FOLDED_NORMS = ("scale_residuals", "fold_residuals", EQUALIZE)


def _fold_projections(layer: Layer) -> Layer:
    folded = []
    for projection in layer.projections:
        norm = layer.norms.get(projection.makes[0])
        dense = projection.dense if norm is None else _after(projection.dense, norm)
        folded.append(dataclasses.replace(projection, dense=dense))
    return dataclasses.replace(layer, projections=tuple(folded), norms={})


def _merged(network: Network, points: set[Point], reads: Iterable[Point] | None = None) -> Network:
    layers = tuple(
        dataclasses.replace(layer, projections=_merge(layer, points, reads)) for layer in network.layers
    )
    return dataclasses.replace(network, layers=layers)


def _merge(layer: Layer, points: set[Point], reads: Iterable[Point] | None) -> tuple[Projection, ...]:
    """Projections that read one point, for as many tokens, side by side in one dense layer."""
    groups: dict[object, list[Projection]] = {}
    for index, projection in enumerate(layer.projections):
        joins = points.issuperset(projection.makes) and (reads is None or projection.reads in reads)
        key = (projection.reads, projection.first_only) if joins else index
        groups.setdefault(key, []).append(projection)
    return tuple(_side_by_side(group) for group in groups.values())


def _side_by_side(group: Sequence[Projection]) -> Projection:
    return dataclasses.replace(
        group[0],
        makes=tuple(point for each in group for point in each.makes),
        widths=tuple(width for each in group for width in each.widths),
        dense=Dense(
            weight=np.concatenate([each.dense.weight for each in group]),
            bias=np.concatenate([each.dense.bias for each in group]),
        ),
    )


def _after(dense: Dense, norm: Norm) -> Dense:
    scaled = _scaled(dense, norm.scale)
    bias = _exact(dense.bias) * _exact(norm.scale) + _exact(norm.shift)
    return dataclasses.replace(scaled, bias=_rounded(bias, dense.bias))


def _scaled(dense: Dense, by: Array) -> Dense:
    """The dense layer that gives `by` times as much; `by`: (out,)."""
    factor = _exact(by)
    return Dense(
        weight=_rounded(dense.weight * factor[:, None], dense.weight),
        bias=_rounded(dense.bias * factor, dense.bias),
    )


def _exact(values: Array) -> Array:
    return np.asarray(values, np.float64)


def _rounded(values: Array, like: Array) -> Array:
    return values.astype(like.dtype)
