"""The interpreters: what each may load, in which order they are imported, and files that are no model."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from export import graph, runtime
from export.artifact import ArtifactFiles
from export.parity import draw_sequences
from export.recipes import RECIPES
from export.runtime import Interpreter, open_runtime
from export.runtimes import RUNTIMES, unfit
from results.errors import ConfigError, ConversionError
from tests.export.conftest import LENGTH, SMALL

needs_tflite_runtime = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="the last tflite-runtime is for Python 3.11"
)


@pytest.fixture
def models(artifacts: dict[str, ArtifactFiles]) -> dict[str, Path]:
    return {name: files.model_path for name, files in artifacts.items()}


def run(interpreter: Interpreter) -> np.ndarray:
    return np.stack([interpreter.logits(s.ids, s.mask, s.types) for s in draw_sequences(SMALL, LENGTH, 5)])


@needs_tflite_runtime
@pytest.mark.parametrize("recipe", ["float32", "dynamic_int8_per_tensor"])
def test_tflite_runtime_runs_what_it_can_load(models: dict[str, Path], recipe: str) -> None:
    """Three years lie between the two interpreters; what the older one loads, it must also get right."""
    older = open_runtime(models[recipe], runtime="tflite-runtime", threads=1, recipe=recipe)
    newer = open_runtime(models[recipe], runtime="ai-edge-litert", threads=1, recipe=recipe)
    assert older.version == "2.14.0"
    share = 1e-4 if recipe == "float32" else 0.1
    assert np.abs(run(older) - run(newer)).max() <= share * np.abs(run(newer)).max()


@needs_tflite_runtime
def test_tflite_runtime_is_refused_for_what_it_cannot_load(models: dict[str, Path]) -> None:
    """Its own words ("FULLY_CONNECTED version 12") say nothing to a user; the recipe's name does."""
    with pytest.raises(ConfigError, match="recipe dynamic_int8 ") as caught:
        open_runtime(models["dynamic_int8"], runtime="tflite-runtime", threads=1, recipe="dynamic_int8")
    assert "float32, dynamic_int8_per_tensor" in caught.value.next_step
    with pytest.raises(ConversionError, match="version '12'"):
        open_runtime(models["dynamic_int8"], runtime="tflite-runtime", threads=1)


@pytest.mark.parametrize("recipe", ["float32", "dynamic_int8"])
def test_tensorflows_own_interpreter_runs_the_same_file(models: dict[str, Path], recipe: str) -> None:
    """It is older code than LiteRT's, and says at each start that it will be deleted; nobody may see that."""
    theirs = open_runtime(models[recipe], runtime="tensorflow", threads=1, recipe=recipe)
    newer = open_runtime(models[recipe], runtime="ai-edge-litert", threads=1, recipe=recipe)
    assert theirs.version.startswith("2.21.")
    assert np.abs(run(theirs) - run(newer)).max() <= 1e-4 * np.abs(run(newer)).max()


@needs_tflite_runtime
def test_tflite_runtime_runs_after_tensorflow_in_one_process(models: dict[str, Path]) -> None:
    """A worker takes one job after another; imported the other way round, every model would be refused."""
    program = (
        "import pathlib\n"
        "from export.runtime import open_runtime\n"
        f"path = pathlib.Path({str(models['float32'])!r})\n"
        "for name in ('tensorflow', 'tflite-runtime', 'ai-edge-litert', 'tensorflow'):\n"
        "    open_runtime(path, runtime=name, threads=1)\n"
        "print('all')\n"
    )
    root = Path(__file__).parent.parent.parent
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=False
    )
    assert (ended.stdout, ended.stderr) == ("all\n", "")


def test_torch_has_no_file_to_open(models: dict[str, Path]) -> None:
    """It runs the weights; the file's logits under its name would be a comparison with itself."""
    with pytest.raises(ConfigError, match="torch runs the checkpoint's weights"):
        open_runtime(models["float32"], runtime="torch", threads=1)
    for recipe, known in RECIPES.items():
        assert (unfit("torch", recipe) is None) == (known.precision == "float32")
    assert all(unfit(name, "of a bare file") is None for name in RUNTIMES)


def test_an_unknown_or_absent_runtime_is_a_wrong_call(
    models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.12 and later have no tflite-runtime, and its absence is no damage to the file."""
    with pytest.raises(ConfigError, match='no runtime "onnx"'):
        open_runtime(models["float32"], runtime="onnx", threads=1)
    monkeypatch.setitem(runtime.RUNTIMES, "tflite-runtime", "no_such_module.interpreter")
    with pytest.raises(ConfigError, match=r"is for Python 3\.11"):
        open_runtime(models["float32"], runtime="tflite-runtime", threads=1)


@pytest.mark.parametrize(
    "which", ["ai-edge-litert", "tensorflow", pytest.param("tflite-runtime", marks=needs_tflite_runtime)]
)
@pytest.mark.parametrize("damage", ["absent", "empty", "truncated", "noise", "folder"])
def test_a_file_that_is_no_model_is_named(
    models: dict[str, Path], tmp_path: Path, which: str, damage: str
) -> None:
    """tflite-runtime crashes the whole process on a truncated file; nobody may get that far."""
    path = tmp_path / "model.tflite"
    whole = models["float32"].read_bytes()
    contents = {"empty": b"", "truncated": whole[: len(whole) // 2], "noise": whole[:8] + b"\xff" * 1000}
    if damage == "folder":
        path.mkdir()
    elif damage != "absent":
        path.write_bytes(contents[damage])
    with pytest.raises(ConversionError) as caught:
        open_runtime(path, runtime=which, threads=1)
    assert str(path) in caught.value.what


def test_a_signature_that_is_not_there_is_named(models: dict[str, Path]) -> None:
    """Asking for length 128 of a file for 16 must not run something else."""
    with pytest.raises(ConfigError, match='signatures s32, and "s128" is not one of them'):
        open_runtime(models["float32"], threads=1, signature="s128")


@pytest.mark.parametrize(
    ("names", "dtype", "output", "found"),
    [
        (("input_ids", "input_mask", "segment_ids"), "int32", "logits", "input_mask"),
        (("input_ids", "attention_mask"), "int32", "logits", "attention_mask"),
        (("input_ids", "attention_mask", "token_type_ids"), "float32", "logits", "float32"),
        (("input_ids", "attention_mask", "token_type_ids"), "int32", "scores", "scores"),
    ],
)
def test_a_model_with_other_inputs_or_outputs_is_refused(
    tmp_path: Path, names: tuple[str, ...], dtype: str, output: str, found: str
) -> None:
    """Feeding by order what cannot be fed by name is how published exports came out at chance."""
    tf = graph.tf
    module = tf.Module()
    specs = [tf.TensorSpec((1, 4), dtype, name=name) for name in names]
    function = tf.function(
        lambda *inputs: {output: sum(tf.cast(each, tf.float32) for each in inputs)}, input_signature=specs
    )
    tf.saved_model.save(module, str(tmp_path), signatures={"s4": function.get_concrete_function()})
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path), signature_keys=["s4"])
    path = tmp_path / "model.tflite"
    path.write_bytes(converter.convert())
    with pytest.raises(ConversionError, match=found):
        open_runtime(path, threads=1)


def test_stderr_is_the_harness_alone(models: dict[str, Path]) -> None:
    """Native libraries write behind sys.stderr's back; what Python prints still appears."""
    program = (
        "import pathlib, sys\n"
        "from export.quiet import native_stderr_to_log\n"
        "from export.runtime import open_runtime\n"
        f"open_runtime(pathlib.Path({str(models['float32'])!r}), threads=1)\n"
        "with native_stderr_to_log():\n"
        "    print('progress', file=sys.stderr)\n"
        "print('after', file=sys.stderr)\n"
    )
    root = Path(__file__).parent.parent.parent
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True
    )
    assert ended.stderr == "progress\nafter\n"
