"""C sources -> the device program, with the pinned Zig."""

from __future__ import annotations

import hashlib
import importlib.metadata
import sys
from pathlib import Path

from android_runner.native.abi import Abi
from android_runner.native.call import call
from results.errors import BundleUnavailable

FOLDER = Path(__file__).parent
FLAGS = ("-std=c11", "-O2", "-s", "-Wall", "-Wextra", "-Werror")
_TIMEOUT_S = 600.0


def sources_sha256() -> str:
    """One SHA-256 over every C file, its name, and how it is compiled."""
    digest = hashlib.sha256(" ".join(FLAGS).encode())
    for path in sorted((*FOLDER.glob("*.c"), *FOLDER.glob("*.h"))):
        content = path.read_bytes()
        digest.update(f"\n{path.name} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def compile_runner(abi: Abi, zig: str, target: Path, *, cache: Path) -> None:
    """Compile the device program for one ABI to `target`. `cache`: where Zig keeps its own files.

    Raises: BundleUnavailable when this very version of Zig is not installed, or refuses.
    """
    install = f"{sys.executable} -m pip install ziglang=={zig}"
    try:
        installed = importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError as err:
        raise BundleUnavailable(
            "the device program has to be compiled, and the compiler is not installed.", next_step=install
        ) from err
    if installed != zig:
        raise BundleUnavailable(
            f"the device program is compiled with Zig {zig}, and {installed} is installed.", next_step=install
        )
    sources = sorted(path.name for path in FOLDER.glob("*.c"))
    command = [sys.executable, "-m", "ziglang", "cc", "-target", abi.zig_target, *FLAGS]
    call(
        [*command, "-o", str(target), *sources, "-ldl"],
        timeout_s=_TIMEOUT_S,
        next_step="Make room where the cache lies (MOBILEBERT_BENCH_CACHE); if there is room, report this: "
        "sources and compiler are both pinned.",
        folder=FOLDER,
        environment={"ZIG_GLOBAL_CACHE_DIR": str(cache), "ZIG_LOCAL_CACHE_DIR": str(cache)},
    )
