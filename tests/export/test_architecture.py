"""Shapes and counts of the network, and the configs that are refused."""

from __future__ import annotations

import pytest

from export.architecture import (
    MobileBertConfig,
    count_multiply_adds,
    count_parameters,
    expected_tensors,
    from_json,
)
from results.errors import CheckpointError
from tests.export.conftest import SMALL, small_settings


@pytest.mark.parametrize("activation", [False, True])
def test_tensors_are_those_of_transformers(activation: bool) -> None:
    """A name or shape of our own making would refuse every real checkpoint."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        config = transformers.MobileBertConfig(num_labels=3, classifier_activation=activation)
        model = transformers.MobileBertForSequenceClassification(config)
    theirs = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    ours = from_json(config.to_dict(), labels=3)
    assert expected_tensors(ours) == theirs
    assert count_parameters(ours) == model.num_parameters()


def test_counts_of_the_published_architecture() -> None:
    """The two figures that a reader can check: 24.58M parameters, and 2.69 G multiply-adds."""
    config = MobileBertConfig(classifier_activation=False)
    assert config.name == "L-24_H-512_B-128_A-4_F-4_OPT"
    assert count_parameters(config) == 24_583_427
    dense = 24 * 835_584 + 384 * 512
    attention = 24 * 2 * 128 * 128 * 128
    assert count_multiply_adds(config, 128) == 128 * dense + attention + 512 * 3


def test_absent_fields_take_the_defaults_of_transformers() -> None:
    """A config.json may leave out what is default; and the default of classifier_activation is true."""
    assert from_json({"model_type": "mobilebert"}, labels=3) == MobileBertConfig(classifier_activation=True)
    assert from_json(small_settings(), labels=3) == SMALL


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("model_type", "bert"),
        ("normalization_type", "batch_norm"),
        ("hidden_act", "gelu_new"),
        ("hidden_act", 1),
        ("use_bottleneck", "yes"),
        ("key_query_shared_bottleneck", False),
        ("layer_norm_eps", 0),
        ("trigram_input", 1),
        ("hidden_size", 0),
        ("hidden_size", "64"),
        ("num_hidden_layers", True),
        ("vocab_size", 12.5),
        ("classifier_activation", "no"),
        ("num_attention_heads", 5),
    ],
)
def test_a_config_that_cannot_be_built_is_refused_by_field(field: str, value: object) -> None:
    """Another network built from the same weights would be wrong without a word."""
    with pytest.raises(CheckpointError, match=field) as caught:
        from_json(small_settings(**{field: value}), labels=3)
    assert repr(value) in caught.value.what
