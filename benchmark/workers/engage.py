"""Which workers evaluate: those of a cluster that was named, else those of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.workers.processes import workers_for
from results.report.words import counted

if TYPE_CHECKING:
    from benchmark.config import Config
    from benchmark.listener import Listener
    from benchmark.workers.job import Workers


def engage(config: Config, rows: int, listener: Listener) -> Workers:
    """Those who evaluate `rows` rows, once per artifact; a cluster is joined, and nothing is started yet.

    Raises: ConfigError, WorkersLost where there is no such cluster.
    """
    if config.scheduler is not None:
        from benchmark.workers.cluster import join

        listener.on_step(f"Joining the cluster at {config.scheduler}.")
        return join(config.scheduler, listener)
    return workers_for(rows, config.workers, listener)


def by(workers: Workers) -> str:
    """Who they are, after a verb."""
    if workers.engine == "here":
        return "in this process"
    what = "worker" if workers.engine == "dask" else "process"
    return f"by {counted(workers.count, what)}"
