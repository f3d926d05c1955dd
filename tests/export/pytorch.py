"""transformers' own classes over our tensors: the numerical reference of every graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from export.architecture import MobileBertConfig
from export.parity import Sequence


def pytorch_logits(
    config: MobileBertConfig, tensors: Mapping[str, np.ndarray], sequences: tuple[Sequence, ...]
) -> np.ndarray:
    """The reference's logits, one sequence at a time, float32."""
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # its threads spin, which takes minutes where other tests share the cores
    model = pytorch_model(config)
    model.load_state_dict({name: torch.from_numpy(tensor) for name, tensor in tensors.items()}, strict=True)
    with torch.no_grad():
        return np.stack(
            [
                model(
                    input_ids=torch.from_numpy(s.ids)[None],
                    attention_mask=torch.from_numpy(s.mask)[None],
                    token_type_ids=torch.from_numpy(s.types)[None],
                ).logits[0]
                for s in sequences
            ]
        )


def pytorch_model(config: MobileBertConfig) -> Any:  # noqa: ANN401  # one of two classes of transformers
    """transformers' class in evaluation mode, with sizes as in `config`."""
    transformers = pytest.importorskip("transformers")
    fields = {name: getattr(config, name) for name in config.__slots__ if name not in ("labels", "family")}
    if config.family == "mobilebert":
        settings = transformers.MobileBertConfig(**fields, num_labels=config.labels)
        return transformers.MobileBertForSequenceClassification(settings).eval()
    settings = transformers.BertConfig(
        **{name: value for name, value in fields.items() if hasattr(transformers.BertConfig(), name)},
        num_labels=config.labels,
    )
    return transformers.BertForSequenceClassification(settings).eval()
