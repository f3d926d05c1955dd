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
class Threshold:
    """From which share of latency on a change matters; all shares 0 to 1, all sources in words.

    `share`: as asked for, or the default; two sides are equivalent within it. `noise_floor`: how far apart
    two equal arms come out, where an A/A run was given: what cannot be seen, not what does not matter.
    """

    share: float
    source: str
    noise_floor: float | None = None
    noise_floor_source: str | None = None

    @property
    def beyond(self) -> float:
        """The share beyond which a side is slower or faster."""
        return max(self.share, self.noise_floor or 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """What a run compares: B against A, in randomized pairs of launches.

    `same`: an A/A run, which measures how far apart two equal arms come out on this device.
    """

    arms: tuple[Arm, ...]
    threshold: Threshold
    same: bool = False
