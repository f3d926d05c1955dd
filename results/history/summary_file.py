"""The summary of a run as it is written: what a history needs of it, in a file of a few KiB.

A history of thousands of runs opens these and nothing else: no record, no raw samples.

SUMMARY_SCHEMA history:
  1  2026-11  first version
"""

from __future__ import annotations

from dataclasses import dataclass

from results.device import Delegate, DeviceKind, LengthPolicy
from results.fold import Status

SUMMARY_SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryDevice:
    """The device in the words of the record, as far as they tell one series from another.

    `model`: of a host its processor.
    """

    kind: DeviceKind
    manufacturer: str | None
    model: str | None
    soc: str | None
    abi: str
    fingerprint: str | None
    kernel: str | None
    serial_sha256: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One series of a run. Latencies in ns: of a typical valid launch, with 95 % intervals.

    `arm`: "a" or "b" of a comparison. `medians_ns`: one per valid launch. `counts`: whether a gate may judge
    by it; `doubts`: what is to be said against it, in words. `claim`: the status of the latency claim, None
    where none is about this series. `correct` of `rows` pairs are right on the host.
    """

    model: str
    recipe: str
    arm: str
    model_sha256: str | None
    runtime: str | None
    runtime_version: str | None
    runtime_sha256: str | None
    threads: int
    cores: str
    delegate: Delegate
    length_policy: LengthPolicy
    p50_ns: float | None
    p50_low_ns: float | None
    p50_high_ns: float | None
    p90_ns: float | None
    p90_low_ns: float | None
    p90_high_ns: float | None
    medians_ns: tuple[float, ...]
    launches_valid: int
    launches_total: int
    counts: bool
    doubts: tuple[str, ...]
    claim: Status | None
    correct: int | None
    rows: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """Everything that summary.json holds. `compares`: a run of two arms, which is no point of a history.

    `harness`: this program's version. `record_sha256`: of the whole record, so that a copied run is known.
    `pairs_sha256`: of the sentence pairs whose sequences were timed.
    """

    schema: int
    run_id: str
    started_at: str
    ended_at: str | None
    commit: str | None
    harness: str | None
    record_sha256: str
    compares: bool
    device: SummaryDevice | None
    runner: str
    length: int
    lengths: tuple[int, ...]
    batch: int
    fixed_performance: bool
    pairs_sha256: str | None
    points: tuple[Point, ...]
