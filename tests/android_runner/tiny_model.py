"""A .tflite of a few kilobytes with MobileBERT's inputs and output, and copies of it with something changed.

Logits depend on every token's id, type and mask and on its position, so that swapped inputs show.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from android_runner.cache import cache_folder
from android_runner.sequences import Sequences

LENGTH = 8
LONGER = 16
VOCABULARY = 50


@functools.cache
def tiny_model(*lengths: int) -> Path:
    """The model with one signature `sL` per length L, from the cache or converted now (some 5 s)."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(f"{importlib.metadata.version('ai-edge-litert')} {sys.version_info[:2]}".encode())
    path = cache_folder() / "test-models" / f"{digest.hexdigest()[:16]}-{'-'.join(map(str, lengths))}.tflite"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        # A process of its own: TensorFlow warns as it is loaded, and warnings are errors here.
        environment = {
            **os.environ,
            "TF_CPP_MIN_LOG_LEVEL": "3",
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        subprocess.run(
            [sys.executable, __file__, str(path), *map(str, lengths)],
            check=True,
            capture_output=True,
            env=environment,
        )
    return path


def edited(path: Path, edit: Callable[[Any], None], target: Path) -> Path:
    """A copy of the model after `edit`, which gets TFLite's object tree (schema.fbs: ModelT)."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    tree = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()))
    edit(tree)
    builder = flatbuffers.Builder()
    builder.Finish(tree.Pack(builder), file_identifier=b"TFL3")
    target.write_bytes(bytes(builder.Output()))
    return target


def some_sequences(rows: int = 7, *, length: int = LENGTH, vocabulary: int = VOCABULARY) -> Sequences:
    """Random rows, the same at every call; row ids 5, 8, 11, …"""
    random = np.random.default_rng(1)
    used = random.integers(2, length + 1, size=(rows, 1))
    return Sequences(
        row_ids=5 + 3 * np.arange(rows),
        input_ids=random.integers(0, min(vocabulary, VOCABULARY), size=(rows, length)),
        attention_mask=(np.arange(length) < used).astype(np.int32),
        token_type_ids=random.integers(0, 2, size=(rows, length)),
        vocabulary_size=vocabulary,
    )


def python_logits(path: Path, sequences: Sequences) -> np.ndarray[Any, Any]:
    """What LiteRT's Python interpreter computes: (rows, labels)."""
    from ai_edge_litert.interpreter import Interpreter

    run = Interpreter(str(path), num_threads=1).get_signature_runner(f"s{sequences.length}")
    return np.concatenate(
        [
            run(
                input_ids=sequences.input_ids[row : row + 1],
                attention_mask=sequences.attention_mask[row : row + 1],
                token_type_ids=sequences.token_type_ids[row : row + 1],
            )["logits"]
            for row in range(sequences.rows)
        ]
    )


def _convert(path: Path, lengths: list[int]) -> None:
    import tensorflow as tf

    random = np.random.default_rng(0)
    ids, types, kernel, places = (
        tf.constant(random.normal(size=shape).astype(np.float32))
        for shape in ((VOCABULARY, 16), (2, 16), (16, 3), (max(lengths), 16))
    )

    def logits(
        input_ids: tf.Tensor, attention_mask: tf.Tensor, token_type_ids: tf.Tensor
    ) -> dict[str, tf.Tensor]:
        length = input_ids.shape[1]
        hidden = tf.gather(ids, input_ids) + tf.gather(types, token_type_ids) + places[:length]  # (1, L, 16)
        hidden = tf.tanh(hidden * tf.cast(attention_mask, tf.float32)[:, :, None])
        return {"logits": tf.matmul(tf.reduce_sum(hidden, 1) / float(length), kernel)}  # (1, 3)

    names = ("input_ids", "attention_mask", "token_type_ids")
    with tempfile.TemporaryDirectory() as folder:
        module = tf.Module()
        module.functions = {
            f"s{length}": tf.function(logits).get_concrete_function(
                *(tf.TensorSpec((1, length), tf.int32, name=name) for name in names)
            )
            for length in lengths
        }
        tf.saved_model.save(module, folder, signatures=module.functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(module.functions))
        part = path.with_suffix(f".{os.getpid()}")
        part.write_bytes(converter.convert())
        part.replace(path)


if __name__ == "__main__":
    _convert(Path(sys.argv[1]), [int(length) for length in sys.argv[2:]])
