"""Graph and recipe to the bytes of a .tflite, and what that cost."""

from __future__ import annotations

import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export import quantizer
from export.architecture import signature_key
from export.calibration import TrainingRows
from export.graph import Graph, tf
from export.quiet import native_stderr_to_log
from export.recipes import Recipe
from results.errors import ConversionError, HarnessError
from results.record import ConversionCost

# The greatest number that float16 has.
_MOST_FLOAT16 = 65504.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conversion:
    """A converted file's bytes and its price.

    Of a calibrated recipe: `tensors`, each one's range; `reference`, the float file's logits, (rows, labels).
    """

    model: bytes
    cost: ConversionCost
    tensors: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    reference: NDArray[np.float32] | None = None


def convert(
    graph: Graph, recipe: Recipe, lengths: Sequence[int], rows: TrainingRows | None = None
) -> Conversion:
    """Convert once, with a signature per length over shared weights. `rows`: for a calibrated recipe.

    Raises: ConversionError with the converter's own words, and for weights that the recipe cannot store.
    """
    _forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    functions = {signature_key(n): graph.function(n).get_concrete_function() for n in lengths}
    if recipe.precision == "float16":
        _refuse_beyond_float16(graph, recipe)
    try:
        # Only a SavedModel keeps several signatures and their names.
        with tempfile.TemporaryDirectory(prefix="mobilebert-bench-") as folder, native_stderr_to_log():
            tf.saved_model.save(graph.module, folder, signatures=functions)
            converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=list(functions))
            if recipe.precision == "dynamic_int8":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                # The converter offers no public switch for this.
                converter._experimental_disable_per_channel_quantization_for_dense_layers = (
                    not recipe.per_channel
                )
            if recipe.precision == "float16":
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.target_spec.supported_types = [tf.float16]
            model = bytes(converter.convert())
        quantized = None
        if recipe.precision == "static_int8":
            assert rows is not None
            key, streams = signature_key(max(lengths)), recipe.streams == "int8"
            quantized = quantizer.quantize(model, rows, key=key, int8_streams=streams)
            model = quantized.model
    except HarnessError:
        raise
    except OSError as err:
        raise ConversionError(
            f"The conversion has no room to work: {err}",
            next_step="Free disk space, or point TMPDIR at a folder that has about 300 MB.",
        ) from err
    except Exception as err:  # the converter has no common error class
        raise ConversionError(
            f"The converter refused {recipe.name} (TensorFlow {tf.__version__}): {err}",
            next_step="Choose another recipe, or the versions of the lock file.",
            recipe=recipe.name,
        ) from err
    cost = ConversionCost(
        cpu_s=round(time.process_time() - cpu, 3),
        wall_s=round(time.perf_counter() - wall, 3),
        peak_rss_bytes=_peak_rss_bytes(),
    )
    if quantized is None:
        return Conversion(model=model, cost=cost)
    return Conversion(model=model, cost=cost, tensors=quantized.tensors, reference=quantized.logits)


def _refuse_beyond_float16(graph: Graph, recipe: Recipe) -> None:
    most = max(float(np.abs(values.numpy()).max()) for values in graph.module.weights)
    if most > _MOST_FLOAT16:
        raise ConversionError(
            f"A weight of {most:.3g} is beyond float16, which ends at {_MOST_FLOAT16:.0f}.",
            next_step="Choose another recipe.",
            recipe=recipe.name,
        )


def _forget_peak() -> None:
    """Let the peak be that of what follows, where the kernel can (Linux: see proc_pid_clear_refs)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak_rss_bytes() -> int:
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
