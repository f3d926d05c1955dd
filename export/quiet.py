"""TensorFlow and TFLite without their chatter: what C++ writes to stderr goes to the log instead."""

from __future__ import annotations

import contextlib
import importlib
import io
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

_log = logging.getLogger(__name__)


def tensorflow() -> Any:  # noqa: ANN401  # a module without types
    """The tensorflow module, imported once, with its Python loggers and warnings turned down."""
    # Read when the C++ side is loaded; 3 keeps fatal messages.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with native_stderr_to_log(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # TensorFlow's C++ symbols take over those of a tflite-runtime that is loaded after it, and every
        # model is then refused ("vector::reserve"); in this order both work.
        with contextlib.suppress(ImportError):
            importlib.import_module("tflite_runtime.interpreter")
        module = importlib.import_module("tensorflow")
        module.get_logger().setLevel(logging.ERROR)
        module.autograph.set_verbosity(0)
    return module


@contextlib.contextmanager
def native_stderr_to_log() -> Iterator[None]:
    """While inside, whatever libraries write to file descriptor 2 becomes one DEBUG line at the end.

    Python's own `sys.stderr` keeps writing where it did, so that a progress bar lives on.
    """
    try:
        saved = os.dup(2)
    except OSError:  # no stderr at all, so nothing to keep clean
        yield
        return
    stderr = sys.stderr
    with tempfile.TemporaryFile() as caught:
        if isinstance(stderr, io.TextIOWrapper) and _is_native(stderr):
            stderr.flush()
            sys.stderr = open(saved, "w", encoding="utf-8", errors="replace", buffering=1, closefd=False)  # noqa: SIM115  # closed below
        os.dup2(caught.fileno(), 2)
        try:
            yield
        finally:
            if sys.stderr is not stderr:
                sys.stderr.flush()
                sys.stderr = stderr
            os.dup2(saved, 2)
            os.close(saved)
            caught.seek(0)
            if text := caught.read().decode("utf-8", errors="replace").strip():
                _log.debug("native stderr: %s", text)


def _is_native(stream: io.TextIOWrapper) -> bool:
    try:
        return stream.fileno() == 2
    except (OSError, ValueError):
        return False
