"""What XNNPACK takes of a file: told rightly, per signature, and refused where arithmetic stays behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from export.artifact import ArtifactFiles
from export.delegation import check, read_delegation
from export.quiet import native_stderr_to_log, tensorflow
from results.errors import ConversionError
from tests.perf.litert import NODE, ProfiledModel

DENSE = 16 * 32 * 32  # the multiply-adds of one of the dense layers below
ATTENTION = 2 * 4 * 16 * 16 * 8  # of its two batch matmuls


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`static_int8`: attention between two dense layers; `several`: signatures of which some are odd."""
    tf = tensorflow()
    generator = np.random.default_rng(0)
    # Positive weights and samples: XNNPACK takes an 8-bit batch matmul whose second input has zero point 0.
    weights = tf.constant(generator.random((32, 32), np.float32))
    kernel = tf.constant(generator.standard_normal((3, 3, 2, 8), np.float32))

    def attention(x: object) -> object:
        heads = tf.transpose(tf.reshape(tf.matmul(x, weights), (16, 4, 8)), (1, 0, 2))
        shares = tf.nn.softmax(tf.matmul(heads, heads, transpose_b=True))
        mixed = tf.transpose(tf.matmul(shares, heads), (1, 0, 2))
        return {"y": tf.matmul(tf.reshape(mixed, (16, 32)), weights)}

    # XNNPACK has no running sum.
    bodies: dict[str, tuple[tuple[int, ...], Callable[..., object]]] = {
        "attention": ((16, 32), attention),
        "convolution": ((1, 6, 6, 2), lambda x: {"y": tf.nn.conv2d(x, kernel, 1, "VALID")}),
        "parted": (
            (16, 32),
            lambda x: {"y": tf.matmul(tf.cumsum(tf.nn.relu(tf.matmul(x, weights))), weights)},
        ),
        "sums": ((16, 32), lambda x: {"y": tf.cumsum(x)}),
        "turned": ((4, 8, 32), lambda x: {"y": tf.matmul(x, x, transpose_a=True)}),
    }
    module = tf.Module()
    functions = {
        key: tf.function(body, input_signature=[tf.TensorSpec(shape, tf.float32, name="x")])
        for key, (shape, body) in bodies.items()
    }
    module.functions = functions
    concrete = {key: function.get_concrete_function() for key, function in functions.items()}
    folder = tmp_path_factory.mktemp("delegation")

    def sample() -> Iterator[list[np.ndarray]]:
        yield from ([generator.random((16, 32), np.float32)] for _ in range(4))

    with native_stderr_to_log():
        tf.saved_model.save(module, str(folder / "saved"), signatures=concrete)
        several = tf.lite.TFLiteConverter.from_saved_model(
            str(folder / "saved"), signature_keys=list(concrete)
        )
        static = tf.lite.TFLiteConverter.from_concrete_functions([concrete["attention"]], module)
        static.optimizations = [tf.lite.Optimize.DEFAULT]
        static.representative_dataset = sample
        for name, converter in (("several", several), ("static_int8", static)):
            (folder / f"{name}.tflite").write_bytes(converter.convert())
    return {name: folder / f"{name}.tflite" for name in ("several", "static_int8")}


@pytest.mark.parametrize("recipe", ["float32", "dynamic_int8", "dynamic_int8_per_tensor"])
def test_all_arithmetic_of_these_recipes_is_inside(artifacts: dict[str, ArtifactFiles], recipe: str) -> None:
    """A recipe that XNNPACK takes in pieces, or not at all, is several times slower and looks the same."""
    (found,) = read_delegation(artifacts[recipe].model_path)
    assert (found.share, found.partitions, found.heavy_outside) == (1.0, 1, ())
    assert found.multiply_adds > 0
    assert check([found], recipe) == 1.0


def test_a_static_file_leaves_its_attention_outside(models: dict[str, Path]) -> None:
    """XNNPACK takes no softmax and few batch matmuls of 8-bit integers, and nothing else would say so."""
    (found,) = read_delegation(models["static_int8"])
    assert found.partitions == 2
    assert found.multiply_adds == 2 * DENSE + ATTENTION
    assert found.outside_by_kind == {"BATCH_MATMUL": 2, "SOFTMAX": 1}
    assert [operator.multiply_adds for operator in found.heavy_outside] == [ATTENTION // 2] * 2
    assert found.share == pytest.approx(2 * DENSE / (2 * DENSE + ATTENTION))


def test_heavy_operators_outside_are_refused_by_name(
    models: dict[str, Path], golden: Callable[[str, str], None]
) -> None:
    """Whoever reads it must see which operators, how much of the work, and how to have it all the same."""
    found = read_delegation(models["static_int8"])
    with pytest.raises(ConversionError) as caught:
        check(found, "static_int8")
    golden("undelegated.txt", caught.value.render() + "\n")
    assert check(found, "static_int8", allow=True) == pytest.approx(2 / 3)


def test_each_signature_is_looked_at_for_itself(models: dict[str, Path]) -> None:
    """The interpreter lists the first subgraph's nodes only; every other one must not be taken for it."""
    found = {each.signature: each for each in read_delegation(models["several"])}
    assert {key: (each.partitions, each.outside_by_kind) for key, each in found.items()} == {
        "attention": (1, {}),
        "convolution": (1, {}),
        "parted": (2, {"CUMSUM": 1}),
        "sums": (0, {"CUMSUM": 1}),
        "turned": (1, {}),
    }


def test_multiply_adds_are_those_of_the_shapes(models: dict[str, Path]) -> None:
    """The share is one of arithmetic, so each kind's has to be counted by its own rule."""
    assert {each.signature: each.multiply_adds for each in read_delegation(models["several"])} == {
        "attention": 2 * DENSE + ATTENTION,
        "convolution": 4 * 4 * 8 * (3 * 3 * 2),
        "parted": 2 * DENSE,
        "sums": 0,
        "turned": 4 * 32 * 32 * 8,
    }


def test_no_share_where_nothing_is_counted(models: dict[str, Path]) -> None:
    """Neither all nor nothing is inside of no arithmetic at all."""
    (sums,) = (each for each in read_delegation(models["several"]) if each.signature == "sums")
    assert sums.share is None
    assert check([sums], "float32") is None


@pytest.mark.parametrize(
    ("model", "signature"),
    [("static_int8", None), ("several", "attention"), ("several", "parted"), ("several", "sums")],
)
def test_what_ran_outside_is_what_is_told(models: dict[str, Path], model: str, signature: str | None) -> None:
    """The answer comes from the interpreter's private lists; the runtime's own profiler must agree."""
    told = [each for each in read_delegation(models[model]) if signature in (None, each.signature)]
    with ProfiledModel(models[model], signature=signature, threads=1) as compiled:
        ran = {(event.index, event.tag) for event in compiled.profile() if event.kind == NODE}
    assert ran == {(operator.index, operator.kind) for operator in told[0].outside}


@pytest.mark.parametrize("content", [None, b"", b"no model"])
def test_files_that_are_no_model_are_refused(tmp_path: Path, content: bytes | None) -> None:
    """The tables are read without checks, so what cannot be a model must never get that far."""
    path = tmp_path / "model.tflite"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConversionError, match=r"model\.tflite"):
        read_delegation(path)


def test_a_damaged_file_is_refused(models: dict[str, Path], tmp_path: Path) -> None:
    """As above, where the file begins well."""
    whole = models["static_int8"].read_bytes()
    path = tmp_path / "model.tflite"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ConversionError, match="cannot open"):
        read_delegation(path)
