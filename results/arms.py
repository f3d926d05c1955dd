"""What a run of two arms compares, as it stands in the record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from results.device import Delegate, LengthPolicy, Program

ArmName = Literal["a", "b"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One side of a comparison on one device, as it ran. `said`: how the call named it.

    `program`: what timed it. Whatever does not stand here is the same for both and in Settings.
    """

    name: ArmName
    said: str
    recipe: str
    model: str
    model_sha256: str
    threads: int
    cores: str
    length_policy: LengthPolicy
    delegate: Delegate
    program: Program


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """What a run compares: B against A, in randomized pairs of launches.

    `threshold`: the share of latency below which a change does not matter, 0 to 1, and where it is from.
    `same`: an A/A run, which measures how far apart two equal arms come out on this device.
    """

    arms: tuple[Arm, ...]
    threshold: float
    threshold_source: str
    same: bool = False
