"""The network's shape: a frozen configuration, the tensors that it asks for, and its counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from results.errors import CheckpointError

# The names by which everything downstream binds a model file; never an order.
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "logits"

# What the graph can build today. A config that says otherwise is refused by the field's name; the values
# beside it are those that transformers assumes where the field is absent.
_FIXED: dict[str, object] = {
    "normalization_type": "no_norm",
    "hidden_act": "relu",
    "use_bottleneck": True,
    "use_bottleneck_attention": False,
    "key_query_shared_bottleneck": True,
    "trigram_input": True,
}

_SIZES = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
    "embedding_size",
    "intra_bottleneck_size",
    "num_feedforward_networks",
    "labels",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MobileBertConfig:
    """The sizes of one MobileBERT classifier, under the names of its config.json.

    The defaults are transformers', which are those of Google's F-4_OPT but for `classifier_activation`
    (True means a tanh pooler; the released checkpoints say false). `labels`: how many classes.
    """

    vocab_size: int = 30522
    hidden_size: int = 512
    num_hidden_layers: int = 24
    num_attention_heads: int = 4
    intermediate_size: int = 512
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    embedding_size: int = 128
    intra_bottleneck_size: int = 128
    num_feedforward_networks: int = 4
    classifier_activation: bool = True
    labels: int = 3

    def __post_init__(self) -> None:
        if not isinstance(self.classifier_activation, bool):
            raise _refused("classifier_activation", self.classifier_activation, "true or false")
        for name in _SIZES:
            size = getattr(self, name)
            if type(size) is not int or size < 1:
                raise _refused(name, size, "a whole number of at least 1")
        if self.intra_bottleneck_size % self.num_attention_heads:
            whole = f"a divisor of intra_bottleneck_size, {self.intra_bottleneck_size}"
            raise _refused("num_attention_heads", self.num_attention_heads, whole)

    @property
    def name(self) -> str:
        """Sizes in the style of Google's own checkpoint names, such as L-24_H-512_B-128_A-4_F-4_OPT."""
        return (
            f"L-{self.num_hidden_layers}_H-{self.hidden_size}_B-{self.intra_bottleneck_size}"
            f"_A-{self.num_attention_heads}_F-{self.num_feedforward_networks}_OPT"
        )

    @property
    def head_size(self) -> int:
        """Channels of one attention head."""
        return self.intra_bottleneck_size // self.num_attention_heads


def signature_key(length: int) -> str:
    """The name under which a model file offers this length in tokens, such as s128."""
    return f"s{length}"


def from_json(data: Mapping[str, object], *, labels: int) -> MobileBertConfig:
    """The configuration that a config.json describes; absent fields take transformers' defaults.

    Raises: CheckpointError naming the field that is malformed or that this project cannot build.
    """
    if data.get("model_type") != "mobilebert":
        raise _refused("model_type", data.get("model_type"), '"mobilebert"')
    for field, only in _FIXED.items():
        value = data.get(field, only)
        if value != only or type(value) is not type(only):
            raise _refused(field, value, repr(only))
    named = {name: value for name, value in data.items() if name in (*_SIZES, "classifier_activation")}
    return MobileBertConfig(**{**named, "labels": labels})  # type: ignore[arg-type]  # checked by it


def expected_tensors(config: MobileBertConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of MobileBertForSequenceClassification: name in model.safetensors to shape.

    Dense weights are (out, in), as PyTorch keeps them.
    """
    hidden, narrow, wide = config.hidden_size, config.intra_bottleneck_size, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {}

    def dense(name: str, inputs: int, outputs: int) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs)
        shapes[f"{name}.bias"] = (outputs,)

    def norm(name: str, channels: int) -> None:
        shapes[f"{name}.weight"] = (channels,)
        shapes[f"{name}.bias"] = (channels,)

    embeddings = "mobilebert.embeddings"
    shapes[f"{embeddings}.word_embeddings.weight"] = (config.vocab_size, config.embedding_size)
    shapes[f"{embeddings}.position_embeddings.weight"] = (config.max_position_embeddings, hidden)
    shapes[f"{embeddings}.token_type_embeddings.weight"] = (config.type_vocab_size, hidden)
    dense(f"{embeddings}.embedding_transformation", 3 * config.embedding_size, hidden)
    norm(f"{embeddings}.LayerNorm", hidden)
    for index in range(config.num_hidden_layers):
        layer = f"mobilebert.encoder.layer.{index}"
        for bottleneck in ("input", "attention"):
            dense(f"{layer}.bottleneck.{bottleneck}.dense", hidden, narrow)
            norm(f"{layer}.bottleneck.{bottleneck}.LayerNorm", narrow)
        dense(f"{layer}.attention.self.query", narrow, narrow)
        dense(f"{layer}.attention.self.key", narrow, narrow)
        dense(f"{layer}.attention.self.value", hidden, narrow)
        dense(f"{layer}.attention.output.dense", narrow, narrow)
        norm(f"{layer}.attention.output.LayerNorm", narrow)
        # The last of a block's feed-forward networks is the block's own; the others are its "ffn" list.
        for feed_forward in [
            *(f"{layer}.ffn.{n}" for n in range(config.num_feedforward_networks - 1)),
            layer,
        ]:
            dense(f"{feed_forward}.intermediate.dense", narrow, wide)
            dense(f"{feed_forward}.output.dense", wide, narrow)
            norm(f"{feed_forward}.output.LayerNorm", narrow)
        dense(f"{layer}.output.bottleneck.dense", narrow, hidden)
        norm(f"{layer}.output.bottleneck.LayerNorm", hidden)
    if config.classifier_activation:
        dense("mobilebert.pooler.dense", hidden, hidden)
    dense("classifier", hidden, config.labels)
    return shapes


def count_parameters(config: MobileBertConfig) -> int:
    """Every number of every tensor; equal to transformers' own count of the same class."""
    return sum(math.prod(shape) for shape in expected_tensors(config).values())


def count_multiply_adds(config: MobileBertConfig, length: int) -> int:
    """Multiply-adds of one sequence padded to `length` tokens: dense layers and attention's two products.

    A dense layer costs its weight once per token, but pooler and classifier, which see [CLS] alone.
    """
    per_token = per_sequence = 0
    for name, shape in expected_tensors(config).items():
        if len(shape) != 2 or name.endswith("_embeddings.weight"):
            continue
        if name.startswith(("mobilebert.pooler.", "classifier.")):
            per_sequence += math.prod(shape)
        else:
            per_token += math.prod(shape)
    attention = 2 * length * length * config.intra_bottleneck_size * config.num_hidden_layers
    return per_token * length + attention + per_sequence


def _refused(field: str, value: object, wanted: str) -> CheckpointError:
    return CheckpointError(
        f"config.json says {field} = {value!r}, and this project builds only {wanted}.",
        next_step="Choose a MobileBERT checkpoint of the published F-4_OPT kind, or mend its config.json.",
        field=field,
    )
