"""What goes to the workers of a cluster: a model file once to each, also to those that join later, and tasks.

Both travel as code and bytes, not by the names of modules: a worker without this project can load them. It
would otherwise end as it unpacks them, which on a cluster that is shared is a fault of ours.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distributed import WorkerPlugin

    from benchmark.workers.job import Chunk, Done, Job
    from benchmark.workers.task import Order


def carrier(job: Job, name: str) -> WorkerPlugin:
    """A plugin that writes the job's file into a worker's own folder, and takes it away when it is removed.

    `name`: of the plugin and of the file, used once. On a worker it has `path`; `fault`, why there is no
    whole file, else empty; `stopped`, whether it was removed. The scheduler keeps the bytes until then; a
    worker lets them go once they are written. Raises: OSError.
    """
    from distributed import WorkerPlugin

    class ModelFile(WorkerPlugin):
        def __init__(self, file_name: str, content: bytes, sha256: str) -> None:
            self.name = file_name
            self.content = content
            self.sha256 = sha256
            self.path = ""
            self.fault = ""
            self.stopped = False

        def setup(self, worker: object) -> None:
            import hashlib
            import os

            self.path = os.path.join(worker.local_directory, self.name)  # type: ignore[attr-defined]  # noqa: PTH118  # names of this module do not travel
            try:
                if hashlib.sha256(self.content).hexdigest() != self.sha256:
                    self.fault = "it did not arrive whole"
                else:
                    with open(self.path, "wb") as file:  # noqa: PTH123
                        file.write(self.content)
            except OSError as err:
                self.fault = f"it could not be written: {err.strerror or err}"
            self.content = b""

        def teardown(self, worker: object) -> None:
            import contextlib
            import os
            import pathlib
            import sys

            self.stopped = True
            if "benchmark.workers.inside" in sys.modules:  # else nobody here has opened it
                sys.modules["benchmark.workers.inside"].let_go(pathlib.Path(self.path))
            with contextlib.suppress(OSError):
                os.unlink(self.path)  # noqa: PTH108

    return ModelFile(name, Path(job.model).read_bytes(), job.sha256)


def unpacker() -> Callable[[bytes], Done]:
    """The function of every task. Raises, there: ImportError without this project, as task.do."""

    def do_packed(sent: bytes) -> Done:
        import pickle

        from benchmark.workers.task import do

        return do(*pickle.loads(sent))

    return do_packed


def packed(ordered: Order, chunk: Chunk) -> bytes:
    """What it takes."""
    return pickle.dumps((ordered, chunk), protocol=5)
