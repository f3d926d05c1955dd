"""Channels of one size: the rewrite that needs ranges, for recipes with one 8-bit scale per tensor.

What a channel gains in the stream its readers' columns lose, so the square root of the one over the other
leaves both alike. Source: Nagel et al. 2019, "Data-Free Quantization Through Weight Equalization and Bias
Correction", section 4.1; Xiao et al. 2023, "SmoothQuant", equation 4 with alpha 0.5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from export.calibration import Range, Ranges
from export.network import Array, Layer, Network
from export.rebase import LayerUnits, Units, ones, rebase

# Exponents of 2 that healthy channels have anyway: to even these out moves the rounding error, and adds some.
_ORDINARY = 1.5


def equalize(network: Network, ranges: Ranges) -> Network:
    """The network with its residual streams and the feed-forward networks' insides in equalized units.

    All units are powers of two, so that float32 computes the same to the bit. A network whose streams cannot
    change units, for want of NoNorm or bottlenecks, stays as it is.
    """
    if not network.config.rebases:
        return network
    start = ones(network)
    # Only relu lets a positive factor through.
    inside = network.config.hidden_act == "relu"
    layers = tuple(
        _layer(each, units, ranges.places, f"layer.{index}", inside)
        for index, (each, units) in enumerate(zip(network.layers, start.layers, strict=True))
    )
    reader = network.pooler or network.classifier
    return rebase(network, Units(layers=layers, last=_units(ranges.places["last"], [reader.weight])))


def _layer(
    layer: Layer, start: LayerUnits, places: Mapping[str, Range], name: str, inside: bool
) -> LayerUnits:
    by_point = {
        point: [p.dense.weight for p in layer.projections if p.reads == point]
        for point in ("hidden", "stream")
    }
    assert layer.widen is not None
    readers = [
        by_point["stream"],
        *([each.wide.weight] for each in layer.feed_forwards),
        [layer.widen.dense.weight],
    ]
    stream = tuple(
        _units(places[f"{name}.stream.{n}" if n else f"{name}.stream"], weights)
        for n, weights in enumerate(readers)
    )
    wide = tuple(
        _units(places[f"{name}.wide.{n}"], [each.narrow.dense.weight])
        for n, each in enumerate(layer.feed_forwards)
    )
    hidden = _units(places[f"{name}.hidden"], by_point["hidden"])
    return dataclasses.replace(start, hidden=hidden, stream=stream, wide=wide if inside else start.wide)


def _units(seen: Range, readers: Sequence[Array]) -> Array:
    """Powers of two, (channels,), around 1; 1 for a channel that is never anything or that nobody reads."""
    reach = np.asarray(seen.largest, np.float64)
    if readers:
        column = np.max([np.abs(weight).max(axis=0) for weight in readers], axis=0).astype(np.float64)
    else:
        # Only sums read it: the better for it the more alike its channels are.
        column = np.divide(1, reach, out=np.ones_like(reach), where=reach > 0)
    alive = (reach > 0) & (column > 0)
    if not alive.any():
        return np.ones_like(reach)
    exponents = np.zeros_like(reach)
    exponents[alive] = np.log2(reach[alive] / column[alive]) / 2
    exponents[alive] -= np.median(exponents[alive])
    units: Array = np.exp2(np.where(np.abs(exponents) < _ORDINARY, 0, exponents.round()))
    return units
