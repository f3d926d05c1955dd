"""The device program against a loop in Python over the same file: what the harness itself costs or saves."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from android_runner import sequences
from android_runner.bundle import host_bundle
from export.artifact import build
from export.checkpoint import open_checkpoint
from export.runtime import open_runtime
from tests.android_runner.program import arguments, samples_at, start
from tests.perf.compare import alternate, line, ratio, spread
from tests.perf.rows import example_rows

LAUNCHES, INFERENCES, WARMUP, THREADS = 6, 60, 20, 2


def main() -> None:
    """Interleaved launches, each a process of its own, of the seeded true architecture in int8."""
    model = build(open_checkpoint("seeded"), "dynamic_int8").model_path
    with TemporaryDirectory() as name:
        rows, out = Path(name) / "rows.seq", Path(name) / "out.samples"
        example_rows(INFERENCES).write(rows)
        program = arguments(
            model, rows, out, threads=THREADS, inferences=INFERENCES, warmup_inferences=WARMUP
        )

        def device_program() -> float:
            ended = start(host_bundle(), program)
            assert ended.exit_code == 0, ended.stderr
            return float(np.median(samples_at(out).timed_ns)) / 1e6

        def python_loop() -> float:
            argv = [sys.executable, "-m", "tests.perf.device_program", str(model), str(rows)]
            return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)

        ours, python = alternate(LAUNCHES, device_program, python_loop)
    line(
        f"device program, p50 of {INFERENCES} inferences, {THREADS} threads",
        spread(ours, "ms"),
        f"Python loop {spread(python, 'ms')}",
        f"{ratio(ours, python)} of the loop",
        target="<= 1",
    )


def _loop(model: Path, path: Path) -> float:
    """The same rows through the Python interpreter; the p50 in ms, input copies included."""
    rows = sequences.read(path)
    interpreter = open_runtime(model, threads=THREADS)
    taken = []
    for number in range(WARMUP + len(rows.row_ids)):
        row = number % len(rows.row_ids)
        before = time.perf_counter_ns()
        interpreter.logits(rows.input_ids[row], rows.attention_mask[row], rows.token_type_ids[row])
        taken.append(time.perf_counter_ns() - before)
    return float(np.median(taken[WARMUP:])) / 1e6


if __name__ == "__main__":
    print(_loop(Path(sys.argv[1]), Path(sys.argv[2])))
