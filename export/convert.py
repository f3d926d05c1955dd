"""Graph and recipe to the bytes of a .tflite, and what that cost."""

from __future__ import annotations

import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from export.architecture import signature_key
from export.graph import Graph, tf
from export.quiet import native_stderr_to_log
from export.recipes import Recipe
from results.errors import ConversionError
from results.record import ConversionCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """A converted file's bytes and its price."""

    model: bytes
    cost: ConversionCost


def convert(graph: Graph, recipe: Recipe, lengths: Sequence[int]) -> Conversion:
    """Convert once, with a signature per length over shared weights.

    Raises: ConversionError with the converter's own words.
    """
    _forget_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    functions = {signature_key(n): graph.function(n).get_concrete_function() for n in lengths}
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
            model = bytes(converter.convert())
    except OSError as err:
        raise ConversionError(
            f"The conversion has no room to work: {err}",
            next_step="Free disk space, or point TMPDIR at a folder that has about 300 MB.",
        ) from err
    except Exception as err:  # the converter has no common error class
        raise ConversionError(
            f"TensorFlow {tf.__version__} refused to convert with {recipe.name}: {err}",
            next_step="Choose another recipe, or the TensorFlow version of the lock file.",
            recipe=recipe.name,
        ) from err
    cost = ConversionCost(
        cpu_s=round(time.process_time() - cpu, 3),
        wall_s=round(time.perf_counter() - wall, 3),
        peak_rss_bytes=_peak_rss_bytes(),
    )
    return Conversion(model=model, cost=cost)


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
