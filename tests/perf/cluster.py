"""The evaluation by a Dask cluster on this machine against the harness's own processes, as many of them."""

from __future__ import annotations

import dataclasses
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.listener import Listener
from benchmark.workers.cluster import join
from benchmark.workers.job import Workers
from benchmark.workers.processes import Processes
from export.artifact import ArtifactFiles, build
from export.checkpoint import open_checkpoint
from export.lengths import DEFAULT_LENGTHS
from tests.perf.compare import alternate, line, ratio, save, spread
from tests.perf.pairs import evaluated, mnli_pairs, prepared_anew, written

WORKERS, ROUNDS = 2, 4


def main() -> None:
    """All pairs; processes are up before, and on both sides every evaluation opens the file anew."""
    from distributed import LocalCluster

    int8 = build(open_checkpoint("seeded"), "dynamic_int8", DEFAULT_LENGTHS)
    pairs, vocabulary, name = mnli_pairs()
    with TemporaryDirectory() as kept:
        folder = Path(kept)
        prepared = prepared_anew(written(pairs, folder), vocabulary)
        few = prepared_anew(written(pairs[: 256 * WORKERS], folder), vocabulary)

        def seconds(workers: Workers) -> Callable[[], float]:
            # Two names of one file: a worker that has one open opens the other as if it were new.
            names = [_copy(int8, folder / f"{workers.engine}-{number}.tflite") for number in range(2)]

            def run() -> float:
                names.reverse()
                evaluated(names[0], few, workers, folder)
                before = time.perf_counter()
                evaluated(names[1], prepared, workers, folder)
                return time.perf_counter() - before

            return run

        with (
            Processes(WORKERS) as ours,
            LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=None) as cluster,
            join(cluster.scheduler_address, Listener()) as theirs,
        ):
            dask, own = alternate(ROUNDS, seconds(theirs), seconds(ours))
    save("cluster", {"pairs": len(pairs), "of": name, "dask_s": dask, "processes_s": own})
    line(
        f"accuracy of {len(pairs)} pairs ({name}) by a Dask LocalCluster of {WORKERS} workers",
        spread(dask, "s"),
        f"{WORKERS} processes of our own {spread(own, 's')}",
        f"{ratio(dask, own)} of their time",
        target="<= 1.10, start-up excluded",
    )


def _copy(files: ArtifactFiles, path: Path) -> ArtifactFiles:
    shutil.copy(files.model_path, path)
    return dataclasses.replace(files, model_path=path)
