"""What an export costs: processor seconds and peak memory of a fresh conversion, by recipe and by lengths."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.config import Config
from benchmark.training import training_rows
from export.artifact import build, load
from export.checkpoint import open_checkpoint
from export.lengths import CLAIM_LENGTH, DEFAULT_LENGTHS
from export.recipes import DEFAULT_RECIPE, RECIPES, recipe
from results.record import ConversionCost
from tests.perf.compare import line, save

ONE = (CLAIM_LENGTH,)


def main() -> None:
    """The seeded true architecture, each conversion in a process and a cache of its own."""
    one = {name: _convert(name, ONE) for name in RECIPES}
    for name, (cost, megabytes) in one.items():
        line(
            f"conversion to {name}",
            *_shown(cost, megabytes),
            f"{cost.cpu_s / one['float32'][0].cpu_s:.3g} of float32's time (n = 1)",
            # A graph of our own took 11-18 s where the usual Keras path takes 141 s, on two cores.
            target="<= 18 s",
        )
    cost, megabytes = _convert(DEFAULT_RECIPE, DEFAULT_LENGTHS)
    alone, alone_megabytes = one[DEFAULT_RECIPE]
    line(
        f"conversion to {DEFAULT_RECIPE} for {', '.join(map(str, DEFAULT_LENGTHS))} tokens",
        *_shown(cost, megabytes),
        f"{cost.cpu_s / alone.cpu_s:.3g} of one length's time and {megabytes / alone_megabytes:.3g} "
        "of its size (n = 1)",
        target="<= 2.5 and 1.2, and 2500 MB of memory",
    )
    measured = {f"{name}, one length": asdict(cost) for name, (cost, _) in one.items()}
    save("conversion", {**measured, f"{DEFAULT_RECIPE}, default lengths": asdict(cost)})


def _convert(name: str, lengths: tuple[int, ...]) -> tuple[ConversionCost, float]:
    """The cost, and the file's megabytes."""
    with TemporaryDirectory() as cache:
        argv = [sys.executable, "-m", "tests.perf.conversion", name, cache, *map(str, lengths)]
        made = Path(subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip())
        artifact = load(made).artifact
    assert artifact.conversion is not None
    return artifact.conversion, artifact.model_bytes / 1e6


def _shown(cost: ConversionCost, megabytes: float) -> tuple[str, ...]:
    return (
        f"{cost.cpu_s:.1f} s of processor time, {cost.wall_s:.1f} s",
        f"peak {cost.peak_rss_bytes / 1e6:.0f} MB",
        f"file {megabytes:.1f} MB",
    )


def _build_in_this_process(name: str, cache: Path, lengths: tuple[int, ...]) -> Path:
    checkpoint = open_checkpoint("seeded")
    calibrated = recipe(name).calibrated
    rows = training_rows(Config(lengths=lengths), checkpoint) if calibrated else None
    return build(checkpoint, name, lengths, cache, rows).folder


if __name__ == "__main__":
    print(_build_in_this_process(sys.argv[1], Path(sys.argv[2]), tuple(map(int, sys.argv[3:]))))
