"""The gate over 1,000 and 10,000 recorded runs: reading, judging and the report, start-up apart."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmark.pipeline import gate
from tests.perf.compare import line, save, spread
from tests.results.make_history import noisy, write_history

ROUNDS = 5
TARGETS_S = {1_000: 0.5, 10_000: 2.0}
_START_UP = "import duckdb, ruptures, benchmark.history"


def main() -> None:
    """One process, after its imports and one small gate."""
    start = [_start_up_s() for _ in range(3)]
    line("gate, start-up", spread(start, "s"))
    measured: dict[str, object] = {"start_up_s": start}
    with tempfile.TemporaryDirectory() as folder:
        for runs, target in TARGETS_S.items():
            root = write_history(Path(folder) / str(runs), noisy([61.0] * runs, 0.01))
            gate((root,), (), None, None)
            wall, cpu = [], []
            for _ in range(ROUNDS):
                before, busy = time.perf_counter(), time.process_time()
                view = gate((root,), (), None, None)
                wall.append(time.perf_counter() - before)
                cpu.append(time.process_time() - busy)
            assert view.outcome in ("passed", "failed"), view.verdict
            line(
                f"gate over {runs:,} runs",
                spread(wall, "s"),
                f"processor time {spread(cpu, 's')}",
                target=f"<= {target:g} s",
            )
            measured[f"{runs}"] = {"wall_s": wall, "cpu_s": cpu}
    save("gate", measured)


def _start_up_s() -> float:
    before = time.perf_counter()
    subprocess.run([sys.executable, "-c", _START_UP], check=True)
    return time.perf_counter() - before
