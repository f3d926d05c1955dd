"""The folder on this machine for what can be made again: bundles, virtual phones, the host's work folder."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """MOBILEBERT_BENCH_CACHE, else ~/.cache/mobilebert-bench; it may not exist yet."""
    chosen = os.environ.get("MOBILEBERT_BENCH_CACHE")
    return Path(chosen).absolute() if chosen else Path.home() / ".cache" / "mobilebert-bench"
