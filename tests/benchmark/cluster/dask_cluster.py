"""A Dask scheduler and workers as processes of their own, on the loopback interface, for the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).parents[3]
# On each worker: every chunk that begins is a line of a file, and takes a while.
WATCHED = """
import os, pathlib, time
from benchmark.workers import inside
work = inside.work
def watched(job, chunk, stop):
    with open({log!r}, "a") as file:
        file.write(f"{{job.recipe}} {{chunk.number}} {{os.getpid()}}\\n")
    time.sleep({seconds})
    return work(job, chunk, stop)
inside.work = watched
"""
# Dask runs it twice.
ONCE = """
import sys
if not hasattr(sys, "preloaded"):
    sys.preloaded = True
    exec({code!r}, {{}})
"""


class DaskCluster:
    """Ends every process it started, whatever happened to it."""

    def __init__(self, folder: Path, *, chunk_s: float = 0.0, **dask_settings: str) -> None:
        folder.mkdir()
        self.folder = folder
        self.log = folder / "chunks.txt"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.watched = WATCHED.format(log=str(self.log), seconds=chunk_s)
        self._env = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_CONFIG": str(folder), **dask_settings}
        where = folder / "scheduler.json"
        words = ("--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(where))
        self.scheduler = self._start("scheduler", *words)
        try:
            wait_for(lambda: where.exists() and where.read_text().endswith("}"))
            self.address: str = json.loads(where.read_text())["address"]
        except BaseException:
            self.end()
            raise

    def add(self, *, threads: int = 1, preload: str = "", nanny: bool = False) -> int:
        """Start a worker, in the background; its process id, or that of the nanny which starts it anew.

        `preload`: Python that it runs first, in the place of what watches its chunks.
        """
        number = len(self.workers)
        script = self.folder / f"preload_{number}.py"
        script.write_text(ONCE.format(code=preload or self.watched))
        words = (
            "--nanny" if nanny else "--no-nanny",
            "--nthreads",
            str(threads),
            "--local-directory",
            str(self.folder / "local"),
        )
        process = self._start("worker", self.address, *words, "--preload", str(script))
        self.workers.append(process)
        return process.pid

    def begun(self) -> list[tuple[str, int, int]]:
        """Recipe, chunk and process of each chunk that a worker began, in order."""
        if not self.log.exists():
            return []
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [(recipe, int(number), int(pid)) for recipe, number, pid in lines]

    def state(self) -> dict[str, Any]:
        """What the scheduler holds."""
        from distributed import Client

        def look(dask_scheduler: Any = None) -> dict[str, Any]:  # noqa: ANN401  # distributed's own
            return {
                "tasks": len(dask_scheduler.tasks),
                "plugins": [name for name in dask_scheduler.worker_plugins if "mobilebert" in name],
                "clients": [name for name in dask_scheduler.clients if name.startswith("Client-")],
                "workers": len(dask_scheduler.workers),
            }

        with Client(self.address, set_as_default=False, name="look") as client:
            found: dict[str, Any] = client.run_on_scheduler(look)
        found["clients"] = [name for name in found["clients"] if not name.startswith("Client-look-")]
        return found

    def said(self) -> str:
        """What its processes printed."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.stderr")))

    def end(self) -> None:
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()

    def __enter__(self) -> DaskCluster:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _start(self, what: str, *words: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", f"distributed.cli.dask_{what}", *words, "--no-dashboard"]
        with (self.folder / f"{what}-{len(self.workers)}.stderr").open("wb") as errors:
            return subprocess.Popen(argv, stdout=errors, stderr=errors, env=self._env, cwd=self.folder)


def wait_for(condition: Callable[[], object], timeout_s: float = 30.0) -> None:
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "it did not come to be"
        time.sleep(0.02)
