"""Whether a launch of benchmark_model that ended did what was asked: runs, flags, cores and delegate.

Its exit code is 0 also where it stopped early, passed over a flag, or left the work to the CPU.
Source: what it prints is that of benchmark_model_text.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from android_runner.benchmark_model_text import Replaced, Report, printable, replaced_in
from results.device import Delegate
from results.errors import RunDiffers, RunFailed

_NO_FALLBACK = "Disallowed CPU fallback detected."
_OTHER_DELEGATE = "Use --delegate cpu, or a model and a device on which the delegate takes every operator."
_NAMES = {"cpu": "XNNPACK", "gpu": "GPU", "nnapi": "NNAPI"}


def expect(
    report: Report, *, runs: int, warmup_at_least: int, threads: int, delegate: Delegate, cores: Sequence[int]
) -> None:
    """Refuse a launch that ended well and did something else than what was asked.

    `cores`: those that the kernel has to name; empty where placement was left to it.
    Raises: RunFailed where inferences failed, RunDiffers for all else.
    """
    if report.failures:
        raise RunFailed(
            f"benchmark_model counted inferences that failed: {report.failures[0]}",
            next_step="Try --delegate cpu or --recipe float32; the log has the program's own words.",
            failures=report.failures,
        )
    if report.unconsumed is not None:
        _differs(
            f"it does not know {report.unconsumed}, and ran without",
            "Give a --binary of another version, or one that fits this command.",
        )
    _expect_parameters(report, runs=runs, threads=threads)
    if report.timed.count != runs:
        _differs(
            f"it timed {report.timed.count} inferences, not {runs}",
            "Run again; if it repeats, give fewer --inferences: its longest duration may have ended it.",
        )
    warmups = report.warmup.count if report.warmup is not None else 0
    if warmups < warmup_at_least:
        _differs(
            f"it warmed up with {warmups} inferences, not {warmup_at_least} or more",
            "Run again; if it repeats, give fewer --warmup-inferences.",
        )
    if cores and report.cores != tuple(sorted(cores)):
        allowed = "that nobody named" if report.cores is None else _listed(report.cores)
        _differs(
            f"it was allowed on cores {allowed}, not on {_listed(cores)}",
            "Give --cores all; this device does not let us choose these cores.",
        )
    _expect_delegate(report, delegate)


def failed_words(text: str) -> str:
    """The most telling line of a launch that did not end well: its last complaint, else its last words."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    loud = [line for line in lines if re.match(r"(?:ERROR|FATAL): |taskset: ", line)]
    # Its own last line says only that it failed.
    telling = [line for line in loud if not line.endswith("Benchmarking failed.")] or loud or lines
    return printable(telling[-1]) if telling else "no word"


def fell_back(text: str) -> str | None:
    """What delegates took in a launch that ended because they may not fall back to the CPU; else None."""
    if _NO_FALLBACK not in text:
        return None
    return _taken(replaced_in(text))


def _expect_parameters(report: Report, *, runs: int, threads: int) -> None:
    """Every build repeats what it was told; one that does not was told something else."""
    for name, wanted in (("Min num runs", runs), ("Num threads", threads)):
        said = report.parameters.get(name)
        if said != str(wanted):
            told = "does not repeat it" if said is None else f"says [{printable(said)}]"
            _differs(
                f'it was asked for "{name}" {wanted} and {told}',
                "Give a --binary of another version; this one does not take the flags of this command.",
            )


def _expect_delegate(report: Report, delegate: Delegate) -> None:
    if report.dialect == "litert":
        _expect_litert_delegate(report, delegate)
        return
    name = _NAMES[delegate]
    found = [applied for applied in report.applied if applied.delegate == name]
    others = [applied.delegate for applied in report.applied if applied.delegate != name]
    if others:
        _differs(f"it applied {', '.join(others)} beside or instead of {name}", _OTHER_DELEGATE)
    if not found or not all(applied.kernels for applied in found):
        _differs(f"{name} was asked for and computes nothing: {_taken(report.replaced)}", _OTHER_DELEGATE)
    # On the CPU, what XNNPACK leaves runs there as well; the record says how much of the work that is.
    if delegate != "cpu" and not all(applied.completely for applied in found):
        _differs(f"{name} computes a part only, the CPU the rest: {_taken(report.replaced)}", _OTHER_DELEGATE)


def _expect_litert_delegate(report: Report, delegate: Delegate) -> None:
    on_cpu = [taken for taken in report.replaced if "xnnpack" in taken.delegate.lower()]
    others = [taken for taken in report.replaced if taken not in on_cpu]
    if delegate == "cpu":
        if others:
            _differs(f"the CPU was asked for, and another computes: {_taken(others)}", _OTHER_DELEGATE)
        if not report.xnnpack_created and not any(taken.nodes for taken in on_cpu):
            _differs("XNNPACK was asked for and computes nothing", _OTHER_DELEGATE)
        return
    name = _NAMES[delegate]
    if not any(taken.nodes for taken in others):
        _differs(f"{name} was asked for and computes nothing: {_taken(report.replaced)}", _OTHER_DELEGATE)
    if on_cpu or any(taken.nodes != taken.of_nodes for taken in others):
        _differs(f"{name} computes a part only, the CPU the rest: {_taken(report.replaced)}", _OTHER_DELEGATE)


def _taken(replaced: Sequence[Replaced]) -> str:
    """Who took how many nodes, in words."""
    parts = [
        f"{printable(taken.delegate)} took {taken.nodes}"
        + ("" if taken.of_nodes is None else f" of {taken.of_nodes}")
        + " nodes"
        for taken in replaced
    ]
    return "; ".join(parts) or "it names no node that a delegate took"


def _differs(what: str, next_step: str) -> NoReturn:
    raise RunDiffers(f"benchmark_model ended well and not as asked: {what}.", next_step=next_step)


def _listed(cores: Sequence[int]) -> str:
    return ", ".join(map(str, sorted(cores)))
