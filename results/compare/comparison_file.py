"""A comparison as it is written: the decision on each metric of B against A, and what it rests on.

COMPARISON_SCHEMA history:
  1  2026-11  first version
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from results.arms import Arm, Threshold
from results.compare.comparison import MetricChange
from results.device import Delegate, DeviceKind, LengthPolicy

COMPARISON_SCHEMA = 1

ComparisonStatus = Literal["slower", "faster", "equivalent", "not_shown", "not_comparable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredOn:
    """What a noise floor holds for: the device, its build, and the settings of arm A.

    In an A/A run, which alone has a noise floor, they are those of both arms.
    """

    kind: DeviceKind
    serial_sha256: str | None
    soc: str | None
    fingerprint: str | None
    length: int
    length_policy: LengthPolicy
    threads: int
    cores: str
    delegate: Delegate
    runner: str
    fixed_performance: bool
    batch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SequenceShift:
    """B over A per sequence: the median of its ratios over the pairs, for the `sequences` that both timed.

    `p10`, `p50`, `p90`: of the sequences' ratios. They have no interval: launches are what repeats.
    """

    sequences: int
    p10: float
    p50: float
    p90: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Everything that comparison.json holds. Latencies in ns.

    `rounds`: that were made; `pairs`: those of them that count. `changes`: p50, p90 and load time, p50
    first. `with_every`: the same over every launch that ran; empty where all of them count. `status`: slower
    where any metric is, else that of p50. `same`: an A/A run; `noise_floor`: then how far from 1 the interval
    of the p50's ratio reaches, over the launches that count or over all that ran, whichever is farther, as a
    share; None where there is none to be had (`reasons` say why).
    `reasons`: why nothing is shown; `remarks` decide nothing.
    """

    schema: int
    run_id: str
    same: bool
    arms: tuple[Arm, ...]
    measured_on: MeasuredOn | None
    threshold: Threshold
    rounds: int
    pairs: int
    repeated: int
    status: ComparisonStatus
    sentence: str
    changes: tuple[MetricChange, ...]
    with_every: tuple[MetricChange, ...]
    sequences: SequenceShift | None
    noise_floor: float | None
    pairs_to_decide: int | None
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]
