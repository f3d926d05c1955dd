"""Workers of a Dask cluster: each chunk is a task, and dask.distributed does what it is good at.

It gives a task of a worker that died to another, and up one that kills its workers. Here is what it leaves
open: the model file's way, how long to wait for nobody, and that nothing stays behind.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import queue
import time
import uuid
from collections.abc import Callable, Hashable, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

from benchmark.workers import task
from benchmark.workers.address import refuse_unreachable
from benchmark.workers.connect import GOODBYE_S, close, connect
from benchmark.workers.fitness import refuse_unfit
from benchmark.workers.foreign_log import foreign_log
from benchmark.workers.job import Chunk, Done, Job, Workers
from benchmark.workers.travel import carrier, packed, unpacker
from benchmark.workers.watch import Watch
from results.errors import HarnessError, WorkersLost
from results.evaluated import Engine
from results.report.words import counted

if TYPE_CHECKING:
    from distributed import Client, Future, KilledWorker

    from benchmark.listener import Listener

log = logging.getLogger(__name__)

PATIENCE_S = 60.0  # with a cluster without workers, or a scheduler that does not answer
_ANSWER_S = 5.0  # for a small question
_LOOK_S = 1.0  # between looks at the cluster while no chunk ends
_FETCH_S = 2.0  # a result, of some KiB; then it is seen whether its worker is still there
_SHOWN = 3
# Chunks at the cluster at a time: enough for workers that join, and little for the scheduler to hold.
_AHEAD, _AHEAD_EACH = 32, 3
_RESUME = "resume the run, with --scheduler ADDRESS where that is another one by then."

_Ended: TypeAlias = "queue.SimpleQueue[Future[Done]]"


def join(address: str, listener: Listener, *, patience_s: float = PATIENCE_S) -> Cluster:
    """The workers of the cluster whose scheduler is at `address`. `patience_s`: how long to wait for one.

    Raises: ConfigError, WorkersLost.
    """
    refuse_unreachable(address)
    with contextlib.ExitStack() as leaving:
        leaving.enter_context(foreign_log(log))
        client = connect(address)
        leaving.callback(close, client)
        cluster = Cluster(client, address, listener, patience_s)
        cluster.wait_for_a_worker()
        cluster.leaving = leaving.pop_all()
    return cluster


class Cluster(Workers):
    """`leaving` is closed with the context."""

    engine: Engine = "dask"

    def __init__(self, client: Client, address: str, listener: Listener, patience_s: float) -> None:
        self.leaving = contextlib.ExitStack()
        self._client = client
        self._address = address
        self._listener = listener
        self._patience_s = patience_s
        self._alone_since: float | None = None
        self._plugin: str | None = None
        self._at_work: dict[Hashable, tuple[Chunk, Future[Done]]] = {}

    @property
    def count(self) -> int:
        """Their threads, each of which does a chunk at a time; 0 where nobody answers."""
        return int(self._identity(workers=0).get("total_threads", 0))

    def wait_for_a_worker(self) -> int:
        """How many there are, once there is one. Raises WorkersLost after the patience."""
        while not (count := self._look()):
            time.sleep(_LOOK_S / 4)
        return count

    def run(self, job: Job, chunks: Sequence[Chunk]) -> Iterator[Done]:
        if not chunks:
            return
        self.wait_for_a_worker()
        self._plugin = f"mobilebert-bench-{uuid.uuid4().hex}"
        try:
            plugin = carrier(job, self._plugin)
            with Watch(self._heard, self._tell_of_silence):
                self._of_all(lambda: refuse_unfit(self._client, job))
                self._of_all(lambda: self._client.register_plugin(plugin, name=self._plugin))
                yield from self._results(task.order(job, self._plugin), chunks)
        finally:
            self._let_go()

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self.leaving:
            self._let_go()

    def _identity(self, workers: int) -> dict[str, Any]:
        """What the scheduler says of itself and of so many workers (-1: all); empty where nobody answers."""
        scheduler: Any = self._client.scheduler
        try:
            said: dict[str, Any] = self._client.sync(
                scheduler.identity, n_workers=workers, callback_timeout=_ANSWER_S
            )
        except (OSError, TimeoutError):
            return {}
        return said

    def _heard(self) -> dict[str, float]:
        said = self._identity(workers=-1).get("workers", {})
        return {address: float(worker["last_seen"]) for address, worker in said.items()}

    def _tell_of_silence(self, worker: str) -> None:
        self._listener.on_hit(
            f"Nothing is heard of the worker {worker}. The scheduler drops it after its worker-ttl (5 min, "
            "where nothing else is set), then others do its chunks; or end it."
        )

    def _results(self, ordered: task.Order, chunks: Sequence[Chunk]) -> Iterator[Done]:
        ended: _Ended = queue.SimpleQueue()
        do_packed, waiting = unpacker(), iter(chunks)
        count, looked = self.count, time.monotonic()
        while True:
            while len(self._at_work) < max(_AHEAD, _AHEAD_EACH * count):
                chunk = next(waiting, None)
                if chunk is None:
                    break
                # A key of its own: no result of another evaluation, or of another chunk, is ever this one's.
                key = ordered.plugin, chunk.number
                future = self._client.submit(do_packed, packed(ordered, chunk), key=key)
                self._at_work[future.key] = chunk, future
                future.add_done_callback(ended.put)
            if not self._at_work:
                return
            try:
                done = self._result(ended.get(timeout=_LOOK_S), ended, ordered.job)
            except queue.Empty:
                done = None
            if done is None or time.monotonic() - looked > _LOOK_S:
                count, looked = self._look(), time.monotonic()
            if done is not None:
                yield done

    def _result(self, future: Future[Done], ended: _Ended, job: Job) -> Done | None:
        """What a task gave; None where that was lost with its worker and is made again."""
        from distributed import KilledWorker

        try:
            done: Done = future.result(timeout=_FETCH_S)
        except TimeoutError:
            future.add_done_callback(ended.put)
            return None
        except KilledWorker as err:
            raise self._deadly(err) from err
        except concurrent.futures.CancelledError as err:
            raise self._lost("is gone, or was restarted") from err
        except HarnessError:
            raise
        except Exception as err:  # whatever there is in another machine's Python
            self._of_all(lambda: refuse_unfit(self._client, job))
            raise WorkersLost(
                f"A worker of the cluster failed: {type(err).__name__}: {err}",
                next_step=f"Look into the workers' logs, then {_RESUME}",
            ) from err
        del self._at_work[future.key]
        future.release()
        return done

    def _of_all(self, ask: Callable[[], object]) -> None:
        """What asks every worker; anew where one goes away meanwhile. Raises WorkersLost, and as `ask`."""
        began = time.monotonic()
        while True:
            try:
                ask()
                return
            except (OSError, TimeoutError) as err:
                self._look()
                if time.monotonic() - began > self._patience_s:
                    raise WorkersLost(
                        f"The workers of the cluster at {self._address} cannot be reached: {err}",
                        next_step=f"Look into the scheduler's log, then {_RESUME}",
                    ) from err
            time.sleep(_LOOK_S / 4)

    def _deadly(self, err: KilledWorker) -> WorkersLost:
        """A worker has more than one chunk at hand as it dies, so that several can be under suspicion."""
        chunks = [chunk for chunk, future in self._at_work.values() if future.status == "error"]
        shown = [
            f"{counted(len(chunk.places), 'pair')} of up to {chunk.length} tokens, of which the first is "
            f"number {chunk.places[0] + 1} of those evaluated"
            for chunk in chunks[:_SHOWN]
        ]
        more = f"; or {len(chunks) - _SHOWN} more chunks" if len(chunks) > _SHOWN else ""
        return WorkersLost(
            f"{err.allowed_failures + 1} workers died, one after the other, with the same pairs at hand: "
            f"{'; or '.join(shown)}{more}. The last one was {err.last_worker.address}.",
            next_step=f"Look into that worker's log (was it out of memory?), then {_RESUME}",
        )

    def _look(self) -> int:
        """How many there are. Raises WorkersLost: the scheduler is gone, or nobody came for too long."""
        if self._client.status != "running":
            raise self._lost("is gone")
        count = self.count
        now = time.monotonic()
        if count:
            self._alone_since = None
        elif self._alone_since is None:
            self._alone_since = now
            self._listener.on_hit(
                f"No worker answers at {self._address}; waiting up to {self._patience_s:g} s for one."
            )
        elif now - self._alone_since > self._patience_s:
            raise WorkersLost(
                f"The cluster at {self._address} has had no worker for {self._patience_s:g} s.",
                next_step="Look into the logs of those that were there, start workers "
                f"(dask worker {self._address}), then {_RESUME}",
            )
        return count

    def _lost(self, what: str) -> WorkersLost:
        return WorkersLost(
            f"The scheduler at {self._address} {what}.", next_step=f"Start it again, then {_RESUME}"
        )

    def _let_go(self) -> None:
        """Nothing of ours is left at the cluster; what runs there ends before its next row."""
        plugin, self._plugin = self._plugin, None
        futures = [future for _, future in self._at_work.values()]
        self._at_work.clear()
        if plugin is None or self._client.status != "running":
            return
        # ValueError: it was refused before the plugin was there.
        with contextlib.suppress(OSError, TimeoutError, ValueError, concurrent.futures.CancelledError):
            self._client.cancel(futures)
            # Not the client's method, which waits without end for a worker that hangs.
            scheduler: Any = self._client.scheduler
            self._client.sync(scheduler.unregister_worker_plugin, name=plugin, callback_timeout=GOODBYE_S)
