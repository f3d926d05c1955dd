"""Weights of the same function whose streams have a few channels far larger than the others."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from export.architecture import MobileBertConfig

Tensors = dict[str, NDArray[np.float32]]


def with_outlier_channels(
    config: MobileBertConfig, tensors: Mapping[str, NDArray[np.float32]], *, times: float, seed: int = 0
) -> Tensors:
    """Three channels of the stream between blocks and two of each inner stream are `times` as large.

    What writes them is multiplied, what reads them divided: the logits stay as they are but for rounding.
    """
    generator = np.random.default_rng(seed)
    changed = {name: values.astype(np.float64) for name, values in tensors.items()}

    def written(channels: NDArray[np.int64], *names: str) -> None:
        for name in names:
            changed[name][channels] *= times

    def read(channels: NDArray[np.int64], *names: str) -> None:
        for name in names:
            changed[f"{name}.weight"][:, channels] /= times

    hidden = generator.choice(config.hidden_size, 3, replace=False)
    norm = "mobilebert.embeddings.LayerNorm"
    written(hidden, f"{norm}.weight", f"{norm}.bias")
    for index in range(config.num_hidden_layers):
        layer = f"mobilebert.encoder.layer.{index}"
        inner = generator.choice(config.intra_bottleneck_size, 2, replace=False)
        read(hidden, f"{layer}.bottleneck.input.dense", f"{layer}.bottleneck.attention.dense")
        read(hidden, f"{layer}.attention.self.value")
        first = f"{layer}.bottleneck.input.LayerNorm"
        written(inner, f"{first}.weight", f"{first}.bias")
        networks = [f"{layer}.ffn.{n}" for n in range(config.num_feedforward_networks - 1)] + [layer]
        for residual in (f"{layer}.attention.output", *(f"{each}.output" for each in networks)):
            # norm(dense + stream): the stream comes multiplied, so the norm's scale stays.
            dense = f"{residual}.dense"
            written(inner, f"{dense}.weight", f"{dense}.bias", f"{residual}.LayerNorm.bias")
        read(inner, *(f"{each}.intermediate.dense" for each in networks), f"{layer}.output.bottleneck.dense")
        widen = f"{layer}.output.bottleneck"
        written(hidden, f"{widen}.dense.weight", f"{widen}.dense.bias", f"{widen}.LayerNorm.bias")
    read(hidden, "mobilebert.pooler.dense" if config.classifier_activation else "classifier")
    return {name: values.astype(np.float32) for name, values in changed.items()}
