"""Residual streams and the insides of feed-forward networks in other units per channel: the same function.

A stream y may be carried as z = y / s, s one number per channel and place: whoever writes it is divided by s,
whoever reads it multiplied, and where the norm after a residual is a mere scale and shift, both go into the
dense layer beside the stream. All of the stream's freedom is in the choice of s.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from export.network import Array, Dense, FeedForward, Layer, Network, Projection, Residual
from results.errors import CheckpointError

# Weights and activations in such units are still 20 decades away from the ends of float32.
_FARTHEST = 1e18


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LayerUnits:
    """Units of one block: of its input, (H,); of the inner stream, (B,), as it is made, after attention and
    after each feed-forward network; of each feed-forward network's inside, (wide,), which must be positive.
    """

    hidden: Array
    stream: tuple[Array, ...]
    wide: tuple[Array, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """Units of every stream. `last`: of the last block's output, (H,)."""

    layers: tuple[LayerUnits, ...]
    last: Array


def ones(network: Network) -> Units:
    """The units that the network has."""
    hidden = np.ones(network.positions.shape[1])
    layers = tuple(
        LayerUnits(
            hidden=hidden,
            stream=(np.ones(len(layer.attended.dense.bias)),) * (2 + len(layer.feed_forwards)),
            wide=tuple(np.ones(len(each.wide.bias)) for each in layer.feed_forwards),
        )
        for layer in network.layers
    )
    return Units(layers=layers, last=hidden)


def cumulative(network: Network) -> Units:
    """The units in which no residual is multiplied: the products of the norms' scales along each stream.

    Raises: CheckpointError for a scale of zero, by which the stream could not be divided, and for products
    so far from 1 that float32 would run out of range.
    """
    units, layers = ones(network), []
    hidden = units.last
    for index, (layer, start) in enumerate(zip(network.layers, units.layers, strict=True)):
        stream = [start.stream[0]]
        for residual in (layer.attended, *(each.narrow for each in layer.feed_forwards)):
            stream.append(_product(stream[-1], residual, index))
        layers.append(dataclasses.replace(start, hidden=hidden, stream=tuple(stream)))
        assert layer.widen is not None
        hidden = _product(hidden, layer.widen, index)
    return Units(layers=tuple(layers), last=hidden)


def rebase(network: Network, units: Units) -> Network:
    """The network with its streams in these units. Needs NoNorm, bottlenecks, and norms folded elsewhere."""
    if network.norm is not None or any(layer.norms for layer in network.layers):
        raise ValueError("rebase needs fold_norms first")
    first = units.layers[0].hidden
    transformation, words = network.transformation, network.words
    if transformation is None:
        words = _like(_f64(words) / first, words)
    else:
        transformation = _writes(transformation, 1 / first)
    ends = (*(each.hidden for each in units.layers[1:]), units.last)
    reader = network.pooler or network.classifier
    read = _reads(reader, units.last)
    return dataclasses.replace(
        network,
        words=words,
        transformation=transformation,
        positions=_like(_f64(network.positions) / first, network.positions),
        types=_like(_f64(network.types) / first, network.types),
        layers=tuple(map(_layer, network.layers, units.layers, ends)),
        pooler=network.pooler and read,
        classifier=network.classifier if network.pooler else read,
    )


def _layer(layer: Layer, units: LayerUnits, after: Array) -> Layer:
    assert layer.widen is not None
    read: Mapping[str, Array] = {"hidden": units.hidden, "stream": units.stream[0]}
    stream = units.stream
    networks = tuple(
        FeedForward(
            wide=_writes(_reads(each.wide, before), 1 / wide),
            narrow=_residual(each.narrow, wide, before, then),
        )
        for each, wide, before, then in zip(
            layer.feed_forwards, units.wide, stream[1:-1], stream[2:], strict=True
        )
    )
    return dataclasses.replace(
        layer,
        projections=tuple(_projection(each, read) for each in layer.projections),
        attended=_residual(layer.attended, None, stream[0], stream[1]),
        feed_forwards=networks,
        widen=_residual(layer.widen, stream[-1], units.hidden, after),
    )


def _projection(projection: Projection, units: Mapping[str, Array]) -> Projection:
    dense = projection.dense
    if projection.reads in units:
        dense = _reads(dense, units[projection.reads])
    if "stream" in projection.makes:
        by = np.concatenate(
            [
                units["stream"] if point == "stream" else np.ones(width)
                for point, width in zip(projection.makes, projection.widths, strict=True)
            ]
        )
        dense = _writes(dense, 1 / by)
    return dataclasses.replace(projection, dense=dense)


def _residual(residual: Residual, reads: Array | None, before: Array, after: Array) -> Residual:
    """scale * (W f + b + r) + shift, for r in the units `before`, f in `reads`, the sum in `after`."""
    dense = residual.dense if reads is None else _reads(residual.dense, reads)
    keep = np.ones_like(before) if residual.keep is None else _f64(residual.keep)
    if (norm := residual.norm) is not None:
        dense = dataclasses.replace(_writes(dense, _f64(norm.scale)), bias=dense.bias)
        bias = _f64(dense.bias) * _f64(norm.scale) + _f64(norm.shift)
        dense = dataclasses.replace(dense, bias=_like(bias, residual.dense.bias))
        keep = keep * _f64(norm.scale)
    dense = _writes(dense, 1 / after)
    # A product of many scales, and its last factor's quotient with it, is 1 up to float64's rounding.
    keep = keep * before / after
    unchanged = bool(np.all(np.abs(keep - 1) < 1e-12))
    return Residual(dense=dense, keep=None if unchanged else _like(keep, residual.dense.bias), norm=None)


def _product(before: Array, residual: Residual, index: int) -> Array:
    """The stream's units after a residual, as products of the norms' scales. Raises: CheckpointError."""
    norm = residual.norm
    units = before if norm is None else before * _f64(norm.scale)
    size = np.abs(units)
    outside = np.flatnonzero((size < 1 / _FARTHEST) | (size > _FARTHEST))
    if not len(outside):
        return units
    channel = int(outside[0])
    scale = 1.0 if norm is None else float(norm.scale[channel])
    what = f"A norm of layer {index} has the scale {scale:.3g} in channel {channel}"
    raise CheckpointError(
        f"{what}: the rewrite fold_residuals would divide by it."
        if scale == 0
        else f"{what}, and with those before it {units[channel]:.3g}: too far from 1 for fold_residuals.",
        next_step="Give --rewrites fold_norms,scale_residuals, which divides by nothing.",
        layer=index,
        channel=channel,
    )


def _writes(dense: Dense, by: Array) -> Dense:
    """The dense layer that gives `by` times as much; (out,)."""
    return Dense(
        weight=_like(_f64(dense.weight) * by[:, None], dense.weight),
        bias=_like(_f64(dense.bias) * by, dense.bias),
    )


def _reads(dense: Dense, units: Array) -> Dense:
    """The dense layer that gives the same for an input divided by `units`, (in,)."""
    return dataclasses.replace(dense, weight=_like(_f64(dense.weight) * units, dense.weight))


def _f64(values: Array) -> Array:
    return np.asarray(values, np.float64)


def _like(values: Array, other: Array) -> Array:
    return values.astype(other.dtype)
