"""How long a user waits for --help, against Python's own start."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.perf.compare import alternate, line, ratio, spread

ROUNDS = 20
COMMAND = str(Path(sys.executable).with_name("mobilebert-bench"))


def main() -> None:
    """The installed command, as typed, and `python -c pass`."""
    ours, python = alternate(
        ROUNDS, _milliseconds(COMMAND, "--help"), _milliseconds(sys.executable, "-c", "pass")
    )
    line("--help", spread(ours, "ms"), f"{ratio(ours, python)} of python -c pass", target="< 300 ms")


def _milliseconds(*argv: str) -> Callable[[], float]:
    def run() -> float:
        before = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
        return 1000 * (time.perf_counter() - before)

    return run
