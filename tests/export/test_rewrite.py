"""Exact rewrites: the function stays, in float64 to the last digits, in float32, and in 8-bit arithmetic."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from export import convert, evaluate, graph, rewrite, seeded
from export.architecture import MobileBertConfig
from export.network import Network, from_tensors
from export.parity import draw_sequences
from export.recipes import EQUALIZE, RECIPES, recipe
from export.runtime import open_runtime
from results.errors import CheckpointError, ConfigError
from tests.export import reference_numpy
from tests.export.conftest import SMALL, random_tensors

# Every rewrite by itself, with what it needs, and all that go together.
ALONE = (
    ("fold_norms",),
    ("fold_norms", "scale_residuals"),
    ("fold_norms", "fold_residuals"),
    ("fold_score_scale",),
    ("first_token_only",),
    ("merge_query_key",),
    ("merge_readers",),
)
TOGETHER = tuple(dict.fromkeys(tuple(n for n in r.rewrites if n != EQUALIZE) for r in RECIPES.values()))
DEEP = dataclasses.replace(
    SMALL, num_hidden_layers=24, hidden_size=32, intra_bottleneck_size=16, intermediate_size=24
)


def vary(tensors: Mapping[str, np.ndarray], log_sd: float, seed: int = 0) -> dict[str, np.ndarray]:
    """The tensors with every norm's scales multiplied by log-normal numbers of mean 1."""
    generator = np.random.default_rng(seed)
    return {
        name: tensor * np.exp(generator.normal(-(log_sd**2) / 2, log_sd, tensor.shape)).astype(tensor.dtype)
        if name.endswith("LayerNorm.weight")
        else tensor
        for name, tensor in tensors.items()
    }


def uneven(tensors: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """The tensors with dense weights of Gaussian sizes: equal ones lose nothing to 8 bits."""
    generator = np.random.default_rng(seed)
    return {
        name: (tensor * np.abs(generator.standard_normal(tensor.shape))).astype(tensor.dtype)
        if tensor.ndim == 2 and not name.endswith("_embeddings.weight")
        else tensor
        for name, tensor in tensors.items()
    }


def drift(tensors: Mapping[str, np.ndarray], decades: float) -> dict[str, np.ndarray]:
    """The tensors with the scales behind residuals such that their products spread over `decades`."""
    outer = "output.bottleneck.LayerNorm.weight"
    inner = ("attention.output.LayerNorm.weight", ".output.LayerNorm.weight")
    count = sum(name.endswith(outer) for name in tensors)
    within = sum(name.endswith(inner) for name in tensors) // count

    def spread(tensor: np.ndarray, norms: int) -> np.ndarray:
        return 10 ** (np.linspace(-decades / 2, decades / 2, tensor.size) / norms) * np.sign(tensor)

    return {
        name: spread(tensor, count)
        if name.endswith(outer)
        else spread(tensor, within)
        if name.endswith(inner)
        else tensor
        for name, tensor in tensors.items()
    }


def exact(network: Network) -> np.ndarray:
    """Logits of a few sequences by the network as it is, (rows, labels)."""
    sequences = draw_sequences(network.config, 24, 5)
    return np.stack([evaluate.logits(network, s.ids, s.mask, s.types) for s in sequences])


def doubled(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors in float64."""
    return {name: tensor.astype(np.float64) for name, tensor in tensors.items()}


def assert_same(config: MobileBertConfig, tensors: Mapping[str, np.ndarray], names: tuple[str, ...]) -> None:
    """The rewritten network gives the same logits in float64, relative error 1e-10."""
    network = from_tensors(config, doubled(tensors))
    before, after = exact(network), exact(rewrite.apply(network, names))
    assert np.abs(after - before).max() <= 1e-10 * np.abs(before).max()


def test_the_evaluator_is_the_reference() -> None:
    """All that follows is judged by it, so it must agree with another text of the same network."""
    tensors = doubled(random_tensors(SMALL))
    network = from_tensors(SMALL, tensors)
    for s in draw_sequences(SMALL, 24, 5):
        theirs = reference_numpy.logits(SMALL, tensors, s.ids, s.mask, s.types)
        ours = evaluate.logits(network, s.ids, s.mask, s.types)
        assert np.abs(ours - theirs).max() <= 1e-12 * np.abs(theirs).max()


@pytest.mark.parametrize("names", [*ALONE, *TOGETHER], ids="+".join)
def test_no_rewrite_changes_the_function(names: tuple[str, ...]) -> None:
    """Random gammas, some of them negative: a fold that forgets a factor is off by much more."""
    tensors = vary(random_tensors(SMALL), 0.3)
    for name, tensor in tensors.items():
        if name.endswith("LayerNorm.weight"):
            tensor[::7] *= -1
    assert_same(SMALL, tensors, names)


@pytest.mark.parametrize("names", [*ALONE, *TOGETHER], ids="+".join)
def test_gammas_over_six_decades(names: tuple[str, ...]) -> None:
    """The fold multiplies scales through all layers; what it divides by must come back."""
    tensors = drift(random_tensors(DEEP), 6)
    product = np.prod(
        [t for n, t in tensors.items() if n.endswith("output.bottleneck.LayerNorm.weight")], axis=0
    )
    assert np.abs(product).max() / np.abs(product).min() == pytest.approx(1e6)
    assert_same(DEEP, tensors, names)


@pytest.mark.parametrize("names", TOGETHER, ids="+".join)
def test_float32_stays_what_it_was(names: tuple[str, ...]) -> None:
    """Folded weights are rounded once more; that may cost the order of float32's own error, no more."""
    tensors = vary(random_tensors(DEEP), 0.3)
    before = exact(from_tensors(DEEP, doubled(tensors)))
    run = graph.of(rewrite.apply(from_tensors(DEEP, tensors), names)).runner(24)
    after = np.stack([run(s.ids, s.mask, s.types) for s in draw_sequences(DEEP, 24, 5)])
    assert np.abs(after - before).max() <= 1e-5 * np.abs(before).max()


def test_each_rewrite_changes_the_network() -> None:
    """A rewrite that does nothing would pass every test above."""
    network = from_tensors(SMALL, random_tensors(SMALL))
    plain = network.layers[-1]
    assert rewrite.apply(network, ("fold_norms",)).layers[0].norms == {}
    kept = rewrite.apply(network, ("fold_norms", "scale_residuals")).layers[0].attended
    assert kept.norm is None
    assert kept.keep is not None
    folded = rewrite.apply(network, ("fold_norms", "fold_residuals")).layers[0].attended
    assert folded.norm is None
    assert folded.keep is None
    assert rewrite.apply(network, ("fold_score_scale",)).score_scale == 1.0
    last = rewrite.apply(network, ("first_token_only",)).layers[-1]
    assert {p.makes[0] for p in last.projections if p.first_only} == {"stream", "query"}
    merged = rewrite.apply(network, ("merge_query_key",)).layers[-1]
    assert len(merged.projections) == len(plain.projections) - 1
    merged = rewrite.apply(network, ("merge_readers",)).layers[-1]
    assert len(merged.projections) == len(plain.projections) - 2


def test_a_network_of_layer_norms_keeps_them() -> None:
    """Statistics cannot be folded; the rest of a recipe's rewrites still applies."""
    config = dataclasses.replace(SMALL, normalization_type="layer_norm", hidden_act="gelu")
    for names in TOGETHER:
        assert_same(config, random_tensors(config), names)
        done = rewrite.applicable(config, names)
        assert set(names) - set(done) == {n for n in names if n.endswith(("_norms", "_residuals"))}
        assert rewrite.applicable(SMALL, names) == rewrite.check(names)


def test_a_gamma_of_zero_is_not_divided_by() -> None:
    """It is a legal weight: the fold says that it cannot, and its cautious sibling goes on."""
    tensors = random_tensors(SMALL)
    tensors["mobilebert.encoder.layer.1.output.bottleneck.LayerNorm.weight"][5] = 0
    network = from_tensors(SMALL, tensors)
    with pytest.raises(CheckpointError, match="layer 1 has the scale 0 in channel 5") as caught:
        rewrite.apply(network, ("fold_norms", "fold_residuals"))
    assert "fold_norms,scale_residuals" in caught.value.next_step
    tensors["mobilebert.encoder.layer.1.output.bottleneck.LayerNorm.weight"][5] = 1e-30
    with pytest.raises(CheckpointError, match="too far from 1"):
        rewrite.refuse_impossible(from_tensors(SMALL, tensors), RECIPES["float32"].rewrites)
    for name in ("float16", "dynamic_int8"):
        rewrite.refuse_impossible(network, RECIPES[name].rewrites)
    assert_same(SMALL, tensors, ("fold_norms", "scale_residuals"))


def test_unknown_and_lonely_names_are_refused() -> None:
    """A typing mistake must not pass for "no rewrite", nor an order of words for an order of rewrites."""
    with pytest.raises(ConfigError, match='no rewrite "fold_norm"'):
        rewrite.check(("fold_norm",))
    with pytest.raises(ConfigError, match="fold_residuals needs fold_norms"):
        rewrite.check(("fold_residuals",))
    with pytest.raises(ConfigError, match="exclude each other"):
        rewrite.check(("fold_norms", "fold_residuals", "scale_residuals"))
    assert rewrite.check(("merge_readers", "fold_norms")) == ("fold_norms", "merge_readers")


def int8_error(network: Network, folder: Path) -> float:
    """The root mean square of dynamic_int8's error, as a share of the logits' own."""
    length, rows = 16, 96
    path = folder / "model.tflite"
    path.write_bytes(convert.convert(graph.of(network), recipe("dynamic_int8"), (length,)).model)
    run = open_runtime(path, threads=1).logits
    sequences = draw_sequences(network.config, length, rows)
    reference = np.stack([evaluate.logits(network, s.ids, s.mask, s.types) for s in sequences])
    error = np.stack([run(s.ids, s.mask, s.types) for s in sequences]) - reference
    return float(np.sqrt(np.mean(error**2) / np.mean(reference**2)))


@pytest.mark.slow
@pytest.mark.parametrize("log_sd", [0.1, 0.3, 0.5])
def test_int8_holds_where_gammas_vary(log_sd: float, tmp_path: Path) -> None:
    """The default recipe's rewrites cost at most a tenth more 8-bit error than none, however gammas vary."""
    config = dataclasses.replace(
        seeded.CONFIG,
        vocab_size=300,
        hidden_size=64,
        intra_bottleneck_size=32,
        intermediate_size=64,
        embedding_size=32,
        max_position_embeddings=32,
        num_hidden_layers=6,
    )
    # One network's error is one draw of rounding noise, so three are taken together.
    networks = [
        from_tensors(config, vary(uneven(seeded.seeded_tensors(config, seed), seed), log_sd, seed=seed))
        for seed in (1, 2, 3)
    ]

    def error(*rewrites: str) -> float:
        changed = [rewrite.apply(network, rewrites) for network in networks]
        return float(np.sqrt(np.mean([int8_error(each, tmp_path) ** 2 for each in changed])))

    plain = error()
    assert error(*RECIPES["dynamic_int8"].rewrites) <= 1.1 * plain
    if log_sd == 0.5:  # why 8-bit recipes keep a multiply where float32's fold it
        assert error(*RECIPES["float32"].rewrites) > 1.3 * plain
