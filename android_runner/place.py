"""On which cores a launch runs."""

from __future__ import annotations

from collections.abc import Sequence

from results.device import Core, Device
from results.errors import ConfigError


def cores_for(device: Device, threads: int, policy: str = "big") -> tuple[int, ...]:
    """The cores of a launch, ascending; empty: no mask, the device's scheduler places.

    `policy`: "big", the `threads` strongest; "all", empty; or a hexadecimal mask, exactly those cores.
    Raises ConfigError for more threads than cores (those would wait for each other), and for a mask with
    cores that may not be used there.
    """
    if threads < 1:
        raise ConfigError(f"{threads} threads cannot run anything.", next_step="Give --threads 1 or more.")
    if threads > len(device.cores):
        raise ConfigError(
            f"{threads} threads do not fit on the {len(device.cores)} cores that may be used on the device.",
            next_step=f"Give --threads {len(device.cores)} or fewer.",
        )
    if policy == "all":
        return ()
    return _strongest(device.cores, threads) if policy == "big" else _masked(device, threads, policy)


def _strongest(cores: Sequence[Core], threads: int) -> tuple[int, ...]:
    """By capacity, then top clock, then index.

    A measure counts only where every core has one: a core that does not tell would rank last, or first, by
    accident. Empty where all cores are alike or neither is known of them all, as on most hosts.
    """
    strengths = _strengths(cores)
    if len(set(strengths)) <= 1:
        return ()
    ranked = sorted(zip(strengths, (core.index for core in cores), strict=True), reverse=True)
    return tuple(sorted(index for _, index in ranked[:threads]))


def _strengths(cores: Sequence[Core]) -> list[tuple[int, ...]]:
    """Capacity and top clock of each core, as far as all cores have them; empty where they have neither."""
    measures = ([core.capacity for core in cores], [core.max_khz for core in cores])
    known = [[value for value in values if value is not None] for values in measures]
    return list(zip(*(values for values in known if len(values) == len(cores)), strict=True))


def _masked(device: Device, threads: int, mask: str) -> tuple[int, ...]:
    """The cores whose bits are set, bit 0 for core 0."""
    bits = int(mask, 16)
    chosen = tuple(index for index in range(bits.bit_length()) if bits >> index & 1)
    usable = {core.index for core in device.cores}
    strange = [index for index in chosen if index not in usable]
    if strange:
        raise ConfigError(
            f"--cores {mask} has core {_listed(strange)}, which may not be used on the device: it is not "
            "there, is switched off, or is kept from programs that are started over ADB.",
            next_step=f"Choose among cores {_listed(sorted(usable))}: a mask within {_mask(usable):x}.",
        )
    if threads > len(chosen):
        raise ConfigError(
            f"{threads} threads do not fit on the {len(chosen)} cores of --cores {mask}.",
            next_step=f"Give --threads {len(chosen)} or fewer, or a mask with {threads} cores."
            if chosen
            else "Give a mask with at least one core, such as --cores f0 for cores 4 to 7.",
        )
    return chosen


def _mask(cores: set[int]) -> int:
    return sum(1 << index for index in cores)


def _listed(cores: Sequence[int]) -> str:
    return ", ".join(map(str, cores))
