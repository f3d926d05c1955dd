"""Labels of any number, and heads that are refused by the names that transformers gives them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from export.checkpoint import open_checkpoint
from export.head import read_labels
from results.errors import CheckpointError
from tests.export.conftest import SMALL, CheckpointMaker, random_tensors, small_settings

NEEDED = "MobileBertForSequenceClassification"


@pytest.mark.parametrize("count", [1, 2, 5, 150])
def test_any_number_of_labels_opens(make_checkpoint: CheckpointMaker, count: int) -> None:
    """Intents, topics, a score: the network is the same, only its last layer differs."""
    config = dataclasses.replace(SMALL, labels=count)
    names = {str(index): f"Topic {index}" for index in range(count)}
    opened = open_checkpoint(str(make_checkpoint(random_tensors(config), id2label=names)))
    assert opened.config == config
    assert opened.labels == tuple(f"topic {index}" for index in range(count))
    assert opened.tensors["classifier.weight"].shape == (count, SMALL.hidden_size)


@pytest.mark.parametrize(
    ("settings", "labels"),
    [
        ({}, ("label_0", "label_1")),
        ({"id2label": None, "num_labels": 4}, ("label_0", "label_1", "label_2", "label_3")),
        ({"id2label": {"1": " Yes", "0": "NO"}, "num_labels": 9}, ("no", "yes")),
        ({"id2label": {"0": "", "1": "b"}}, ("label_0", "b")),
        ({"id2label": {"0": "\ud800", "1": "B\n\x1b[1mc\u00a0"}}, ("label_0", "b [1mc")),
        ({"id2label": {"0": "a", "1": "A", "2": "b"}}, ("a_0", "a_1", "b")),
    ],
)
def test_labels_are_named_as_transformers_names_them(
    settings: dict[str, object], labels: tuple[str, ...]
) -> None:
    """transformers leaves id2label out where there are two labels; two outputs never share a name."""
    assert read_labels(settings) == labels


@pytest.mark.parametrize(
    "settings",
    [
        *({"id2label": value} for value in ({}, [], "ab", 3, {"0": 0}, {"0": "a", "2": "b"}, {"a": "0"})),
        *({"id2label": value} for value in (["a", "b"], {"1": "a"}, {"0": "x", "1": "x", "2": "x_1"})),
        *({"num_labels": value} for value in (0, -1, 2.0, "3", True, 10**9)),
    ],
)
def test_labels_that_make_no_sense_are_refused(settings: dict[str, object]) -> None:
    """A guess at which output means what would look like any other result."""
    with pytest.raises(CheckpointError, match=r"id2label|num_labels"):
        read_labels(settings)


@pytest.mark.parametrize("architectures", [None, [], [NEEDED], [f"TF{NEEDED}"]])
def test_a_classifier_of_sequences_is_taken(make_checkpoint: CheckpointMaker, architectures: object) -> None:
    """Older and hand-made configs do not name the class."""
    assert open_checkpoint(str(make_checkpoint(architectures=architectures))).config == SMALL


@pytest.mark.parametrize("architectures", ["MobileBert", [3], {}, [["MobileBert"]]])
def test_architectures_that_are_no_names_are_refused(
    make_checkpoint: CheckpointMaker, architectures: object
) -> None:
    """The field decides between heads of equal tensors, so it is not passed over."""
    with pytest.raises(CheckpointError, match="architectures"):
        open_checkpoint(str(make_checkpoint(architectures=architectures)))


def test_an_unused_pooler_is_left_out(make_checkpoint: CheckpointMaker) -> None:
    """With classifier_activation false transformers builds no pooler and passes its tensors over."""
    tensors = random_tensors(SMALL) | {
        "mobilebert.pooler.dense.weight": np.ones((64, 64), np.float32),
        "mobilebert.pooler.dense.bias": np.ones(64, np.float32),
    }
    assert open_checkpoint(str(make_checkpoint(tensors))).tensors.keys() == random_tensors(SMALL).keys()


def test_a_pooler_that_is_used_must_be_there(make_checkpoint: CheckpointMaker) -> None:
    """transformers would go on with random numbers in its place."""
    with pytest.raises(CheckpointError, match=r"mobilebert\.pooler\.dense\.weight is missing"):
        open_checkpoint(str(make_checkpoint(classifier_activation=True)))


HEADS = {  # of transformers, and whether their tensors alone give them away
    "Model": True,
    "ForMaskedLM": True,
    "ForPreTraining": True,
    "ForNextSentencePrediction": True,
    "ForQuestionAnswering": True,
    "ForTokenClassification": False,
    "ForMultipleChoice": False,
}


@pytest.mark.parametrize("head", HEADS)
def test_other_heads_are_refused_by_name(head: str, tmp_path: Path) -> None:
    """What transformers saves of each class: named in the error, with and without its config's word."""
    pytest.importorskip("torch", reason="transformers' own classes need PyTorch")
    transformers = pytest.importorskip("transformers", reason="its classes save what is refused here")
    settings = transformers.MobileBertConfig(**small_settings())
    getattr(transformers, f"MobileBert{head}")(settings).save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=f"MobileBert{head} .*{NEEDED} is needed"):
        open_checkpoint(str(tmp_path))
    if HEADS[head]:
        saved = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps(saved | {"architectures": [NEEDED]}))
        with pytest.raises(CheckpointError, match=rf"MobileBert{head} \(it has .*{NEEDED} is needed"):
            open_checkpoint(str(tmp_path))
