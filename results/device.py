"""What a run knows of its device: what it is, which program ran there, its state, and what happened to it.

Plain values, as in record.py, of which these are a part.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

DeviceKind = Literal["phone", "emulator", "virtual_phone", "host"]


# fixed: every sequence padded to one length; shortest: to the shortest signature that holds it.
LengthPolicy = Literal["fixed", "shortest"]
# What computes on the device; ours is LiteRT's CPU backend with XNNPACK.
Delegate = Literal["cpu", "gpu", "nnapi"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """One processor core; `capacity` is the kernel's 0-1024 figure, `max_khz` its top clock in kHz."""

    index: int
    capacity: int | None
    max_khz: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What the device says of itself. None means that the device does not say, never a guess.

    `abi`: whose programs run there; the kernel's word where it contradicts the properties.
    `contradictions`: where properties and the kernel's own word differ (ABI, /proc/cpuinfo).
    `serial_sha256`: the serial itself is stored nowhere.
    """

    kind: DeviceKind
    serial_sha256: str | None
    manufacturer: str | None
    model: str | None
    soc: str | None
    abi: str
    api_level: int | None
    fingerprint: str | None
    build_type: str | None
    kernel: str | None
    cores: tuple[Core, ...]
    memory_bytes: int | None
    free_bytes: int | None
    contradictions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """The device's state at one moment. Temperatures in °C, battery level in percent, clocks in kHz.

    `thermal_status`: Android's 0 (none) to 6 (shutdown); None where there is no thermal service.
    `throttled`: sensors of processor, skin or SoC whose own status is above 0. `cooling`: what caps the
    processor, by name, and its step (0: nothing). `skin_light_c`: where the device calls its skin warm.
    `cpuset` and `allowed_cores` are those of the shell that starts the device program. `boot_id`: another one
    is another boot.
    """

    at: str
    thermal_status: int | None
    thermal_overridden: bool
    skin_c: float | None
    cpu_c: float | None
    battery_percent: int | None
    battery_c: float | None
    charging: bool | None
    max_khz_by_core: dict[int, int] = field(default_factory=dict)
    throttled: tuple[str, ...] = ()
    cooling: dict[str, int] = field(default_factory=dict)
    skin_light_c: float | None = None
    awake: bool | None = None
    battery_saver: bool | None = None
    cpuset: str | None = None
    allowed_cores: tuple[int, ...] = ()
    load_1min: float | None = None
    uptime_s: float | None = None
    boot_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockUse:
    """How long the cores that share a clock were set to each frequency while a launch ran.

    `shares`: kHz to the share of that time, 0 to 1; idle time is in it.
    """

    cores: tuple[int, ...]
    shares: dict[int, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """A setting of the device that this harness changed for the run: from `before` (None: unset) to `during`.

    `restored`: whether it was read back as before; None while the run is under way.
    """

    name: str
    before: str | None
    during: str
    restored: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """Something that hit the run from outside, and was waited out: what it hit is done again.

    `error`: the error's class as users read it, or "stopped" where the run itself was stopped and resumed.
    `order`: of the launch that it hit, None between launches. `rebooted`: None where the device does not say.
    """

    at: str
    during: str
    order: int | None
    error: str
    what: str
    waited_s: float
    rebooted: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The device program that ran: its bundle's ABI and the SHA-256 of what is in it."""

    abi: str
    program_sha256: str
    runtime: str
    runtime_version: str
    runtime_sha256: str
