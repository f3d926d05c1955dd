"""What the device program itself adds: its p50 against the barest C loop over the same runtime and file.

Both are processes of their own, launched in random pairs, so that what slows the machine down for a while
falls on both. One input for the bare loop; the device program has a file of rows in shuffled order, as in a
run, and once more with the bare loop's one row, which tells what the rows cost.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from android_runner import bundle
from android_runner.cache import cache_folder
from android_runner.native import compiler, wheel
from android_runner.native.abi import ABIS
from android_runner.sequences import Sequences
from export.artifact import build
from export.checkpoint import open_checkpoint
from results.compare import comparison
from results.stats import SHOWN_LEVEL, Estimate, median_over_launches
from tests.android_runner.program import arguments, samples_at, start
from tests.perf.compare import line, save, spread
from tests.perf.rows import example_rows

PAIRS, INFERENCES, WARMUP, THREADS, SEED = 60, 60, 20, 1, 0
MARGIN = 0.02
_SOURCES = (
    Path(__file__).with_name("bare_loop.c"),
    *(compiler.FOLDER / n for n in ("litert.c", "failure.c")),
)


def main(pairs: int = PAIRS) -> None:
    """Print a line for each way of feeding the device program and write build/perf/overhead.json."""
    ours = bundle.host_bundle()
    model = build(open_checkpoint("seeded"), "dynamic_int8").model_path
    with TemporaryDirectory() as name:
        folder = Path(name)
        loop = compile_loop(ours.abi, folder / "bare_loop")
        rows = example_rows(INFERENCES)
        inputs = _inputs(rows, folder / "inputs")
        library = ours.folder / wheel.LIBRARY

        def bare() -> float:
            argv = (loop, library, model, inputs, rows.length, THREADS, WARMUP, INFERENCES)
            said = subprocess.run([str(word) for word in argv], check=True, capture_output=True, text=True)
            return float(np.median([int(one) for one in said.stdout.split()])) / 1e6

        def program(of: Sequences, stem: str) -> Callable[[], float]:
            path, out = folder / f"{stem}.seq", folder / f"{stem}.samples"
            of.write(path)
            words = arguments(
                model, path, out, threads=THREADS, inferences=INFERENCES, warmup_inferences=WARMUP
            )

            def run() -> float:
                ended = start(ours, words)
                assert ended.exit_code == 0, ended.stderr
                return float(np.median(samples_at(out).timed_ns)) / 1e6

            return run

        ways = {
            "bare loop": bare,
            f"device program, {INFERENCES} rows": program(rows, "many"),
            "device program, the loop's one row": program(rows.take(np.array([0])), "one"),
        }
        taken_ms = _in_random_order(pairs, ways)
    bare_ms = taken_ms.pop("bare loop")
    for shown, spent in taken_ms.items():
        line(
            f"{shown}, p50 of {INFERENCES} inferences, {THREADS} thread",
            spread(spent, "ms"),
            f"bare loop {spread(bare_ms, 'ms')}",
            *_against(spent, bare_ms),
            target=f"the interval inside 1 +- {MARGIN:g}",
        )
    save("overhead", {"pairs": pairs, "threads": THREADS, "ms": {"bare loop": bare_ms, **taken_ms}})


def compile_loop(abi: str, target: Path) -> Path:
    """bare_loop.c by the compiler and the flags of the device program."""
    zig = next(one for one in ABIS if one.name == abi).zig_target
    cache = str(cache_folder() / "zig")
    command = (sys.executable, "-m", "ziglang", "cc", "-target", zig, *compiler.FLAGS)
    subprocess.run(
        [*command, "-I", str(compiler.FOLDER), "-o", str(target), *map(str, _SOURCES), "-ldl"],
        check=True,
        env={**os.environ, "ZIG_GLOBAL_CACHE_DIR": cache, "ZIG_LOCAL_CACHE_DIR": cache},
    )
    return target


def _inputs(rows: Sequences, path: Path) -> Path:
    """The first row's tensors, one after the other."""
    path.write_bytes(
        b"".join(t[0].tobytes() for t in (rows.input_ids, rows.attention_mask, rows.token_type_ids))
    )
    return path


def _in_random_order(rounds: int, ways: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    chance = random.Random(SEED)
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name in chance.sample(list(ways), len(ways)):
            taken[name].append(ways[name]())
    return taken


def _against(above: list[float], below: list[float]) -> tuple[str, str]:
    """The ratio in the middle of the pairs and whether its interval is inside MARGIN; the typical ratio.

    The middle decides, with its distribution-free interval: a burst of a neighbour's work that falls on one
    launch of a pair doubles it, and says nothing about either program.
    """
    paired = comparison.compare_paired("p50", np.array(below), np.array(above), MARGIN)
    middle = median_over_launches(np.array(paired.ratios), SHOWN_LEVEL)
    if middle.interval is None:
        return f"{_shown(middle)} of it: {middle.reason}", ""
    inside = middle.interval.low >= 1 - MARGIN and middle.interval.high <= 1 + MARGIN
    within = f"{'inside' if inside else 'not inside'} +-{MARGIN:.0%}"
    return f"{_shown(middle)} of it, {middle.n} pairs: {within}", f"{_shown(paired.ratio)} on average"


def _shown(ratio: Estimate) -> str:
    if ratio.interval is None:
        return f"{ratio.value:.4f}"
    return f"{ratio.value:.4f} [{ratio.interval.low:.4f}, {ratio.interval.high:.4f}]"


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:]))
