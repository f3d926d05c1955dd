"""The graph computes what transformers' PyTorch classes compute, and no worse in float32."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np
import pytest

from export import graph, seeded
from export.architecture import MobileBertConfig
from export.parity import Sequence, draw_sequences
from tests.export import reference_numpy
from tests.export.conftest import SMALL, random_tensors
from tests.export.pytorch import pytorch_logits

ROWS = 20


def graph_logits(
    config: MobileBertConfig, tensors: Mapping[str, np.ndarray], sequences: tuple[Sequence, ...]
) -> np.ndarray:
    """The graph's logits for sequences of one padded length."""
    run = graph.build(config, tensors).runner(len(sequences[0].ids))
    return np.stack([run(s.ids, s.mask, s.types) for s in sequences])


@pytest.mark.parametrize("activation", [False, True], ids=["plain", "tanh-pooler"])
@pytest.mark.parametrize("length", [2, 17, 64])
def test_small_graph_equals_pytorch(length: int, activation: bool) -> None:
    """Any slip in order, mask, trigram, pooler or head would show within one part in 10,000."""
    config = dataclasses.replace(SMALL, classifier_activation=activation)
    tensors = random_tensors(config)
    sequences = draw_sequences(config, length, ROWS)
    theirs = pytorch_logits(config, tensors, sequences)
    assert np.abs(graph_logits(config, tensors, sequences) - theirs).max() <= 1e-4 * np.abs(theirs).max()


def test_true_graph_equals_pytorch() -> None:
    """The same for 24 layers and 24.6M parameters, where small differences could add up."""
    tensors = seeded.seeded_tensors(seeded.CONFIG, seed=3)
    sequences = draw_sequences(seeded.CONFIG, 128, ROWS)
    theirs = pytorch_logits(seeded.CONFIG, tensors, sequences)
    ours = graph_logits(seeded.CONFIG, tensors, sequences)
    assert np.abs(ours - theirs).max() <= 1e-4 * np.abs(theirs).max()


def test_large_activations_lose_no_more_than_pytorch() -> None:
    """The released checkpoint reaches 1e7 at [CLS]; there only float64 can say who is right."""
    tensors = random_tensors(SMALL)
    tensors["mobilebert.embeddings.word_embeddings.weight"][5] *= 1e7
    sequences = draw_sequences(SMALL, 40, ROWS)
    for sequence in sequences:
        sequence.ids[0] = 5
    exact = np.stack(
        [reference_numpy.logits(SMALL, tensors, s.ids, s.mask, s.types, np.float64) for s in sequences]
    )
    assert np.abs(exact).max() > 1e6
    ours = np.abs(graph_logits(SMALL, tensors, sequences) - exact).max()
    theirs = np.abs(pytorch_logits(SMALL, tensors, sequences) - exact).max()
    assert ours <= 2 * theirs


def test_the_numpy_reference_equals_pytorch() -> None:
    """The judge of the test above must itself be right; in float64 it agrees to float32's last digits."""
    tensors = random_tensors(SMALL, seed=2)
    sequences = draw_sequences(SMALL, 40, ROWS)
    exact = [reference_numpy.logits(SMALL, tensors, s.ids, s.mask, s.types) for s in sequences]
    theirs = pytorch_logits(SMALL, tensors, sequences)
    assert np.abs(np.stack(exact) - theirs).max() <= 1e-5 * np.abs(theirs).max()


def test_padding_has_no_weight_at_all() -> None:
    """What lies under the mask, beyond the last token's neighbour, cannot change a logit's last bit."""
    run = graph.build(SMALL, random_tensors(SMALL)).runner(32)
    sequence = draw_sequences(SMALL, 32, 3)[1]
    real = int(sequence.mask.sum())
    other = sequence.ids.copy()
    other[real + 1 :] = 7
    before = run(sequence.ids, sequence.mask, sequence.types)
    assert np.array_equal(run(other, sequence.mask, sequence.types), before)
    other[real - 1] = 7
    assert not np.array_equal(run(other, sequence.mask, sequence.types), before)


@pytest.mark.parametrize("length", [1, 65])
def test_a_length_without_positions_is_refused(length: int) -> None:
    """TensorFlow would slice what is there and broadcast the rest."""
    with pytest.raises(ValueError, match=f"length {length}"):
        graph.build(SMALL, random_tensors(SMALL)).function(length)
