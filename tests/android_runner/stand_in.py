"""The program that stands for benchmark_model in the tests, compiled once and kept in the cache."""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
from pathlib import Path

from android_runner.benchmark_model_text import Dialect
from android_runner.cache import cache_folder
from android_runner.virtual.build import LOADER

SOURCE = Path(__file__).with_name("benchmark_model.c")


@functools.cache
def stand_in(dialect: Dialect, *, for_phone: bool = True) -> Path:
    """For a virtual phone, or (`for_phone` False) for an ordinary Linux, which no phone is. About 3 s."""
    flags = ["-target", "x86_64-linux-gnu.2.34", "-std=gnu11", "-O1", "-s", "-Wall", "-Wno-unused-function"]
    if dialect == "litert":
        flags.append("-DLITERT")
    if for_phone:
        flags += [f"-Wl,--dynamic-linker=/adbd/{LOADER}", "-Wl,-rpath,/adbd"]
    digest = hashlib.sha256(SOURCE.read_bytes() + " ".join(flags).encode()).hexdigest()
    path = cache_folder() / "test-programs" / f"benchmark_model-{digest[:16]}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(f".{os.getpid()}")
        zig = str(cache_folder() / "zig")
        subprocess.run(
            [sys.executable, "-m", "ziglang", "cc", *flags, "-o", str(part), str(SOURCE), "-lm"],
            env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": zig, "ZIG_LOCAL_CACHE_DIR": zig},
            check=True,
            capture_output=True,
        )
        part.replace(path)
    return path
