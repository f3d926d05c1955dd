"""The network's shape: a frozen configuration, the tensors that it asks for, and its counts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from results.errors import CheckpointError

# The names by which everything downstream binds a model file; never an order.
INPUTS = ("input_ids", "attention_mask", "token_type_ids")
OUTPUT = "logits"

# What a field may say beside sizes; the first is what transformers assumes where the field is absent.
_WORDS: dict[str, tuple[str, ...]] = {
    "normalization_type": ("no_norm", "layer_norm"),
    "hidden_act": ("relu", "gelu"),
}
_SWITCHES = (
    "use_bottleneck",
    "use_bottleneck_attention",
    "key_query_shared_bottleneck",
    "trigram_input",
    "classifier_activation",
)

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
    """One MobileBERT classifier, under the names of its config.json; BERT is one of its special cases.

    The defaults are transformers', which are those of Google's F-4_OPT but for `classifier_activation`
    (True means a tanh pooler; the released checkpoints say false). `labels`: how many classes. `family`:
    "mobilebert", or "bert" for the tensor names and norms of transformers' Bert classes.
    """

    family: str = "mobilebert"
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
    normalization_type: str = "no_norm"
    layer_norm_eps: float = 1e-12
    hidden_act: str = "relu"
    use_bottleneck: bool = True
    use_bottleneck_attention: bool = False
    key_query_shared_bottleneck: bool = True
    trigram_input: bool = True
    classifier_activation: bool = True
    labels: int = 3

    def __post_init__(self) -> None:
        for name in _SWITCHES:
            if not isinstance(getattr(self, name), bool):
                raise _refused(name, getattr(self, name), "true or false")
        for name, words in _WORDS.items():
            if getattr(self, name) not in words:
                raise _refused(name, getattr(self, name), " or ".join(words))
        for name in _SIZES:
            size = getattr(self, name)
            if type(size) is not int or size < 1:
                raise _refused(name, size, "a whole number of at least 1")
        if not isinstance(self.layer_norm_eps, float) or not 0 < self.layer_norm_eps < 1:
            raise _refused("layer_norm_eps", self.layer_norm_eps, "a number between 0 and 1")
        if self.width % self.num_attention_heads:
            whole = f"a divisor of {self.width}, the channels that attention divides"
            raise _refused("num_attention_heads", self.num_attention_heads, whole)
        if self.use_bottleneck and not (self.use_bottleneck_attention or self.key_query_shared_bottleneck):
            raise _refused(
                "key_query_shared_bottleneck", False, "true, or use_bottleneck_attention = true beside it"
            )
        if self.family == "bert" and (self.use_bottleneck or self.transforms):
            raise _refused("model_type", "bert", "one without bottlenecks, trigrams and narrow embeddings")

    @property
    def name(self) -> str:
        """Sizes in the style of Google's own checkpoint names, such as L-24_H-512_B-128_A-4_F-4_OPT."""
        bottleneck = f"_B-{self.intra_bottleneck_size}" if self.use_bottleneck else ""
        networks = f"_F-{self.num_feedforward_networks}" if self.num_feedforward_networks > 1 else ""
        optimized = self.normalization_type == "no_norm" and self.hidden_act == "relu"
        return (
            f"L-{self.num_hidden_layers}_H-{self.hidden_size}{bottleneck}"
            f"_A-{self.num_attention_heads}{networks}{'_OPT' if optimized else ''}"
        )

    @property
    def model(self) -> str:
        """Which of the paper's networks this is by its kind, whatever its sizes."""
        if self.family == "bert" or not self.use_bottleneck:
            return "bert_base" if self.family == "bert" else "other"
        kinds = {
            ("no_norm", "relu", False): "mobilebert",
            ("no_norm", "relu", True): "mobilebert_tiny",
            ("layer_norm", "gelu", False): "mobilebert_without_opt",
        }
        return kinds.get((self.normalization_type, self.hidden_act, self.use_bottleneck_attention), "other")

    @property
    def folds_norms(self) -> bool:
        """Whether norms are a mere scale and shift, which other weights can take over."""
        return self.normalization_type == "no_norm"

    @property
    def rebases(self) -> bool:
        """Whether the residual streams can be carried in other units: such norms, and blocks that narrow."""
        return self.folds_norms and self.use_bottleneck

    @property
    def width(self) -> int:
        """Channels of a block's inner stream."""
        return self.intra_bottleneck_size if self.use_bottleneck else self.hidden_size

    @property
    def head_size(self) -> int:
        """Channels of one attention head."""
        return self.width // self.num_attention_heads

    @property
    def transforms(self) -> bool:
        """Whether a dense layer brings the embeddings, or their trigrams, to the hidden size."""
        return self.trigram_input or self.embedding_size != self.hidden_size

    @property
    def shares_bottleneck(self) -> bool:
        """Whether query and key read a bottleneck of their own."""
        return self.use_bottleneck and not self.use_bottleneck_attention


def signature_key(length: int) -> str:
    """The name under which a model file offers this length in tokens, such as s128."""
    return f"s{length}"


def from_json(data: Mapping[str, object], *, labels: int) -> MobileBertConfig:
    """The configuration that a config.json describes; absent fields take transformers' defaults.

    Raises: CheckpointError naming the field that is malformed or that this project cannot build.
    """
    if data.get("model_type") != "mobilebert":
        raise _refused("model_type", data.get("model_type"), '"mobilebert"')
    known = (*_SIZES, *_WORDS, *_SWITCHES, "layer_norm_eps")
    named = {name: value for name, value in data.items() if name in known}
    return MobileBertConfig(**{**named, "labels": labels})  # type: ignore[arg-type]  # checked by it


def expected_tensors(config: MobileBertConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of transformers' sequence classifier: name in model.safetensors to shape.

    Dense weights are (out, in), as PyTorch keeps them.
    """
    hidden, inner, wide = config.hidden_size, config.width, config.intermediate_size
    shapes: dict[str, tuple[int, ...]] = {}

    def dense(name: str, inputs: int, outputs: int) -> None:
        shapes[f"{name}.weight"] = (outputs, inputs)
        shapes[f"{name}.bias"] = (outputs,)

    def norm(name: str, channels: int) -> None:
        shapes[f"{name}.weight"] = (channels,)
        shapes[f"{name}.bias"] = (channels,)

    root, embeddings = config.family, f"{config.family}.embeddings"
    shapes[f"{embeddings}.word_embeddings.weight"] = (config.vocab_size, config.embedding_size)
    shapes[f"{embeddings}.position_embeddings.weight"] = (config.max_position_embeddings, hidden)
    shapes[f"{embeddings}.token_type_embeddings.weight"] = (config.type_vocab_size, hidden)
    if config.family == "mobilebert":  # it is there even where nothing is transformed
        trigrams = 3 if config.trigram_input else 1
        dense(f"{embeddings}.embedding_transformation", trigrams * config.embedding_size, hidden)
    norm(f"{embeddings}.LayerNorm", hidden)
    for index in range(config.num_hidden_layers):
        layer = f"{root}.encoder.layer.{index}"
        if config.use_bottleneck:
            # "attention" is there by this switch alone, even where nothing reads it.
            for bottleneck in ("input", "attention")[: 1 + config.key_query_shared_bottleneck]:
                dense(f"{layer}.bottleneck.{bottleneck}.dense", hidden, inner)
                norm(f"{layer}.bottleneck.{bottleneck}.LayerNorm", inner)
        dense(f"{layer}.attention.self.query", inner, inner)
        dense(f"{layer}.attention.self.key", inner, inner)
        dense(f"{layer}.attention.self.value", hidden if config.shares_bottleneck else inner, inner)
        dense(f"{layer}.attention.output.dense", inner, inner)
        norm(f"{layer}.attention.output.LayerNorm", inner)
        # The last of a block's feed-forward networks is the block's own; the others are its "ffn" list.
        for feed_forward in [
            *(f"{layer}.ffn.{n}" for n in range(config.num_feedforward_networks - 1)),
            layer,
        ]:
            dense(f"{feed_forward}.intermediate.dense", inner, wide)
            dense(f"{feed_forward}.output.dense", wide, inner)
            norm(f"{feed_forward}.output.LayerNorm", inner)
        if config.use_bottleneck:
            dense(f"{layer}.output.bottleneck.dense", inner, hidden)
            norm(f"{layer}.output.bottleneck.LayerNorm", hidden)
    if config.classifier_activation:
        dense(f"{root}.pooler.dense", hidden, hidden)
    dense("classifier", hidden, config.labels)
    return shapes


def count_parameters(config: MobileBertConfig) -> int:
    """Every number of every tensor; equal to transformers' own count of the same class."""
    return sum(math.prod(shape) for shape in expected_tensors(config).values())


def count_multiply_adds(config: MobileBertConfig, length: int) -> int:
    """Multiply-adds of one sequence padded to `length` tokens: dense layers and attention's two products.

    A dense layer costs its weight once per token, but pooler and classifier, which see [CLS] alone.
    """
    unused: tuple[str, ...] = ()
    if not config.transforms:
        unused += (".embedding_transformation.weight",)
    if config.use_bottleneck_attention:
        unused += (".bottleneck.attention.dense.weight",)
    per_token = per_sequence = 0
    for name, shape in expected_tensors(config).items():
        if len(shape) != 2 or name.endswith(("_embeddings.weight", *unused)):
            continue
        if ".pooler." in name or name.startswith("classifier."):
            per_sequence += math.prod(shape)
        else:
            per_token += math.prod(shape)
    attention = 2 * length * length * config.width * config.num_hidden_layers
    return per_token * length + attention + per_sequence


def _refused(field: str, value: object, wanted: str) -> CheckpointError:
    return CheckpointError(
        f"config.json says {field} = {value!r}, and this project builds only {wanted}.",
        next_step="Choose a MobileBERT checkpoint of a published kind, or mend its config.json.",
        field=field,
    )
