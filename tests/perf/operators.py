"""Where the time of one .tflite goes: microseconds by kind of operator and by shape, GMAC/s of heavy ones.

`python -m tests.perf.operators [MODEL [SIGNATURE [THREADS [RUNS]]]]`; without a model: the seeded one by the
default recipe, one thread. XNNPACK times its own operators in whole microseconds; the mean over the runs in
which nothing came between gives fractions. That timing itself costs a little: the second line is without it.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.operators import Operator, operators, read_model, signatures
from tests.perf.litert import INSIDE_DELEGATE, NODE, Event, ProfiledModel

# How XNNPACK's tags begin for the file's kinds.
_TAGS = {
    "FULLY_CONNECTED": "Fully Connected",
    "BATCH_MATMUL": "Batch Matrix Multiply",
    "CONV_2D": "Convolution",
    "ADD": "Add",
    "MUL": "Multiply",
    "SOFTMAX": "Softmax",
    "TRANSPOSE": "Transpose",
    "GELU": "Gelu",
}
_WARM_UPS = 20


def main(arguments: list[str] | None = None) -> None:
    """Print the profile of the model of `arguments`."""
    given = arguments or []
    model = Path(given[0]) if given else _default_model()
    signature = given[1] if len(given) > 1 else None
    threads, runs = (int(given[at]) if len(given) > at else default for at, default in ((2, 1), (3, 200)))
    print(f"{model}, {signature or 'first signature'}, {threads} thread(s), {runs} runs")
    untimed_ms = latency_ms(model, signature, threads, runs)
    events, elapsed_us = profile(model, signature, threads, runs)
    print(f"{untimed_ms:.3f} ms untimed; {elapsed_us.sum() / 1000:.3f} ms in operators")
    _print_kinds(events, elapsed_us)
    read = read_model(model.read_bytes())
    subgraphs = signatures(read)
    subgraph = subgraphs[next(iter(subgraphs)) if signature is None else signature]
    _print_shapes(operators(read, subgraph), events, elapsed_us)


def latency_ms(model: Path, signature: str | None, threads: int, runs: int) -> float:
    """Median milliseconds of a run without a profiler."""
    with ProfiledModel(model, signature=signature, threads=threads, profiling=False) as compiled:
        for _ in range(_WARM_UPS):
            compiled.run()
        return float(np.median([compiled.run() for _ in range(runs)])) * 1000


def profile(
    model: Path, signature: str | None, threads: int, runs: int
) -> tuple[tuple[Event, ...], NDArray[np.float64]]:
    """The operators of a run in order; the mean microseconds of each, interrupted runs left out."""
    with ProfiledModel(model, signature=signature, threads=threads) as compiled:
        for _ in range(_WARM_UPS):
            compiled.run()
        events = compiled.profile()
        every = np.array(
            [[event.elapsed_us for event in compiled.profile()] for _ in range(runs)], np.float64
        )
    # Each operator by itself: on a busy machine hardly a whole run is left alone, and most operators are.
    usual = every <= 1.5 * np.median(every, axis=0) + 2
    return events, np.mean(every, axis=0, where=usual)


def _print_kinds(events: tuple[Event, ...], elapsed_us: NDArray[np.float64]) -> None:
    kinds: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event, spent in zip(events, elapsed_us, strict=True):
        kinds["inside" if event.kind == INSIDE_DELEGATE else "outside", event.tag].append(spent)
    whole = max(elapsed_us.sum(), 1.0)
    print(f"{'us':>9} {'share':>6} {'count':>5} {'us each':>8}  operator")
    for (where, tag), spent_us in sorted(kinds.items(), key=lambda kind: -sum(kind[1])):
        spent, count = sum(spent_us), len(spent_us)
        print(f"{spent:9.1f} {spent / whole:6.1%} {count:5} {spent / count:8.2f}  {tag} ({where})")


def _print_shapes(
    stated: tuple[Operator, ...], events: tuple[Event, ...], elapsed_us: NDArray[np.float64]
) -> None:
    """XNNPACK keeps the file's order, so equal numbers of a kind pair up one by one."""
    outside = {event.index for event in events if event.kind == NODE}
    print(f"{'us':>9} {'count':>5} {'us each':>8} {'MMAC':>8} {'GMAC/s':>6}  inside, by shape")
    for kind, tag in _TAGS.items():
        inside = [each for each in stated if each.kind == kind and each.index not in outside]
        timed = [
            spent
            for event, spent in zip(events, elapsed_us, strict=True)
            if event.kind == INSIDE_DELEGATE and event.tag.startswith(tag)
        ]
        if len(timed) != len(inside):
            print(f"{kind}: {len(inside)} in the file, {len(timed)} in the delegate, so none by shape")
            continue
        shapes: dict[str, list[tuple[float, int]]] = defaultdict(list)
        for operator, spent in zip(inside, timed, strict=True):
            *inputs, output = ("x".join(map(str, shape)) or "scalar" for shape in operator.shapes)
            shapes[f"{' and '.join(inputs)} -> {output}"].append((spent, operator.multiply_adds))
        for shape, pairs in sorted(shapes.items(), key=lambda item: -sum(spent for spent, _ in item[1])):
            spent, work = (float(sum(column)) for column in zip(*pairs, strict=True))
            rate = f"{work / 1e6:8.2f} {work / spent / 1e3:6.1f}" if work and spent else " " * 15
            print(f"{spent:9.1f} {len(pairs):5} {spent / len(pairs):8.2f} {rate}  {kind} {shape}")


def _default_model() -> Path:
    from export.artifact import build
    from export.checkpoint import open_checkpoint
    from export.recipes import DEFAULT_RECIPE

    return build(open_checkpoint("seeded"), DEFAULT_RECIPE).model_path


if __name__ == "__main__":
    main(sys.argv[1:])
