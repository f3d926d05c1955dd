"""On which cores a launch runs."""

from __future__ import annotations

from collections.abc import Sequence

from results.device import Core, Device
from results.errors import ConfigError


def cores_for(device: Device, threads: int) -> tuple[int, ...]:
    """The `threads` strongest cores, by capacity, then top clock, then index; ascending.

    A measure counts only where every core has one: a core that does not tell would rank last, or first, by
    accident. Empty (no mask: the device's scheduler places) where all cores are alike or neither is known of
    them all, as on most hosts.

    Raises ConfigError for more threads than cores: those would wait for each other.
    """
    if threads < 1:
        raise ConfigError(f"{threads} threads cannot run anything.", next_step="Give --threads 1 or more.")
    if threads > len(device.cores):
        raise ConfigError(
            f"{threads} threads do not fit on the {len(device.cores)} cores that may be used on the device.",
            next_step=f"Give --threads {len(device.cores)} or fewer.",
        )
    strengths = _strengths(device.cores)
    if len(set(strengths)) <= 1:
        return ()
    ranked = sorted(zip(strengths, (core.index for core in device.cores), strict=True), reverse=True)
    return tuple(sorted(index for _, index in ranked[:threads]))


def _strengths(cores: Sequence[Core]) -> list[tuple[int, ...]]:
    """Capacity and top clock of each core, as far as all cores have them; empty where they have neither."""
    measures = ([core.capacity for core in cores], [core.max_khz for core in cores])
    known = [[value for value in values if value is not None] for values in measures]
    return list(zip(*(values for values in known if len(values) == len(cores)), strict=True))
