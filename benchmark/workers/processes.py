"""Workers on this machine: a process for each core, pinned to it; or this process, for a few rows."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from types import ModuleType, TracebackType
from typing import Any

from benchmark.host_logits import usable_cores
from benchmark.listener import Listener
from benchmark.workers import inside
from benchmark.workers.job import Chunk, Done, Job, Workers
from results.errors import WorkersLost
from results.evaluated import Engine
from results.plain import log_plainly
from results.report.words import counted

# Below, starting processes takes longer than they save.
FEWEST_ROWS = 256
_FRUITLESS = 3  # times that a pool may break without a chunk done between
_HANG_UP = (signal.SIGHUP,) if hasattr(signal, "SIGHUP") else ()
_GRACE_S, _LOOK_S = 2.0, 0.2  # of a worker that is to stop: how long it may take, how often it looks
_HAND_OVER_S = 1.0  # how long a pool without workers may take to end


class Here(Workers):
    """This process does it all."""

    engine: Engine = "here"
    count = 1

    def run(self, job: Job, chunks: Sequence[Chunk]) -> Iterator[Done]:
        for chunk in chunks:
            yield inside.work(job, chunk)

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None


class Processes(Workers):
    """At most `count` processes, as many as there are chunks, kept until the context ends."""

    engine: Engine = "processes"

    def __init__(self, count: int, listener: Listener | None = None) -> None:
        self._count = count
        self._listener = listener or Listener()
        self._pool: ProcessPoolExecutor | None = None
        self._stop: Any = None

    @property
    def count(self) -> int:
        return self._count

    def run(self, job: Job, chunks: Sequence[Chunk]) -> Iterator[Done]:
        left = {chunk.number: chunk for chunk in chunks}
        fruitless = 0
        while left:
            before = len(left)
            try:
                for future in concurrent.futures.as_completed(self._submit(job, list(left.values()))):
                    done = future.result()
                    del left[done.number]
                    yield done
            except MemoryError as err:
                raise WorkersLost(
                    "a worker process had no memory left",
                    next_step="Use fewer --workers, or give this machine more memory; then resume the run.",
                ) from err
            except BrokenProcessPool as err:
                # One that died takes the pool with it; what it had ended is here, the rest is done again.
                fruitless = fruitless + 1 if len(left) == before else 1
                self._listener.on_hit(
                    "A worker process ended unasked (killed, out of memory, or crashed); what it and the "
                    f"others were at is done again: {counted(len(left), 'chunk')} are left."
                )
                self._end()
                if fruitless == _FRUITLESS:
                    raise WorkersLost(
                        f"{_FRUITLESS} times a worker process of this machine ended unasked (killed, out of "
                        "memory, or crashed) before it had done one chunk",
                        next_step="Use fewer --workers, or look into the system's log.",
                    ) from err

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _submit(self, job: Job, chunks: list[Chunk]) -> list[Future[Done]]:
        try:
            if self._pool is None:
                # Before Ctrl-C is blocked: its locks start multiprocessing's tracker, which unblocks it.
                self._pool = self._start()
            with _blocked(signal.SIGINT), _without_main():
                return [self._pool.submit(_work, job, chunk) for chunk in chunks]
        except OSError as err:
            raise WorkersLost(
                f"worker processes cannot be started here: {err.strerror or err}",
                next_step="They need /dev/shm, a folder for temporary files and a few open files each "
                "(ulimit -n): use fewer --workers, or make room there.",
            ) from err

    def _start(self) -> ProcessPoolExecutor:
        # Spawned, not forked: a copy of a process with threads and a loaded TensorFlow is neither small nor
        # sound.
        context = multiprocessing.get_context("spawn")
        with _blocked(*_HANG_UP):  # a closed terminal would end the tracker of what is shared first
            resource_tracker.ensure_running()
        cores = context.SimpleQueue()
        for index in range(self._count):
            cores.put(_core(index))
        # A bare byte: a lock around it could be held by a worker that was killed.
        self._stop = context.RawValue("b", 0)
        given = (cores, self._stop, logging.getLogger().getEffectiveLevel())
        return ProcessPoolExecutor(self._count, context, initializer=_begin, initargs=given)

    def _end(self) -> None:
        if self._pool is not None:
            self._stop.value = 1
            _shut_down(self._pool)
            self._pool = None


def _shut_down(pool: Any) -> None:  # noqa: ANN401  # of its parts that have no public names
    """End a pool whose workers are to end, also where some were killed while a chunk was on its way to them.

    Older Pythons (3.11.2 among them) then wait for ever to hand that chunk over, since the pool itself holds
    the reading end. Where nobody is left to read and the pool still does not end, that end is closed here;
    later ones close it themselves. Source: CPython's issue 94777. A worker that cannot end itself, since a
    signal stopped it, is killed.
    """
    sent, received, manager = pool._call_queue, pool._result_queue, pool._executor_manager_thread
    left = {process.sentinel: process for process in (pool._processes or {}).values()}
    pool.shutdown(wait=False, cancel_futures=True)
    while left:
        ended = wait(left, _GRACE_S + _HAND_OVER_S)
        for sentinel in ended or tuple(left):
            process = left.pop(sentinel)
            if not ended:
                process.kill()
    if manager is not None:
        manager.join(_HAND_OVER_S)
        if manager.is_alive():
            with contextlib.suppress(OSError):
                sent._reader.close()
            manager.join()
    received.close()


def workers_for(rows: int, asked: int | None, listener: Listener) -> Workers:
    """Those that this machine gives: `asked` processes, or one for each core where the rows are worth it."""
    if asked is None and rows < FEWEST_ROWS:
        return Here()
    cores = usable_cores()
    if asked is not None and asked > cores:
        listener.on_step(
            f"{counted(asked, 'process')} were asked for, and {counted(cores, 'core')} are there."
        )
    return Processes(min(asked or cores, max(1, rows)), listener)


@contextlib.contextmanager
def _blocked(*signals: int) -> Iterator[None]:
    """Processes inherit what is blocked: Ctrl-C is for this process alone, which then ends its workers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """Workers leave the main module alone: they need nothing of it, and a script without a guard around its
    call would begin anew in each of them. Source: multiprocessing.spawn, get_preparation_data."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _core(index: int) -> int | None:
    """Which core the worker of this number is pinned to; None where the system does not pin."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    usable = sorted(os.sched_getaffinity(0))
    # From a core of this process's own: two harnesses of one worker each need not share the first one.
    return usable[(os.getpid() + index) % len(usable)]


_stopping: Any = None


def _begin(cores: Any, stop: Any, log_level: int) -> None:  # noqa: ANN401  # a queue and a byte, both shared
    """Once in every worker: pinned, and gone when the harness is, however that ended."""
    global _stopping
    _stopping = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log_plainly(log_level, f"worker {os.getpid()}: %(name)s: %(message)s")
    threading.Thread(target=_follow, args=(stop,), daemon=True).start()
    core = cores.get()
    if core is not None:
        with contextlib.suppress(OSError):  # a sandbox may forbid it, and it is for speed alone
            os.sched_setaffinity(0, {core})


def _follow(stop: Any) -> None:  # noqa: ANN401  # a shared byte
    """End this worker where the harness is gone, or where it does not stop by itself when it should."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    since: float | None = None
    while parent.is_alive() and (since is None or time.monotonic() < since + _GRACE_S):
        if since is None and stop.value:
            since = time.monotonic()
        parent.join(_LOOK_S)
    os._exit(1)


def _work(job: Job, chunk: Chunk) -> Done:
    return inside.work(job, chunk, stop=_stopped)


def _stopped() -> bool:
    return bool(_stopping.value)
