"""On which cores a launch runs."""

from __future__ import annotations

from results.errors import ConfigError
from results.record import Core, Device


def cores_for(device: Device, threads: int) -> tuple[int, ...]:
    """The `threads` strongest cores, by capacity, then top clock, then index; ascending.

    Empty (no mask: the device's scheduler places) where all cores are alike or nothing is known of them, as
    on most hosts. Raises ConfigError for more threads than cores: those would wait for each other.
    """
    if threads < 1:
        raise ConfigError(f"{threads} threads cannot run anything.", next_step="Give --threads 1 or more.")
    if threads > len(device.cores):
        raise ConfigError(
            f"{threads} threads do not fit on the {len(device.cores)} cores that may be used on the device.",
            next_step=f"Give --threads {len(device.cores)} or fewer.",
        )
    if len({(core.capacity, core.max_khz) for core in device.cores}) == 1:
        return ()
    strongest = sorted(device.cores, key=_strength, reverse=True)[:threads]
    return tuple(sorted(core.index for core in strongest))


def _strength(core: Core) -> tuple[int, int, int]:
    return core.capacity or 0, core.max_khz or 0, core.index
