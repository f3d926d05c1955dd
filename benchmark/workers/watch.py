"""Workers of a cluster that are not heard of any more: a worker that hangs holds up what asks all of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType

EVERY_S, SILENT_S = 3.0, 12.0  # Dask's workers are heard of twice a second, in clusters of 1,000 every 6 s


class Watch:
    """Within it, each worker that has been silent for SILENT_S is told of, once.

    `heard`: when each was heard of last, by any clock, or nothing where the scheduler does not answer. It is
    called from a thread of its own, as `tell` is.
    """

    def __init__(self, heard: Callable[[], Mapping[str, float]], tell: Callable[[str], None]) -> None:
        self._heard = heard
        self._tell = tell
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()

    def _run(self) -> None:
        last: dict[str, tuple[float, float]] = {}  # what it said, and when it began to say so by our clock
        told: set[str] = set()
        while not self._ended.wait(EVERY_S):
            now = time.monotonic()
            heard = self._heard()
            last = {
                worker: last[worker] if worker in last and last[worker][0] == at else (at, now)
                for worker, at in heard.items()
            }
            silent = {worker for worker, (_, since) in last.items() if now - since >= SILENT_S}
            for worker in sorted(silent - told):
                self._tell(worker)
            told = silent
