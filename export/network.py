"""The network as NumPy weights and what is done with them: what rewrites change and the graph computes.

As read from a checkpoint it has one step for each operation of transformers' class; a rewrite gives another
network of the same function. Shapes at line ends: L tokens, H hidden size, B width of the inner stream (the
bottleneck's, or H where there is none).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from export.architecture import MobileBertConfig

Array = NDArray[np.floating[Any]]
# What a layer's projections read and make: the layer's input (L, H), the inner stream, what query and key
# share, and the three sides of attention, each (L, B).
Point = Literal["hidden", "stream", "shared", "query", "key", "value"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dense:
    """x @ weight.T + bias. `weight`: (out, in); `bias`: (out,)."""

    weight: Array
    bias: Array


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Norm:
    """x * scale + shift per channel; with an `epsilon` after x was brought to mean 0 and variance 1."""

    scale: Array
    shift: Array
    epsilon: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """One dense layer that makes one or several points side by side, each of `widths`.

    `first_only`: of the first token alone, since nothing reads the others.
    """

    reads: Point
    makes: tuple[Point, ...]
    widths: tuple[int, ...]
    dense: Dense
    first_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Residual:
    """norm(dense(x) + keep * r), r what the stream was before. `keep`: (channels,), None for 1."""

    dense: Dense
    keep: Array | None
    norm: Norm | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeedForward:
    """The stream through a wide layer and the activation, and back beside itself."""

    wide: Dense
    narrow: Residual


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Layer:
    """One block. `norms`: of what projections make. `widen`: back to (L, H), None without a bottleneck."""

    projections: tuple[Projection, ...]
    norms: Mapping[Point, Norm]
    attended: Residual
    feed_forwards: tuple[FeedForward, ...]
    widen: Residual | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Network:
    """A whole classifier. `score_scale`: what attention's scores are multiplied by, 1 where it is folded."""

    config: MobileBertConfig
    words: Array  # (vocabulary, embedding size)
    positions: Array  # (most tokens, H)
    types: Array  # (token types, H)
    transformation: Dense | None  # to (L, H), from the words or their trigrams
    norm: Norm | None  # of the embeddings' sum
    layers: tuple[Layer, ...]
    pooler: Dense | None  # followed by tanh
    classifier: Dense
    score_scale: float
    first_token_only: bool = False


def from_tensors(config: MobileBertConfig, tensors: Mapping[str, Array]) -> Network:
    """The network of a checkpoint, one step for each of PyTorch's operations. `tensors`: by their names."""
    read = _Reader(config, tensors)
    embeddings, root = f"{config.family}.embeddings", config.family
    # transformers gives some norms the config's epsilon and leaves others, of MobileBERT, at PyTorch's 1e-5.
    return Network(
        config=config,
        words=tensors[f"{embeddings}.word_embeddings.weight"],
        positions=tensors[f"{embeddings}.position_embeddings.weight"],
        types=tensors[f"{embeddings}.token_type_embeddings.weight"],
        transformation=read.dense(f"{embeddings}.embedding_transformation") if config.transforms else None,
        norm=read.norm(f"{embeddings}.LayerNorm", default_epsilon=config.family == "mobilebert"),
        layers=tuple(read.layer(f"{root}.encoder.layer.{n}") for n in range(config.num_hidden_layers)),
        pooler=read.dense(f"{root}.pooler.dense") if config.classifier_activation else None,
        classifier=read.dense("classifier"),
        score_scale=config.head_size**-0.5,
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Parts of a network by the names of their tensors."""

    config: MobileBertConfig
    tensors: Mapping[str, Array]

    def dense(self, name: str) -> Dense:
        return Dense(weight=self.tensors[f"{name}.weight"], bias=self.tensors[f"{name}.bias"])

    def norm(self, name: str, *, default_epsilon: bool = False) -> Norm:
        epsilon = None
        if self.config.normalization_type == "layer_norm":
            epsilon = 1e-5 if default_epsilon else self.config.layer_norm_eps
        return Norm(scale=self.tensors[f"{name}.weight"], shift=self.tensors[f"{name}.bias"], epsilon=epsilon)

    def residual(self, dense: str, norm: str, *, default_epsilon: bool = False) -> Residual:
        return Residual(
            dense=self.dense(dense), keep=None, norm=self.norm(norm, default_epsilon=default_epsilon)
        )

    def feed_forward(self, name: str, *, default_epsilon: bool = False) -> FeedForward:
        narrow = self.residual(
            f"{name}.output.dense", f"{name}.output.LayerNorm", default_epsilon=default_epsilon
        )
        return FeedForward(wide=self.dense(f"{name}.intermediate.dense"), narrow=narrow)

    def layer(self, name: str) -> Layer:
        config = self.config
        norms: dict[Point, Norm] = {}
        projections = []

        def project(point: Point, dense: str, reads: Point) -> None:
            part = self.dense(dense)
            projections.append(Projection(reads=reads, makes=(point,), widths=(len(part.bias),), dense=part))

        shared: Point = "hidden"
        value: Point = "hidden"
        if config.use_bottleneck:
            shared = "stream" if config.use_bottleneck_attention else "shared"
            value = "stream" if config.use_bottleneck_attention else "hidden"
            for point, bottleneck in (("stream", "input"), ("shared", "attention")):
                if point == "stream" or shared == "shared":
                    project(point, f"{name}.bottleneck.{bottleneck}.dense", "hidden")  # type: ignore[arg-type]
                    norms[point] = self.norm(f"{name}.bottleneck.{bottleneck}.LayerNorm")  # type: ignore[index]
        project("query", f"{name}.attention.self.query", shared)
        project("key", f"{name}.attention.self.key", shared)
        project("value", f"{name}.attention.self.value", value)
        inner = [self.feed_forward(f"{name}.ffn.{n}") for n in range(config.num_feedforward_networks - 1)]
        # A block's last feed-forward network is the block's own; the others are its "ffn" list.
        inner.append(self.feed_forward(name, default_epsilon=config.family == "mobilebert"))
        return Layer(
            projections=tuple(projections),
            norms=norms,
            attended=self.residual(f"{name}.attention.output.dense", f"{name}.attention.output.LayerNorm"),
            feed_forwards=tuple(inner),
            widen=self.residual(f"{name}.output.bottleneck.dense", f"{name}.output.bottleneck.LayerNorm")
            if config.use_bottleneck
            else None,
        )
