"""Google's benchmark_model as the device program: its command, and one launch of it."""

from __future__ import annotations

import logging
import math
import shlex
from typing import TYPE_CHECKING

from android_runner.benchmark_model_expect import expect, failed_words, fell_back
from android_runner.benchmark_model_text import Report, parse
from android_runner.push import push_verified
from results.errors import AbiUnsupported, ConfigError, RunDiffers, RunFailed

if TYPE_CHECKING:
    from pathlib import Path

    from android_runner.binary import Binary
    from android_runner.feed import Feed
    from android_runner.run import Order, Workplace
    from results.device import Delegate

log = logging.getLogger(__name__)

_ASK_TIMEOUT_S = 20.0
_SEND_TIMEOUT_S = 600.0
_NEXT = {
    126: "Make the device's work folder one where programs may be run.",
    127: "Give another --binary, or --cores all: the program's libraries or taskset are missing there.",
    134: "Try another --binary, or --delegate cpu; the log has the program's own words.",
    137: "The device killed it, most often for want of memory; close other apps and run again.",
    139: "Try another --binary, or --delegate cpu; this one crashes on this model.",
}
# Every choice is written out: defaults change between versions. Then exactly so many inferences run.
_COMMON = (
    *("--min_secs=0", "--run_delay=-1", "--run_frequency=-1", "--use_caching=false", "--dry_run=false"),
    *("--report_peak_memory_footprint=false", "--verbose=false"),
)
# GPUs halve the precision of float32 unless told not to; that is another model than the one checked.
_CLASSIC = {
    "cpu": ("--use_xnnpack=true", "--require_full_delegation=false"),
    "gpu": (
        *("--use_xnnpack=false", "--require_full_delegation=true"),
        *("--use_gpu=true", "--gpu_precision_loss_allowed=false"),
    ),
    "nnapi": (
        *("--use_xnnpack=false", "--require_full_delegation=true"),
        *("--use_nnapi=true", "--disable_nnapi_cpu=true", "--nnapi_allow_fp16=false"),
    ),
}
_LITERT = {
    "cpu": ("--use_cpu=true", "--use_gpu=false", "--require_full_delegation=false"),
    "gpu": ("--use_cpu=false", "--use_gpu=true", "--gpu-precision=fp32", "--require_full_delegation=true"),
}


def send_binary(place: Workplace, binary: Binary) -> str:
    """Put the program on the device, unless it is there; its path there.

    Raises: AbiUnsupported where the device could not start it; the errors of a push.
    """
    if binary.abi != place.bundle.abi:
        raise AbiUnsupported(
            f"{binary.path} is for {binary.abi}, and {place.link.name} runs {place.bundle.abi}.",
            next_step=f"Give a benchmark_model that was built for {place.bundle.abi}.",
            path=binary.path,
        )
    if binary.interpreter is not None:
        asked = place.link.run(f"[ -e {shlex.quote(binary.interpreter)} ]", timeout_s=_ASK_TIMEOUT_S)
        if asked.exit_code != 0:
            raise AbiUnsupported(
                f"{binary.path} needs {binary.interpreter}, which {place.link.name} does not have: "
                "it was built for another system.",
                next_step="Give a benchmark_model that was built for the device's system (Android or Linux).",
                path=binary.path,
            )
    for library in binary.libraries:
        _send(place, library.path, f"{_home(place, binary)}/{library.path.name}", library.sha256)
    _send(place, binary.path, _remote(place, binary), binary.sha256)
    return _remote(place, binary)


def _send(place: Workplace, local: Path, remote: str, sha256: str) -> None:
    push_verified(place.link, local, remote, sha256=sha256, mode=0o755, timeout_s=_SEND_TIMEOUT_S)


def launch(
    place: Workplace, order: Order, binary: Binary, delegate: Delegate, feed: Feed
) -> tuple[Report, bytes]:
    """Start the program once and wait for it; its report, and its text as it came.

    Every inference is of the feed's one row; the order's rows, seed and signatures are not looked at.
    Raises: ConfigError (a delegate that it does not have), RunFailed (it said no), RunDiffers (it did
    something else), RunTimedOut, OutputUnreadable, DeviceLost.
    """
    done = place.link.run(command(place, order, binary, delegate, feed), timeout_s=order.timeout_s)
    if done.exit_code != 0:
        taken = fell_back(done.text)
        if taken is not None:
            raise RunDiffers(
                f"{delegate.upper()} does not take the whole model; the rest would run on the CPU: {taken}.",
                next_step="Use --delegate cpu, or a model whose every operator the delegate takes.",
                exit_code=done.exit_code,
                output=done.text,
            )
        raise RunFailed(
            f"benchmark_model ended with exit code {done.exit_code}: {failed_words(done.text)}",
            next_step=_NEXT.get(done.exit_code, "Read device.log in the run folder; it has its command."),
            exit_code=done.exit_code,
            output=done.text,
        )
    report = parse(done.text)
    expect(
        report,
        runs=order.inferences,
        warmup_at_least=order.warmup_inferences,
        threads=order.threads,
        delegate=delegate,
        cores=order.cores,
    )
    return report, done.stdout


def command(place: Workplace, order: Order, binary: Binary, delegate: Delegate, feed: Feed) -> str:
    """The shell command of one launch. Raises ConfigError for a delegate that this dialect lacks."""
    of_dialect = _CLASSIC if binary.dialect == "classic" else _LITERT
    if delegate not in of_dialect:
        raise ConfigError(
            f"LiteRT's benchmark_model has no {delegate.upper()}; TensorFlow Lite's has.",
            next_step="Give --binary nightly, or a path to TensorFlow Lite's benchmark_model.",
        )
    words = [
        _remote(place, binary),
        # First, so that busy.py knows the process by its arguments.
        f"--graph={order.model}",
        *(f"--num_runs={order.inferences}", f"--num_threads={order.threads}"),
        *(f"--warmup_runs={order.warmup_inferences}", f"--warmup_min_secs={order.warmup_s:g}"),
        # Later than our own deadline: what is too slow is ended by us, and never just shorter.
        f"--max_secs={math.ceil(order.timeout_s) + 60}",
        *_COMMON,
        *of_dialect[delegate],
        *(("--enable_op_profiling=false", "--allow_fp16=false") if binary.dialect == "classic" else ()),
        *(("--use_npu=false", "--use_profiler=false") if binary.dialect == "litert" else ()),
        *feed.arguments,
    ]
    # The shell pins itself, and becomes the program; the kernel's word on it comes first in the output.
    steps = [f"taskset -p {mask(order.cores)} $$ >/dev/null"] if order.cores else []
    if binary.libraries:
        steps.append(f"export LD_LIBRARY_PATH={shlex.quote(_home(place, binary))}")
    steps += ["grep Cpus_allowed_list: /proc/self/status", f"exec {shlex.join(words)}"]
    return f"cd {shlex.quote(place.folder)} && {{ {' && '.join(steps)}; }} 2>&1"


def mask(cores: tuple[int, ...]) -> str:
    """Cores as taskset takes them: hexadecimal, without a prefix, which toybox does not know."""
    return f"{sum(1 << core for core in set(cores)):x}"


def _home(place: Workplace, binary: Binary) -> str:
    """The binary's folder on the device: another one where program or libraries are others."""
    return f"{place.folder}/benchmark_model-{binary.program.runtime_sha256[:16]}"


def _remote(place: Workplace, binary: Binary) -> str:
    return f"{_home(place, binary)}/benchmark_model"
