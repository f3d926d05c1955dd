"""What an export costs: processor seconds and peak memory of one fresh conversion per recipe."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from export.artifact import build, load
from export.checkpoint import open_checkpoint
from export.recipes import RECIPES
from tests.perf.compare import line


def main() -> None:
    """The seeded true architecture, each recipe in a process and a cache of its own."""
    base: float | None = None
    for recipe in RECIPES:
        with TemporaryDirectory() as cache:
            argv = [sys.executable, "-m", "tests.perf.conversion", recipe, cache]
            made = Path(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip())
            cost = load(made).artifact.conversion
        assert cost is not None
        base = base or cost.cpu_s
        line(
            f"conversion to {recipe}",
            f"{cost.cpu_s:.1f} s of processor time, {cost.wall_s:.1f} s",
            f"peak {cost.peak_rss_bytes / 1e6:.0f} MB",
            f"{cost.cpu_s / base:.3g} of float32 (n = 1)",
            # A graph of our own took 11-18 s where the usual Keras path takes 141 s, on two cores.
            target="<= 18 s",
        )


if __name__ == "__main__":
    print(build(open_checkpoint("seeded"), sys.argv[1], cache_dir=Path(sys.argv[2])).folder)
