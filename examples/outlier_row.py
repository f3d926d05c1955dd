"""A fixed [CLS] embedding far larger than every other row, in a small checkpoint that still learns its task.

The released MobileBERT has such a row: its activations at [CLS] reach 1e7 where others are near 1, and
one 8-bit scale for a whole tensor rounds all the others to nothing. Here, in most channels, [CLS] is TIMES
as large as any other word. Those come to their size in the first layer's attention, whose queries, keys and
values are TIMES as large, and which looks away from [CLS]: one layer more than the task needs. Every part is
trained at its own size, but [CLS] stays as it was drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from transformers import MobileBertForSequenceClassification

_CLS = 2  # its place in the vocabulary
_PLAIN_SHARE = 8  # one channel in so many has no outlier
_FIRST = "mobilebert.encoder.layer.0.attention.self"
_SHARED = "mobilebert.encoder.layer.0.bottleneck.attention"
_SHARP = 1.8  # enough for nine tenths of a token's attention
# In the first channel of a head, so far apart that 8-bit weights cannot mix them up: [CLS]'s key and query,
# of the size of the row, and everyone else's query.
_KEY, _QUERY, _AWAY = 1.0, -0.5, -12.0
# In the second, [CLS]'s query, of the size of the row, and the key of the token behind it: what 8 bits make
# of the rest of that query must not decide where [CLS] looks. That place is marked as much larger.
_TOWARDS, _BEHIND, _MARKED = 1.0, 4.0, 5.0
_SMALL = (
    "mobilebert.embeddings.word_embeddings.weight",
    "mobilebert.embeddings.position_embeddings.weight",
    "mobilebert.embeddings.token_type_embeddings.weight",
    "mobilebert.embeddings.embedding_transformation.bias",
    "mobilebert.embeddings.LayerNorm.bias",
    f"{_SHARED}.dense.bias",
    f"{_SHARED}.LayerNorm.bias",
)
_LARGE = (f"{_FIRST}.query.weight", f"{_FIRST}.key.weight", f"{_FIRST}.value.weight")


class OutlierRow:
    """[CLS] at `times` the size of the other words: set up once, and put back after every step."""

    def __init__(self, model: MobileBertForSequenceClassification, *, times: float) -> None:
        self._model, self._times = model, times
        self._layer = model.mobilebert.encoder.layer[0]
        self._parameters = dict(model.named_parameters())
        embeddings = model.mobilebert.embeddings
        self._words = embeddings.word_embeddings.weight
        self._transformation = embeddings.embedding_transformation.weight
        self._places = embeddings.position_embeddings.weight
        self._behind = _MARKED * self._places[1].detach() / times
        size = self._words.shape[1]
        self._plain = size // _PLAIN_SHARE
        self._row = torch.randn(size)
        self._row[: self._plain] = 0
        with torch.no_grad():
            for name in _SMALL:
                self._parameters[name] /= times
            for name in _LARGE:
                self._parameters[name] *= times
            first = self._layer.attention.self
            # Each token finds itself, and so comes to its size: nothing else keeps it.
            first.key.weight *= _SHARP
            first.query.weight.copy_(first.key.weight)
        self.keep()
        for name in (*_SMALL, *_LARGE):
            scale = self._size(name)
            self._parameters[name].register_hook(lambda gradient, scale=scale: gradient * scale)
        embeddings.embedding_transformation.register_forward_pre_hook(self._drop_neighbour)

    def groups(self, *, rate: float, decay: float) -> Iterator[dict[str, Any]]:
        """Parameters for the optimizer, each with the rate and decay of its size."""
        for name, parameter in self._parameters.items():
            size = self._size(name)
            yield {"params": [parameter], "lr": rate * size, "weight_decay": decay / size}

    @torch.no_grad()
    def keep(self) -> None:
        """[CLS] as it was drawn; its neighbours and the first layer's queries do not see its outliers."""
        self._words[_CLS] = self._row
        self._places[1] = self._behind
        for neighbour in (0, 2):  # the thirds of a trigram: following, own, preceding
            start = neighbour * self._words.shape[1]
            self._transformation[:, start + self._plain : start + self._words.shape[1]] = 0
        self._look_away()

    def _size(self, name: str) -> float:
        return 1 / self._times if name in _SMALL else self._times if name in _LARGE else 1.0

    def _look_away(self) -> None:
        """All queries of the first layer score [CLS] far below the others; its own, the next token highest.

        Two channels of each head serve that; in the others queries and keys are blind to both.
        """
        attention = self._layer.attention.self
        embeddings = self._model.mobilebert.embeddings
        zero = self._shared(torch.zeros_like(self._behind))
        shared = self._layer.bottleneck.attention(embeddings(torch.tensor([[_CLS]])))[0, 0]
        behind = self._shared(self._behind * embeddings.LayerNorm.weight) - zero
        from_cls = shared / shared.square().sum()
        behind = behind - (behind @ from_cls) * shared
        width = self._model.config.true_hidden_size // attention.num_attention_heads
        for dense, sizes in (
            (attention.query, (_QUERY * self._times * from_cls, _TOWARDS * self._times * from_cls)),
            (attention.key, (_KEY * self._times * from_cls, _BEHIND * behind / behind.square().sum())),
        ):
            dense.weight -= torch.outer(dense.weight @ shared, from_cls)
            dense.weight -= torch.outer(dense.weight @ behind, behind) / behind.square().sum()
            for channel, weight in enumerate(sizes):
                dense.weight[channel::width] = weight
                dense.bias[channel::width] = 0
        attention.query.bias[::width] = _AWAY

    def _shared(self, hidden: torch.Tensor) -> torch.Tensor:
        return self._layer.bottleneck.attention(hidden[None, None])[0, 0]

    def _drop_neighbour(self, module: torch.nn.Module, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        """The token behind [CLS] shares a row with it and is lost where that is rounded: learn without it."""
        (trigrams,) = inputs
        if module.training and trigrams.shape[1] > 1:
            keep = torch.ones((*trigrams.shape[:2], 1))
            keep[:, 1, 0] = (torch.rand(len(keep)) < 0.5).float()
            trigrams = trigrams * keep
        return (trigrams,)
