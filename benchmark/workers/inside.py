"""What a worker does, wherever it is. Imports little: a worker's memory and start are paid once per core."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import gc
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from benchmark.workers.job import Chunk, Done, Job, Worker
from export.runtime import open_signatures

# By thread, for an interpreter serves one; not threading.local, for another thread says when to let go.
_held: WeakKeyDictionary[threading.Thread, tuple[Job, Callable[[int], _Runs]]] = WeakKeyDictionary()
_CPUINFO = Path("/proc/cpuinfo")
_opening = threading.Lock()  # for what libraries print is caught by turning the process's stderr round


class _Runs(Protocol):
    """One row to its logits, whatever the runtime."""

    def logits(
        self, ids: NDArray[np.int32], mask: NDArray[np.int32], types: NDArray[np.int32]
    ) -> NDArray[np.float32]: ...


def work(job: Job, chunk: Chunk, stop: Callable[[], bool] = lambda: False) -> Done:
    """One chunk, row by row, one thread.

    Raises: ConversionError, ConfigError; CancelledError, before the next row, where `stop` says so.
    """
    one = _opened(job)(chunk.length)
    logits = np.empty((len(chunk.places), job.labels), np.float32)
    try:
        for at, row in enumerate(zip(chunk.ids, chunk.mask, chunk.types, strict=True)):
            if stop():
                raise CancelledError
            logits[at] = one.logits(*row)
    finally:
        del one  # an error that somebody keeps would keep this frame, and in it the model
    return Done(number=chunk.number, logits=logits, worker=_who())


def _opened(job: Job) -> Callable[[int], _Runs]:
    """What runs rows of a length; the last job's is let go, so that memory is that of one file."""
    thread = threading.current_thread()
    with _opening:
        held = _held.get(thread)
        if held is None or held[0] != job:
            _held.pop(thread, None)
            held = None
            _give_back()
            _forget_peak()
            held = _held[thread] = job, _open(job)
    return held[1]


def let_go(model: Path) -> None:
    """No thread of this process holds that file any longer; one that runs it still ends its row."""
    with _opening:
        for thread in [thread for thread, (job, _) in _held.items() if job.model == model]:
            del _held[thread]
    _give_back()


def _open(job: Job) -> Callable[[int], _Runs]:
    if job.runtime == "torch":
        from export.torch_runtime import open_torch  # here, for no other worker needs PyTorch

        model = open_torch(job.model)
        return lambda _: model
    opened = open_signatures(
        job.model, runtime=job.runtime, threads=1, lengths=job.signatures, recipe=job.recipe
    )
    return {one.length: one for one in opened}.__getitem__


def _who() -> Worker:
    return Worker(
        name=f"{socket.gethostname()}/{os.getpid()}",
        processor=processor(),
        peak_rss_bytes=_peak(),
    )


@functools.cache
def processor() -> str:
    """This machine's processor as its kernel names it; on ARM, which has no such name, its kinds of cores."""
    import platform

    from android_runner.kernel_text import parse_arm_parts, parse_cpuinfo

    try:
        text = _CPUINFO.read_text(encoding="utf-8")
        return parse_cpuinfo(text).model or " ".join([platform.machine(), *parse_arm_parts(text)])
    except OSError:
        return platform.processor() or platform.machine()


def _give_back() -> None:
    """What is free goes back to the system, where the C library is glibc, which would keep it."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _forget_peak() -> None:
    """Begin a new peak of memory, where the kernel lets a process do that (Linux: proc(5), clear_refs)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _peak() -> int | None:
    """The most memory this process had, bytes; None where the kernel does not tell."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0]) * 1024 if peaks else None
