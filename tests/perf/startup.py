"""How long a user waits for --help, against Python's own start, and for an evaluation's first predictions."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.workers.kept import EMPTY
from export.artifact import build, default_cache
from export.checkpoint import open_checkpoint
from export.lengths import DEFAULT_LENGTHS
from tests.perf.compare import alternate, line, ratio, spread

ROUNDS, EVALUATIONS = 20, 5
COMMAND = str(Path(sys.executable).with_name("mobilebert-bench"))


def main() -> None:
    """The installed command, as typed, and `python -c pass`."""
    ours, python = alternate(
        ROUNDS, _milliseconds(COMMAND, "--help"), _milliseconds(sys.executable, "-c", "pass")
    )
    line("--help", spread(ours, "ms"), f"{ratio(ours, python)} of python -c pass", target="< 300 ms")
    for recipe in ("dynamic_int8", "float32"):
        build(open_checkpoint("seeded"), recipe, DEFAULT_LENGTHS)
    with TemporaryDirectory() as folder:
        (Path(folder) / "artifacts").symlink_to(default_cache())
        cold, warm = [], []
        for number in range(EVALUATIONS):
            for kept in (Path(folder) / "tokens").glob("*"):
                kept.unlink()
            cold.append(_first_predictions(Path(folder), f"cold-{number}"))
            warm.append(_first_predictions(Path(folder), f"warm-{number}"))
    line(
        "accuracy, from its start to its first predictions, files converted before",
        f"{spread(warm, 's')} with tokens kept",
        f"{spread(cold, 's')} without",
        target="<= 3 s",
    )


def _milliseconds(*argv: str) -> Callable[[], float]:
    def run() -> float:
        before = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        return 1000 * (time.perf_counter() - before)

    return run


def _first_predictions(cache: Path, output: str) -> float:
    """Seconds until the first chunk of all pairs at hand is kept; the command is stopped then."""
    chunks = cache / output / "0001" / "chunks-dynamic_int8.kept"
    words = ["accuracy", "--checkpoint", "seeded", "--workers", "2", "--output", str(cache / output)]
    before = time.perf_counter()
    command = subprocess.Popen(
        [COMMAND, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "MOBILEBERT_BENCH_CACHE": str(cache)},
    )
    predictions = chunks.with_name("predictions-dynamic_int8.csv")
    while not (predictions.exists() or (chunks.exists() and chunks.stat().st_size > EMPTY)):
        if command.poll() is not None:
            raise RuntimeError(f"{words} ended with {command.returncode} before it predicted anything")
        time.sleep(0.001)
    seconds = time.perf_counter() - before
    command.send_signal(signal.SIGINT)
    command.wait()
    return seconds
