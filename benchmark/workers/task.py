"""One chunk as a task of Dask: what runs on a worker of a cluster."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from concurrent.futures import CancelledError
from dataclasses import dataclass
from pathlib import Path

from benchmark.workers import inside
from benchmark.workers.fitness import refuse_unfit_here
from benchmark.workers.job import Chunk, Done, Job
from results.errors import HarnessError, WorkersLost

_LONGEST = 500  # characters of a foreign error


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A job, the plugin that carried its file (travel.py), and the versions that were there when it left."""

    job: Job
    plugin: str
    ours: str
    numpy: str


def order(job: Job, plugin: str) -> Order:
    """With this machine's versions."""
    version = importlib.metadata.version
    return Order(job=job, plugin=plugin, ours=version("mobilebert-bench"), numpy=version("numpy"))


def do(ordered: Order, chunk: Chunk) -> Done:
    """The chunk by the file that travelled here.

    Raises: ConfigError where this worker is not fit, WorkersLost where it has no whole file, and as
    `inside.work`.
    """
    from distributed import get_worker

    worker = get_worker()
    refuse_unfit_here(ordered.job, ordered.ours, ordered.numpy, worker.address)
    carried = worker.plugins.get(ordered.plugin)
    fault = "it did not come" if carried is None else carried.fault  # type: ignore[attr-defined]
    if carried is None or fault:
        raise WorkersLost(
            f"The model file is not on the worker {worker.address}: {fault}.",
            next_step="Make room in that worker's --local-directory, then resume the run.",
        )
    job = dataclasses.replace(ordered.job, model=Path(carried.path))  # type: ignore[attr-defined]
    try:
        return inside.work(job, chunk, stop=lambda: carried.stopped)  # type: ignore[attr-defined]
    except (HarnessError, CancelledError):
        raise
    except Exception as err:  # as words: an error that cannot be pickled would leave the task without an end
        raise WorkersLost(
            f"The worker {worker.address} failed at a chunk: {type(err).__name__}: {str(err)[:_LONGEST]}",
            next_step="Look into that worker's log, then resume the run.",
        ) from None
