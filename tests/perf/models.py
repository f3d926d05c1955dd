"""The files that are compared with one another, and their time, measured in a way that bears neighbours."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from export.checkpoint import Checkpoint
from export.recipes import DEFAULT_RECIPE, recipe
from tests.perf.litert import ProfiledModel

LENGTH = 128
SIDE, LAYERS = 1024, 20  # together as many multiply-adds as MobileBERT at 128 tokens
SQUARE_MULTIPLY_ADDS = LENGTH * SIDE * SIDE * LAYERS
_TURNS, _TIMED = 5, 2


def rewritten(
    path: Path,
    checkpoint: Checkpoint,
    rewrites: Sequence[str],
    *,
    flat: bool = False,
    recipe_name: str = DEFAULT_RECIPE,
) -> Path:
    """The checkpoint by a recipe, at LENGTH tokens, with these rewrites instead of the recipe's own."""
    from export import convert, graph, rewrite
    from export.network import from_tensors

    network = rewrite.apply(from_tensors(checkpoint.config, checkpoint.tensors), rewrites)
    built = graph.of(network, flat=flat)
    path.write_bytes(convert.convert(built, recipe(recipe_name), (LENGTH,)).model)
    return path


def square_layers(path: Path) -> Path:
    """A chain of LAYERS dense layers, SIDE to SIDE, over LENGTH rows, in dynamic int8 as TensorFlow makes it.

    It takes integers, as the network does, since those are what the profiler feeds.
    """
    from export.graph import tf

    generator = np.random.default_rng(0)
    module = tf.Module()
    module.start = tf.Variable(generator.standard_normal((1, SIDE)), dtype=tf.float32)
    module.weights = [
        tf.Variable(generator.standard_normal((SIDE, SIDE)) / SIDE**0.5, dtype=tf.float32)
        for _ in range(LAYERS)
    ]

    def chain(rows):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        hidden = tf.cast(tf.reshape(rows, (LENGTH, 1)), tf.float32) * module.start
        for weight in module.weights:
            hidden = tf.matmul(hidden, weight, transpose_b=True)
        return {"result": hidden}

    function = tf.function(chain, input_signature=[tf.TensorSpec((1, LENGTH), tf.int32, name="rows")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    path.write_bytes(converter.convert())
    return path


def in_turn(rounds: int, ways: Mapping[str, tuple[Path, str | None]]) -> dict[str, list[float]]:
    """Milliseconds of each way, a file and one of its signatures, in each round; one thread.

    A round opens all files and lets them take turns; its figure is the median of _TURNS * _TIMED runs. Of
    processor time: a single thread has the wall time of a machine that has nothing else to do, and its
    neighbours on a busy one do not count. Opened anew each time, because where its memory lies makes one and
    the same file 1 to 3 % faster or slower, which an interval over rounds must show.
    """
    taken_ms: dict[str, list[float]] = {name: [] for name in ways}
    chance = random.Random(0)
    for _ in range(rounds):
        with ExitStack() as opened:
            models = {
                name: opened.enter_context(
                    ProfiledModel(path, signature=signature, threads=1, profiling=False)
                )
                for name, (path, signature) in ways.items()
            }
            spent: dict[str, list[float]] = {name: [] for name in ways}
            for _ in range(_TURNS):
                # Nobody always follows a large file, which leaves the caches full of itself.
                for name in chance.sample(list(models), len(models)):
                    spent[name] += _run(models[name])[-_TIMED:]
        for name, each in spent.items():
            taken_ms[name].append(1000 * float(np.median(each)))
    return taken_ms


def _run(model: ProfiledModel) -> list[float]:
    """Seconds of some runs, of which the first warms the caches that others have used."""
    seconds = []
    for _ in range(1 + _TIMED):
        before = time.thread_time()
        model.run()
        seconds.append(time.thread_time() - before)
    return seconds
